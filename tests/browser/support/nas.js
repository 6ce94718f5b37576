// A switch that hears CoA and Disconnect (RFC 5176), acknowledges, and tells the test.
import { createSocket } from "node:dgram";
import { parse, signed } from "./radius.js";
import { until } from "./until.js";

const ACKNOWLEDGED = { 40: 41, 43: 44 };

export class Nas {
  /** Listens, and becomes the client `lab` of the installation. `vendor` decides how a segment is told. */
  static async start(installation, { vendor = "cisco-ios" } = {}) {
    const nas = new Nas();
    nas.socket = createSocket("udp4");
    nas.heard = [];
    nas.answers = true;
    await new Promise((resolve) => nas.socket.bind(0, "127.0.0.1", resolve));
    nas.port = nas.socket.address().port;
    nas.socket.on("message", (message, from) => nas.hear(message, from));
    await installation.nac("client", "set", "lab", "--vendor", vendor, "--coa-port", String(nas.port));
    return nas;
  }

  hear(message, from) {
    const request = parse(message);
    if (!(request.code in ACKNOWLEDGED)) return;
    this.heard.push(request);
    if (!this.answers) return;
    const reply = signed(ACKNOWLEDGED[request.code], request.identifier, [], message.subarray(4, 20));
    this.socket.send(reply, from.port, from.address);
  }

  /** The next CoA or Disconnect that nobody has taken yet. */
  next(what = "the server sends CoA") {
    return until(what, () => this.heard.shift());
  }

  stop() {
    this.socket.close();
  }
}
