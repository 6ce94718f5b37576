// A proxy whose connections leave from a chosen loopback address: the server sees a person at 127.0.0.7.
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
      // CONNECT for HTTPS; plain HTTP carries the whole address, which a server takes as well as a path (RFC 9112 section 3.2.2).
      const tunnel = /^CONNECT \S+:(\d+) /.exec(head);
      const plain = /^\S+ http:\/\/[^/ ]+?:(\d+)\//.exec(head);
      const port = Number((tunnel ?? plain)?.[1]);
      if (!port) return void client.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      const onward = connect({ port, host: "127.0.0.1", localAddress: address }, () => {
        if (tunnel) client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        else onward.write(Buffer.from(head.replace(/ http:\/\/[^/ ]+/, " "), "latin1"));
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
