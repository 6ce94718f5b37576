// Another web site: pages that try to use somebody's session with us.
import { createServer } from "node:http";

/** Serves `html` on http://127.0.0.1:PORT/, which is another site than https://localhost. */
export async function elsewhere(html) {
  const server = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(html));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** A page that sends a form to `action` by itself. */
export function trap(action, fields = {}) {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`).join("");
  return `<form id="f" method="post" action="${action}">${inputs}</form><script>document.getElementById("f").submit()</script>`;
}
