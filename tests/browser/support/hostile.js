// Puts every payload wherever somebody without any right can put a text: RADIUS, osquery. Forms are in the stories of the forms.
import { randomBytes } from "node:crypto";
import { Api } from "./api.js";
import { OsqueryHost } from "./osquery.js";
import { octets, payloads } from "./payloads.js";
import { ATTRIBUTE as A, integer, ipv4 } from "./radius.js";

/** A name that nobody has, so that a browser shows each payload as a name. */
export async function seedRadius(radius) {
  await inBatches(payloads, async ({ text, number }) => {
    await radius.access({
      user: text, password: "wrong",
      attributes: [[A.callingStationId, mac(number)], [A.nasPortId, text], [A.nasIdentifier, text], [A.calledStationId, text], [A.connectInfo, text]],
    });
  });
  // Devices that get in by their MAC, on ports and networks whose names are hostile, with hostile accounting.
  await inBatches(payloads, async ({ text, number }) => {
    const place = [[A.nasPortId, text], [A.calledStationId, `02-00-00-00-00-FE:${text}`.slice(0, 250)], [A.acctSessionId, text]];
    const reply = await radius.mab(mac(number), place);
    const carried = reply.attributes.filter(([kind]) => kind === A.class);
    await radius.account("start", [
      [A.callingStationId, mac(number)], ...place, ...carried, [A.userName, text], [A.framedIpAddress, ipv4(`127.9.${number >> 8}.${number & 255}`)],
    ]);
  });
  await inBatches(octets, async (raw) => {
    await radius.access({ user: raw, attributes: [[A.callingStationId, raw], [A.nasPortId, raw], [A.nasIdentifier, raw]] });
    await radius.mab(mac(9_999), [[A.nasPortId, raw], [A.nasPortType, integer(15)]]);
  });
}

/** Hosts that call themselves, their system and their serial number by payloads, and whose checks fail with payloads. */
export async function seedOsquery(installation, chosen = payloads) {
  await inBatches(chosen, async ({ text, number }) => {
    const claims = { system_info: { hardware_serial: text }, os_version: { name: text, version: text }, osquery_info: { version: text } };
    const host = new OsqueryHost(installation, { hostname: text, claims, macs: [mac(number), text] });
    host.fallback = number % 2 === 0 ? { status: 1, message: text } : { rows: [] };
    await host.enroll();
    await host.report();
  });
}

export function mac(number) {
  return `02-66-00-00-${hex(number >> 8)}-${hex(number & 255)}`;
}

export function randomMac() {
  return `02-${[...randomBytes(5)].map(hex).join("-")}`;
}

function hex(octet) {
  return octet.toString(16).padStart(2, "0").toUpperCase();
}

async function inBatches(items, each, size = 16) {
  for (let at = 0; at < items.length; at += size) await Promise.all(items.slice(at, at + size).map(each));
}

/** What an administrator, or a program of theirs, may name: devices, quarantines, exceptions, vouchers. Refusals are in order, too. */
export async function seedApi(installation) {
  const api = await Api.open(installation, { name: payloads[3].text.slice(0, 60), role: "owner" });
  const stored = { devices: 0, quarantines: 0, vouchers: 0 };
  const keep = async (what, path, body) => {
    const { status } = await api.post(path, body);
    if (status < 300) stored[what] += 1;
  };
  await inBatches(payloads, async ({ text, number }) => {
    await keep("devices", "/devices", { name: text, labels: [], macs: [`02-77-00-00-${hex(number >> 8)}-${hex(number & 255)}`] });
    if (number % 4 === 0) await keep("quarantines", "/quarantine", { device: mac(number), reason: text });
    if (number % 16 === 0) await keep("vouchers", "/voucher-batches", { size: 1, duration_s: 3_600, devices: 1, note: text });
  });
  api.close();
  return stored;
}
