// Guests: the form and the mail, the sponsor, the voucher, the terms; in a mini-browser without script and cookies as well.
import assert from "node:assert/strict";
import { portalSettings } from "./support/api.js";
import { inspect, tooWide } from "./support/inspect.js";
import { Mailbox } from "./support/mailbox.js";
import { Nas } from "./support/nas.js";
import { randomMac } from "./support/hostile.js";
import { stage, story } from "./support/story.js";

const TERMS = "Be kind.\n\nWhat you do on this network is your own responsibility.";
const here = stage({
  settings: async (text) => {
    here.mailbox = await Mailbox.open();
    return `${text}\n[mail]\nserver = "127.0.0.1"\nport = ${here.mailbox.port}\ntls = "none"\nfrom = "Network access <noreply@example.org>"\n`;
  },
  furnish: (installation) => installation.nacWithInput("correct-horse", "user", "add", "alice", "--group", "staff", "--password-stdin"),
  then: async ({ installation }) => {
    here.nas = await Nas.start(installation);
    await portalSettings(installation, ({ help, guest }) => ({
      name: "Example Museum",
      help: { ...help, name: "Front desk", phone: "+49 30 1234" },
      methods: ["guest", "voucher", "terms", "devices", "remedy"],
      guest: {
        ...guest, verify_email: true, approval: false, sponsor_domains: ["example.org"],
        fields: [["name", true], ["email", true], ["company"], ["sponsor"], ["reason"]].map(([field, required = false]) => ({ field, required })),
      },
      terms: { version: "2026-11", text: { en: TERMS } },
    }));
  },
  finally: () => { here.nas?.stop(); here.mailbox?.close(); },
});

let last = 40;
/** A device in the registration segment, and the person who holds it. */
async function visitor(settings) {
  const [mac, address] = [randomMac(), `127.0.1.${(last += 1)}`];
  const come = () => here.radius.session({ mac, address, ssid: "museum" });
  assert.equal((await come()).vlan, "90");
  return { mac, address, come, ...(await here.person({ ...settings, address })) };
}

/** A form that the browser does not check, as an old one would not. */
const unchecked = (page) => page.locator("main form").first().evaluate((form) => { form.noValidate = true; });

for (const [kind, settings] of Object.entries({ phone: { phone: true }, "mini-browser": { captive: true } })) {
  story(here, `a guest with a ${kind} fills in the form, is let in to read mail, and confirms on another device`, async () => {
    const { page, come, mac } = await visitor(settings);
    const email = `${kind}@example.com`;
    await page.goto(here.url("/"));
    await inspect(page, `guest-landing-${kind}`);
    await page.getByRole("link", { name: /I am a guest/ }).click();
    await inspect(page, `guest-form-${kind}`);
    await unchecked(page);
    await page.getByLabel(/^Name/).fill("Ada <b>Lovelace</b>");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("alert").waitFor();
    await inspect(page, `guest-form-faults-${kind}`);
    assert.equal(await page.getByLabel(/^Name/).inputValue(), "Ada <b>Lovelace</b>", "nothing is typed twice");
    await page.getByLabel(/^E-mail address(?! of)/).fill(email);
    await page.getByLabel(/I accept the terms/).check();
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("heading", { name: "Almost done" }).waitFor();
    await inspect(page, `guest-almost-${kind}`);
    await here.nas.next("the device is told to come into the guests' segment");
    assert.equal((await come()).vlan, "80");

    const mail = await here.mailbox.next(email);
    assert.match(mail.headers.from, /noreply@example\.org/);
    const [link] = mail.links;
    assert.equal(new URL(link).origin, here.installation.portal);
    const other = await here.person({ address: "127.0.0.99" });
    await other.page.goto(link);
    await inspect(other.page, `guest-confirm-${kind}`);
    assert.match(await other.page.locator("main").innerText(), new RegExp(mac.replaceAll("-", ":"), "i"));
    await page.goto(here.url("/guest/status"));
    await page.getByRole("heading", { name: "Almost done" }).waitFor();
    await other.page.getByRole("button", { name: "Confirm" }).click();
    await other.page.getByRole("heading", { name: "Confirmed" }).waitFor();
    await inspect(other.page, `guest-confirmed-${kind}`);
    await page.goto(here.url("/guest/status"));
    await page.getByRole("heading", { name: "You are connected" }).waitFor();
    await inspect(page, `guest-status-${kind}`);
    assert.equal((await come()).vlan, "80");
  });

  story(here, `a guest with a ${kind} gets in with a voucher, typed in small letters with a dash`, async () => {
    const made = await here.installation.json("voucher", "create", "--count", "1", "--duration", "1d");
    const code = JSON.stringify(made).match(/"code":"([0-9A-Z-]+)"/)[1];
    const { page, come } = await visitor(settings);
    await page.goto(here.url("/"));
    await page.getByRole("link", { name: /voucher/ }).click();
    await inspect(page, `voucher-form-${kind}`);
    for (const [typed, said] of [["12", /ten letters and digits/], ["AAAAA-AAAAA", /no such code|ten letters/]]) {
      await page.getByLabel("Code").fill(typed);
      await page.getByLabel(/I accept the terms/).check();
      await page.getByRole("button", { name: "Connect" }).click();
      assert.match(await page.getByRole("alert").innerText(), said);
    }
    await inspect(page, `voucher-wrong-${kind}`);
    const plain = code.replaceAll("-", "").toLowerCase();
    await page.getByLabel("Code").fill(`${plain.slice(0, 5)}-${plain.slice(5)}`);
    await page.getByLabel(/I accept the terms/).check();
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("heading", { name: "You are connected" }).waitFor();
    assert.equal((await come()).vlan, "80");
    // Somebody else with the same code.
    const other = await visitor(settings);
    await other.page.goto(here.url(`/v/${plain}`));
    assert.equal((await other.page.getByLabel("Code").inputValue()).replaceAll("-", "").toLowerCase(), plain);
    await other.page.getByLabel(/I accept the terms/).check();
    await other.page.getByRole("button", { name: "Connect" }).click();
    assert.match(await other.page.getByRole("alert").innerText(), /used up/);
  });

  story(here, `a guest with a ${kind} accepts the terms, looks at the time that is left, and logs out`, async () => {
    const { page, come } = await visitor(settings);
    await page.goto(here.url("/"));
    await page.getByRole("link", { name: /Accept the terms/ }).click();
    await inspect(page, `terms-${kind}`);
    assert.match(await page.locator("main").innerText(), /Be kind/);
    await unchecked(page);
    await page.getByRole("button", { name: "Connect" }).click();
    assert.match(await page.getByRole("alert").innerText(), /Accept the terms/);
    await page.getByLabel(/I accept the terms/).check();
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("heading", { name: "You are connected" }).waitFor();
    assert.equal((await come()).vlan, "80");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.goto(here.url("/"));
    assert.deepEqual(await tooWide(page), []);
    assert.equal((await come()).vlan, "90");
  });
}

