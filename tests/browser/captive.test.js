// What systems ask before a person does, and what people may know about themselves.
import assert from "node:assert/strict";
import { get } from "node:http";
import { portalSettings } from "./support/api.js";
import { inspect } from "./support/inspect.js";
import { randomMac } from "./support/hostile.js";
import { stage, story } from "./support/story.js";

const here = stage({
  settings: (text, own) => text.replace("[portal]\n", `[portal]\nlisten_http = "127.0.0.1:${own.extra}"\n`),
  then: ({ installation }) => portalSettings(installation, () => ({
    name: "Example Museum", methods: ["terms", "devices", "remedy"], terms: { version: "1", text: { en: "Be kind." } },
  })),
});

const PROBES = {
  "/hotspot-detect.html": [200, /Success/], "/generate_204": [204, /^$/], "/gen_204": [204, /^$/], "/connecttest.txt": [200, /^Microsoft Connect Test$/],
  "/success.txt": [200, /^success\n$/], "/canonical.html": [200, /captive-portal/],
};

/** A plain HTTP question from an address, under a name that is not ours. */
function ask(path, address, host) {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port: here.installation.extra, path, localAddress: address, headers: { host } }, (response) => {
      let body = "";
      response.on("data", (part) => (body += part)).on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    }).on("error", reject);
  });
}

const api = async ({ page }) => (await page.context().request.get(here.url("/capport/api"))).json();

story(here, "systems of the big makers see that they are captive, and that they are free once they are", async () => {
  const [mac, address] = [randomMac(), "127.0.2.1"];
  const come = () => here.radius.session({ mac, address, ssid: "museum" });
  await come();
  for (const path of Object.keys(PROBES)) {
    const { status, headers } = await ask(path, address, "captive.example.invalid");
    assert.equal(status, 302, path);
    assert.equal(new URL(headers.location).origin, here.installation.portal, "never the Host that was asked");
  }
  const person = await here.person({ captive: true, address });
  await person.page.goto(here.url("/terms"));
  await person.page.getByLabel(/I accept the terms/).check();
  await person.page.getByRole("button", { name: "Connect" }).click();
  await person.page.getByRole("heading", { name: "You are connected" }).waitFor();
  assert.equal((await come()).vlan, "80");
  for (const [path, [expected, body]] of Object.entries(PROBES)) {
    const answer = await ask(path, address, "captive.example.invalid");
    assert.equal(answer.status, expected, path);
    assert.match(answer.body, body, path);
  }
});

story(here, "a mini-browser that follows the redirect of a probe lands on the portal and gets in without cookies and script", async () => {
  const [mac, address] = [randomMac(), "127.0.2.2"];
  await here.radius.session({ mac, address, ssid: "museum" });
  const { page } = await here.person({ captive: true, address });
  await page.goto(`http://127.0.0.1:${here.installation.extra}/hotspot-detect.html`);
  assert.equal(new URL(page.url()).protocol, "https:");
  await page.getByRole("link", { name: /Accept the terms/ }).click();
  await page.getByLabel(/I accept the terms/).check();
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByRole("heading", { name: "You are connected" }).waitFor();
});

story(here, "the captive portal API answers each device for itself (RFC 8908)", async () => {
  const [mac, address] = [randomMac(), "127.0.2.3"];
  await here.radius.session({ mac, address, ssid: "museum" });
  const person = await here.person({ address });
  const answer = await person.page.request.get(here.url("/capport/api"));
  assert.match(answer.headers()["content-type"], /^application\/captive\+json/);
  assert.match(answer.headers()["cache-control"], /private|no-store/);
  const held = await answer.json();
  assert.equal(held.captive, true);
  assert.equal(new URL(held["user-portal-url"]).origin, here.installation.portal);
  await person.page.goto(here.url("/terms"));
  await person.page.getByLabel(/I accept the terms/).check();
  await person.page.getByRole("button", { name: "Connect" }).click();
  await person.page.getByRole("heading", { name: "You are connected" }).waitFor();
  await here.radius.session({ mac, address, ssid: "museum" });
  const free = await api(person);
  assert.equal(free.captive, false);
  assert.ok(free["seconds-remaining"] > 60);
  assert.equal((await api(await here.person({ address: "127.0.2.4" }))).captive, true, "a stranger is captive");
});

story(here, "the privacy page says what is stored, why and how long, in every language", async () => {
  const { page } = await here.person();
  for (const language of ["en", "de", "fr", "es", "ar"]) {
    await page.goto(here.url(`/privacy?lang=${language}`));
    await inspect(page, `privacy-${language}`);
    assert.match(await page.locator("main dl").first().innerText(), /\d/);
  }
});

story(here, "a guest takes along what is stored about them, and has it deleted", async () => {
  const [mac, address] = [randomMac(), "127.0.2.5"];
  await here.radius.session({ mac, address, ssid: "museum" });
  const { page } = await here.person({ address, phone: true });
  await page.goto(here.url("/terms"));
  await page.getByLabel(/I accept the terms/).check();
  await page.getByRole("button", { name: "Connect" }).click();
  await page.goto(here.url("/privacy"));
  await inspect(page, "privacy-own");
  const link = await page.getByRole("link", { name: /download|export|take|copy/i }).getAttribute("href");
  const answer = await page.request.get(here.url(link));
  assert.equal(answer.status(), 200);
  assert.match(await answer.text(), new RegExp(mac.replaceAll("-", ":"), "i"));
  await page.locator("main form button.danger").click();
  await inspect(page, "privacy-erased");
  const guests = JSON.stringify(await here.installation.json("guest", "list"));
  assert.doesNotMatch(guests, new RegExp(mac.replaceAll("-", ":"), "i"));
});
