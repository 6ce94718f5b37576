// A raw RADIUS client (RFC 2865, 2866): sends any octets in any attribute, which no well-behaved client would.
import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { SECRET } from "./installation.js";

export const ATTRIBUTE = {
  userName: 1, userPassword: 2, nasIpAddress: 4, nasPort: 5, serviceType: 6, framedIpAddress: 8, replyMessage: 18, class: 25,
  calledStationId: 30, callingStationId: 31, nasIdentifier: 32, acctStatusType: 40, acctSessionId: 44, nasPortType: 61,
  connectInfo: 77, messageAuthenticator: 80, nasPortId: 87, framedIpv6Address: 168,
};
const A = ATTRIBUTE;
const STATUS = { start: 1, stop: 2, interim: 3 };

export class Radius {
  constructor(installation) {
    this.installation = installation;
    this.identifier = 0;
  }

  /** A MAC address as name and password. Resolves with the reply. */
  mab(mac, attributes = []) {
    const name = mac.replaceAll(/[:-]/g, "").toLowerCase();
    return this.access({ user: name, password: name, attributes: [[A.callingStationId, mac], [A.serviceType, integer(10)], ...attributes] });
  }

  /** An Access-Request with PAP. */
  access({ user, password = "", attributes = [] }) {
    const authenticator = randomBytes(16);
    const all = [
      [A.userName, user],
      [A.userPassword, hidden(Buffer.from(password), authenticator)],
      ...withDefaults(attributes),
    ];
    return this.exchange(this.installation.auth, (identifier) => accessRequest(identifier, authenticator, all), authenticator);
  }

  /** An Accounting-Request: `event` is start, interim or stop. */
  account(event, attributes) {
    const all = [[A.acctStatusType, integer(STATUS[event])], ...withDefaults(attributes)];
    return this.exchange(this.installation.acct, (identifier) => accountingRequest(identifier, all));
  }

  /** A device comes: authenticates by its MAC, and accounting reports its address. Gives what `end` and CoA need. */
  async session({ mac, address, user, password, ssid, port = "Gi1/0/1", id = randomBytes(6).toString("hex") }) {
    const place = ssid
      ? [[A.calledStationId, `02-00-00-00-00-FE:${ssid}`], [A.nasPortType, integer(19)]]
      : [[A.nasPortId, port], [A.nasPortType, integer(15)]];
    const common = [[A.callingStationId, mac], [A.acctSessionId, id], ...place];
    const reply = user === undefined
      ? await this.mab(mac, common.slice(1))
      : await this.access({ user, password, attributes: common });
    const carried = reply.attributes.filter(([kind]) => kind === A.class);
    const own = reply.attributes.find(([kind]) => kind === A.userName)?.[1] ?? user ?? mac;
    const described = [...common, ...carried, [A.userName, own], [A.framedIpAddress, ipv4(address)]];
    if (reply.code === 2) await this.account("start", described);
    return { reply, vlan: reply.vlan, end: () => this.account("stop", described), interim: () => this.account("interim", described) };
  }

  async exchange(port, build, authenticator) {
    this.identifier = (this.identifier + 1) % 256;
    const packet = build(this.identifier);
    const socket = createSocket("udp4");
    try {
      return await new Promise((resolve, reject) => {
        let tries = 0;
        const send = () => {
          if ((tries += 1) > 5) reject(new Error(`RADIUS: no answer from port ${port}`));
          else socket.send(packet, port, "127.0.0.1");
        };
        const timer = setInterval(send, 1_000);
        socket.once("message", (message) => {
          clearInterval(timer);
          resolve(parse(message, authenticator));
        });
        socket.once("error", reject);
        send();
      });
    } finally {
      socket.close();
    }
  }
}

export function integer(value) {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

export function ipv4(text) {
  return Buffer.from(text.split(".").map(Number));
}

/** A whole packet of this code whose authenticator is computed over it, as in RFC 2866 and RFC 5176. */
export function signed(code, identifier, attributes, over = Buffer.alloc(16)) {
  const body = encode(attributes);
  const packet = Buffer.concat([header(code, identifier, body.length, over), body]);
  createHash("md5").update(packet).update(SECRET).digest().copy(packet, 4);
  return packet;
}

export function parse(message, authenticator) {
  const attributes = [];
  const end = message.readUInt16BE(2);
  for (let at = 20; at + 2 <= end; at += message[at + 1]) {
    if (message[at + 1] < 2) throw new Error("RADIUS: an attribute without a length");
    attributes.push([message[at], message.subarray(at + 2, at + message[at + 1])]);
  }
  if (authenticator) {
    const check = createHash("md5").update(message.subarray(0, 4)).update(authenticator).update(message.subarray(20, end)).update(SECRET);
    if (!check.digest().equals(message.subarray(4, 20))) throw new Error("RADIUS: the reply does not verify");
  }
  // Tunnel-Private-Group-Id, with or without a tag (RFC 2868 section 3.6).
  const group = attributes.find(([kind]) => kind === 81)?.[1];
  const vlan = group && group.subarray(group[0] < 0x20 ? 1 : 0).toString();
  return { code: message[0], identifier: message[1], attributes, vlan };
}

function accountingRequest(identifier, attributes) {
  return signed(4, identifier, attributes);
}

function accessRequest(identifier, authenticator, attributes) {
  const body = encode([[A.messageAuthenticator, Buffer.alloc(16)], ...attributes]);
  const packet = Buffer.concat([header(1, identifier, body.length, authenticator), body]);
  createHmac("md5", SECRET).update(packet).digest().copy(packet, 22);
  return packet;
}

function header(code, identifier, length, authenticator) {
  const octets = Buffer.alloc(20);
  octets[0] = code;
  octets[1] = identifier;
  octets.writeUInt16BE(20 + length, 2);
  authenticator.copy(octets, 4);
  return octets;
}

function encode(attributes) {
  return Buffer.concat(attributes.map(([kind, value]) => {
    const octets = Buffer.from(value).subarray(0, 253);
    return Buffer.concat([Buffer.from([kind, octets.length + 2]), octets]);
  }));
}

function withDefaults(attributes) {
  const has = (kind) => attributes.some(([known]) => known === kind);
  const defaults = [[A.nasIpAddress, ipv4("127.0.0.1")], [A.nasIdentifier, "browser-lab"]];
  return [...attributes, ...defaults.filter(([kind]) => !has(kind))];
}

/** User-Password (RFC 2865 section 5.2). */
function hidden(password, authenticator) {
  const padded = Buffer.alloc(Math.max(16, Math.ceil(password.length / 16) * 16));
  password.copy(padded);
  let last = authenticator;
  for (let at = 0; at < padded.length; at += 16) {
    const mask = createHash("md5").update(SECRET).update(last).digest();
    for (let index = 0; index < 16; index += 1) padded[at + index] ^= mask[index];
    last = padded.subarray(at, at + 16);
  }
  return padded;
}
