// Another web site: pages that try to use somebody's session with us.
import { createServer } from "node:http";

/** Serves `html` on http://127.0.0.1:PORT/, which is another site than https://localhost, and remembers who asked. */
export async function elsewhere(html, headers = {}) {
  const asked = [];
  const server = createServer((request, response) => {
    if (request.url === "/") asked.push({ cookie: request.headers.cookie, source: request.socket.remoteAddress });
    response.writeHead(200, { "content-type": "text/html", ...headers }).end(html);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    cookies: () => asked.map(({ cookie }) => cookie),
    sources: () => asked.map(({ source }) => source),
    close: () => server.close(),
  };
}

/** A page that sends a form to `action` by itself. */
export function trap(action, fields = {}) {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`).join("");
  return `<form id="f" method="post" action="${action}">${inputs}</form><script>document.getElementById("f").submit()</script>`;
}
