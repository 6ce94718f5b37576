// An HTTP CONNECT proxy whose connections leave from a chosen loopback address: the server sees a person at 127.0.0.7.
import { connect, createServer } from "node:net";

/** Gives the URL of a proxy that surfs from `address`. */
export async function proxyFrom(address) {
  const server = createServer((client) => {
    let head = "";
    client.on("error", () => client.destroy());
    client.on("data", function greet(octets) {
      head += octets.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      client.removeListener("data", greet);
      const [, port] = /^CONNECT \S+:(\d+) /.exec(head) ?? [];
      if (!port) return void client.end("HTTP/1.1 405 Method Not Allowed\r\n\r\n");
      const onward = connect({ port: Number(port), host: "127.0.0.1", localAddress: address }, () => {
        client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        client.pipe(onward).pipe(client);
      });
      onward.on("error", () => client.destroy());
      client.on("close", () => onward.destroy());
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