story(here, "a sponsor signs in and lets the guest in; a mail scanner that opens the link approves nothing", async () => {
  await portalSettings(here.installation, ({ guest }) => ({
    guest: { ...guest, approval: true, verify_email: false, fields: guest.fields.map((asked) => ({ ...asked, required: asked.required || asked.field === "sponsor" })) },
  }));
  const { page, come } = await visitor({ phone: true });
  await page.goto(here.url("/guest"));
  await page.getByLabel(/^Name/).fill("Grace Hopper");
  await page.getByLabel(/^E-mail address(?! of)/).fill("grace@example.com");
  await page.getByLabel(/person whom you visit/).fill("stranger@elsewhere.invalid");
  await page.getByLabel(/I accept the terms/).check();
  await page.getByRole("button", { name: "Connect" }).click();
  assert.match(await page.getByRole("alert").innerText(), /somebody who works here/);
  await page.getByLabel(/person whom you visit/).fill("alice@example.org");
  await page.getByLabel(/I accept the terms/).check();
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText(/We asked alice@example.org/).waitFor();
  await inspect(page, "guest-waits-for-sponsor");
  const [link] = (await here.mailbox.next("alice@example.org")).links;
  const scanner = await here.person({ captive: true, address: "127.0.0.98" });
  assert.equal((await scanner.page.goto(link)).status(), 200);
  await page.goto(here.url("/guest/status"));
  await page.getByText(/We asked alice@example.org/).waitFor();

  const sponsor = await here.person({ address: "127.0.0.97" });
  await sponsor.page.goto(link);
  await inspect(sponsor.page, "sponsor-sign-in");
  await sponsor.page.getByLabel("User name").fill("alice");
  await sponsor.page.getByLabel("Password").fill("wrong");
  await sponsor.page.getByRole("button", { name: "Sign in" }).click();
  await sponsor.page.getByRole("alert").waitFor();
  await sponsor.page.getByLabel("User name").fill("alice");
  await sponsor.page.getByLabel("Password").fill("correct-horse");
  await sponsor.page.getByRole("button", { name: "Sign in" }).click();
  await sponsor.page.getByText("Grace Hopper").waitFor();
  await inspect(sponsor.page, "sponsor-request");
  await sponsor.page.getByRole("button", { name: "Let the guest in" }).click();
  await sponsor.page.getByText(/let this guest in/).waitFor();
  await inspect(sponsor.page, "sponsor-decided");
  await page.goto(here.url("/guest/status"));
  await page.getByRole("heading", { name: "You are connected" }).waitFor();
  assert.equal((await come()).vlan, "80");
});

story(here, "somebody who is not on this network is told so, and registers nothing", async () => {
  const { page } = await here.person({ address: "127.0.0.96" });
  const before = (await here.installation.json("guest", "list")).length;
  await page.goto(here.url("/voucher"));
  await inspect(page, "guest-not-here");
  assert.equal((await here.installation.json("guest", "list")).length, before);
});

story(here, "every page of a guest is readable in Arabic", async () => {
  const { page } = await visitor({ language: "ar", phone: true });
  for (const path of ["/", "/guest", "/voucher", "/terms", "/guest/status"]) {
    await page.goto(here.url(path));
    assert.equal(await page.locator("html").getAttribute("dir"), "rtl");
    await inspect(page, `guest-ar${path.replaceAll("/", "-")}`);
  }
});
