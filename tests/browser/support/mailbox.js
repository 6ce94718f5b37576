// An SMTP server that takes every mail and keeps it (RFC 5321, as much as a client needs).
import { createServer } from "node:net";
import { until } from "./until.js";

export class Mailbox {
  static async open() {
    const own = new Mailbox();
    own.mails = [];
    own.server = createServer((socket) => own.serve(socket));
    await new Promise((resolve) => own.server.listen(0, "127.0.0.1", resolve));
    own.port = own.server.address().port;
    return own;
  }

  serve(socket) {
    let pending = "";
    let mail = { to: [] };
    let inData = false;
    const say = (line) => socket.write(`${line}\r\n`);
    socket.on("error", () => {});
    say("220 mailbox ready");
    socket.on("data", (octets) => {
      pending += octets.toString("utf8");
      for (;;) {
        const mark = inData ? "\r\n.\r\n" : "\r\n";
        const end = pending.indexOf(mark);
        if (end < 0) return;
        const text = pending.slice(0, end);
        pending = pending.slice(end + mark.length);
        if (inData) {
          this.mails.push({ ...mail, ...read(text.replaceAll("\r\n..", "\r\n.")) });
          mail = { to: [] };
          inData = false;
          say("250 kept");
        } else if (/^EHLO/i.test(text)) {
          say("250-mailbox");
          say("250 8BITMIME");
        } else if (/^RCPT TO:/i.test(text)) {
          mail.to.push(/<(.*?)>/.exec(text)?.[1]);
          say("250 ok");
        } else if (/^DATA/i.test(text)) {
          inData = true;
          say("354 go on");
        } else if (/^QUIT/i.test(text)) {
          socket.end("221 bye\r\n");
        } else {
          say("250 ok");
        }
      }
    });
  }

  /** The next mail to this address that nobody has taken yet. */
  next(address) {
    return until(`a mail for ${address} arrives`, () => {
      const index = this.mails.findIndex(({ to }) => to.includes(address));
      return index < 0 ? undefined : this.mails.splice(index, 1)[0];
    });
  }

  close() {
    this.server.close();
  }
}

/** Headers, the text part, and the links in it. */
function read(source) {
  const [head, ...rest] = source.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n");
  const headers = Object.fromEntries(head.replaceAll(/\r\n[ \t]+/g, " ").split("\r\n").map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const text = decoded(body, `${headers["content-transfer-encoding"] ?? ""} ${body}`);
  return { headers, source, text, links: [...new Set(text.match(/https?:\/\/[^\s"<>]+/g) ?? [])] };
}

function decoded(body, hints) {
  if (/quoted-printable/i.test(hints)) {
    const octets = body.replaceAll("=\r\n", "").replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
    return Buffer.from(octets, "latin1").toString("utf8");
  }
  if (/base64/i.test(hints)) {
    return body.replaceAll(/(?:^|\r\n\r\n)((?:[A-Za-z0-9+/=]+\r?\n?){2,})/g, (_, block) => `\n${Buffer.from(block, "base64").toString("utf8")}\n`);
  }
  return body;
}
