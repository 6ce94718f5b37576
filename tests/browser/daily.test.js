// What administrators do all day: by keyboard, by click, each as far as the role goes, and back again where that is possible.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { administrator } from "./support/administrator.js";
import { inspect } from "./support/inspect.js";
import { stage, story } from "./support/story.js";
import { totp } from "./support/totp.js";

const MAC = "02:00:5e:20:00:01";
const WORDS = "correct-horse";
const PAP = `
@id("staff-pap")
@title("Staff who log in by PAP get the staff network")
@segment("staff")
@order("110")
permit (
  principal is User in Group::"staff",
  action == Action::"connect",
  resource
)
when { context.method == "PAP" };
`;
const here = stage({
  furnish: async (own) => {
    await own.nac("device", "add", "laptop-7", "--mac", MAC, "--owner", "alice");
    await own.nac("device", "add", "printer-2", "--mac", "02:00:5e:20:00:02");
    await own.nac("segment", "set", "staff", "--vlan", "20").catch(() => {});
    await own.nacWithInput(WORDS, "user", "add", "carol", "--group", "staff", "--password-stdin");
    // The policy of a new installation lets nobody in by PAP.
    writeFileSync(own.file("policy.cedar"), (await own.nac("policy", "show")) + PAP);
    await own.nac("policy", "apply", own.file("policy.cedar"));
  },
});

/** A PNG of one pixel. */
const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg==", "base64");

const main = (page) => page.locator("main").innerText();
const flash = (page) => page.locator(".flash");

/** Somebody of this role, and the page where they begin. */
async function somebody(role, name = role) {
  return (await administrator(here, { role, name })).page;
}

story(here, "keys go to the search, through the pages and down a list, and can be switched off", async () => {
  const page = await somebody("owner", "keyboard");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.waitForURL(/\/devices$/);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/devices\/[0-9a-f-]{36}$/);
  await page.getByRole("heading", { name: /printer-2/ }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("0200.5e20.0001");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /laptop-7/ }).waitFor();
  await page.keyboard.press("?");
  const help = page.getByRole("dialog");
  assert.match(await help.innerText(), /g q\s+Quarantine/);
  await inspect(page, "admin-keys");
  await help.getByLabel(/single keys/).uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.getByRole("heading", { name: /laptop-7/ }).waitFor();
  assert.match(page.url(), /\/devices\/[0-9a-f-]{36}/, "the keys are off");
});

story(here, "what was done can be undone from the sentence that says it", async () => {
  const page = await somebody("help-desk", "undoer");
  await page.goto(here.adminUrl(`/search?q=${MAC}`));
  await page.getByRole("button", { name: "Block", exact: true }).click();
  assert.match(await flash(page).innerText(), /Blocked/);
  await page.getByRole("heading", { name: /laptop-7 blocked/ }).waitFor();
  await flash(page).getByRole("button", { name: "Undo" }).click();
  await page.getByRole("heading", { name: /laptop-7 active/ }).waitFor();
});

story(here, "a device is put in quarantine, noted, taken, given an exception that ends, and let out with others after a dry run", async () => {
  const page = await somebody("help-desk", "heidi");
  for (const [device, reason] of [["laptop-7", "it scans ports"], ["printer-2", "it sends mail"]]) {
    await page.goto(here.adminUrl("/quarantine"));
    await page.getByText("Put a device in quarantine").click();
    await page.getByLabel("Device").fill(device);
    await page.getByLabel("Reason", { exact: true }).fill(reason);
    await page.getByRole("button", { name: "Quarantine", exact: true }).click();
    await flash(page).waitFor();
  }
  await page.goto(here.adminUrl("/quarantine"));
  await page.getByRole("row", { name: /it scans ports/ }).getByRole("button", { name: "take it" }).click();
  await page.getByLabel("Note").fill("called alice");
  await page.getByRole("button", { name: "Write" }).click();
  assert.match(await main(page), /heidi.*called alice/s);

  // Without an end there is no exception.
  const permit = page.locator("section").filter({ hasText: "Permit an exception" });
  await permit.getByLabel("Reason").fill("needed for the audit");
  await permit.getByLabel("Until").fill("8h");
  await permit.getByRole("button", { name: "Permit" }).click();
  assert.match(await main(page), /needed for the audit/);
  await page.goto(here.adminUrl("/exceptions"));
  assert.match(await main(page), /laptop-7|a quarantine/);
  await page.getByRole("link", { name: "Ends" }).click();
  assert.match(page.url(), /sort=ends/);
  await page.locator("main tbody").getByRole("link").first().click();
  await page.getByRole("button", { name: "Revoke" }).click();
  assert.match(await main(page), /revoked/);

  await page.goto(here.adminUrl("/quarantine"));
  await page.getByLabel("All", { exact: true }).check();
  await page.getByRole("button", { name: "Release the marked" }).click();
  assert.match(await main(page), /Release 2 of 2\?/);
  await inspect(page, "admin-quarantine-dry-run");
  await page.getByRole("button", { name: "Release 2" }).click();
  await page.goto(here.adminUrl("/quarantine"));
  assert.match(await main(page), /Nobody is in quarantine/);
});

story(here, "an export holds exactly what the list shows", async () => {
  const page = await somebody("viewer", "exporter");
  await page.goto(here.adminUrl("/devices?q=printer&sort=name"));
  const names = await page.locator("main tbody tr td:first-child").allInnerTexts();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  const lines = readFileSync(await download.path(), "utf8").trim().split("\n");
  assert.deepEqual(lines.slice(1).map((line) => line.split(",")[1]), names);
});

story(here, "many users come by a list, which says first what it would do", async () => {
  const page = await somebody("administrator", "importer");
  await page.goto(here.adminUrl("/users"));
  await page.getByRole("link", { name: "Import users" }).click();
  await page.getByLabel("Lines").fill("name,groups\nada,staff\nbad name\u0007,staff");
  await page.getByRole("button", { name: /See what/ }).click();
  assert.match(await page.getByRole("alert").innerText(), /line 3/);
  await page.getByLabel("Lines").fill("name,groups\nada,staff\nbob,staff;vpn");
  await page.getByRole("button", { name: /See what/ }).click();
  assert.match(await main(page), /2 would be added/);
  await inspect(page, "admin-user-import");
  await page.getByRole("button", { name: /Store them/ }).click();
  assert.match(await flash(page).innerText(), /2 users are added/);
  assert.deepEqual((await here.installation.json("user", "list")).map((user) => user.name).sort(), ["ada", "bob", "carol"]);
});

story(here, "offers are added, moved up and removed, and the command sees the same order", async () => {
  const { page, asked } = await administrator(here, { role: "administrator", name: "offerer", agrees: true });
  const add = async (fields) => {
    await page.goto(here.adminUrl("/offers"));
    await page.getByRole("link", { name: "Add an offer" }).click();
    for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text);
    await page.getByRole("button", { name: "Add" }).click();
  };
  const order = async () => (await here.installation.json("offer", "list")).map((offer) => offer.name);
  await page.goto(here.adminUrl("/offers"));
  assert.match(await main(page), /There are no offers/);
  await add({ Name: "corp", SSID: "corp", Methods: "EAP-TLS, EAP-FOO" });
  assert.match(await page.getByRole("alert").innerText(), /EAP-FOO/);
  assert.equal(await page.getByLabel("SSID").inputValue(), "corp", "nothing typed is lost");
  await inspect(page, "admin-offer-wrong");
  await page.getByLabel("Methods").fill("EAP-TLS, PEAP");
  await page.getByRole("button", { name: "Add" }).click();
  await flash(page).waitFor();
  await add({ Name: "students", Realm: "students.example.org", Methods: "EAP-TTLS", "Inside tunnels": "PAP" });
  await flash(page).waitFor();
  assert.deepEqual(await order(), ["corp", "students"]);
  assert.equal(await page.getByRole("button", { name: "Move corp up" }).count(), 0, "the first goes no further");
  await page.getByRole("button", { name: "Move students up" }).click();
  await page.getByRole("row", { name: /^1 students/ }).waitFor();
  await inspect(page, "admin-offers");
  assert.deepEqual(await order(), ["students", "corp"]);
  await page.getByRole("link", { name: "students" }).click();
  await page.getByRole("button", { name: "Remove" }).click();
  await flash(page).waitFor();
  assert.deepEqual(asked, ["Remove students?"]);
  assert.deepEqual(await order(), ["corp"]);
});

story(here, "a user is given an authenticator app, is asked for its code by the network, and loses it again", async () => {
  const page = await somebody("administrator", "factor");
  const knock = (password) => here.radius.access({ user: "carol", password, attributes: [[31, "02-00-5E-20-00-03"]] });
  const [ACCEPT, CHALLENGE] = [2, 11];
  const factor = () => page.locator("dt", { hasText: "Second factor" }).locator("xpath=following-sibling::dd[1]").innerText();
  const app = async (button) => {
    await page.goto(here.adminUrl("/users/carol"));
    await page.getByText("Authenticator app", { exact: true }).click();
    await page.getByRole("button", { name: button }).click();
  };
  assert.equal((await knock(WORDS)).code, ACCEPT);
  await app("Ask for a code");
  const secret = await page.locator("code.secret").innerText();
  await inspect(page, "admin-user-app");
  await page.getByRole("link", { name: /go on/ }).click();
  assert.equal(await factor(), "authenticator app");
  assert.ok(!(await main(page)).includes(secret), "the secret is shown once");
  assert.equal((await knock(WORDS)).code, CHALLENGE, "the password alone is not enough");
  assert.equal((await knock(WORDS + totp(secret))).code, ACCEPT);
  await app("Ask for no code");
  await flash(page).waitFor();
  assert.equal(await factor(), "none");
  assert.equal((await knock(WORDS)).code, ACCEPT);
});

story(here, "the portal's colours, questions and logo are set in the browser, and a colour nobody could read is refused", async () => {
  const page = await somebody("administrator", "brander");
  await page.goto(here.adminUrl("/settings"));
  await page.getByLabel("On light paper").fill("#ffee00");
  await page.getByLabel(/^Telephone number/).selectOption("required");
  await page.getByRole("button", { name: "Save" }).click();
  assert.match(await page.getByRole("alert").innerText(), /brand\.accent/);
  assert.equal(await page.getByLabel(/^Telephone number/).inputValue(), "required", "nothing typed is lost");
  await page.getByLabel("On light paper").fill("#7a1f1f");
  await page.getByRole("button", { name: "Save" }).click();
  await flash(page).waitFor();
  const portal = await here.person({ phone: true });
  await portal.page.goto(here.url("/"));
  const accent = await portal.page.locator("a").first().evaluate((link) => getComputedStyle(link).color);
  assert.equal(accent, "rgb(122, 31, 31)");

  // A picture that is none is refused in words; a real one stands in the portal's header.
  await page.getByLabel("Picture").setInputFiles({ name: "logo.png", mimeType: "image/png", buffer: Buffer.from("<svg onload=pwned(1)>") });
  await page.getByRole("button", { name: "Show it" }).click();
  assert.match(await main(page), /PNG/);
  await page.goto(here.adminUrl("/settings"));
  await page.getByLabel("Picture").setInputFiles({ name: "logo.png", mimeType: "image/png", buffer: PIXEL });
  await page.getByRole("button", { name: "Show it" }).click();
  await flash(page).waitFor();
  await portal.page.reload();
  assert.ok(await portal.page.locator("header img").evaluate((logo) => logo.complete && logo.naturalWidth > 0));
});

story(here, "each role sees what it may do, and nothing that it may not", async () => {
  for (const [role, may, mayNot] of [
    ["viewer", ["/devices", "/quarantine", "/policy", "/log"], ["Add a device", "Put a device in quarantine", "Save"]],
    ["guest-operator", ["/guests", "/vouchers"], ["Devices", "Policy", "Audit log"]],
    ["help-desk", ["/devices", "/quarantine"], ["Apply", "New token"]],
    ["policy-editor", ["/policy", "/segments"], ["Add a user", "Put a device in quarantine"]],
  ]) {
    const page = await somebody(role, `role-${role}`);
    for (const path of may) {
      const response = await page.goto(here.adminUrl(path));
      assert.equal(response.status(), 200, `${role} opens ${path}`);
      const said = await page.locator("body").innerText();
      for (const word of mayNot) assert.ok(!said.includes(word), `${role} does not meet "${word}" at ${path}`);
    }
  }
  const operator = await somebody("guest-operator", "lobby");
  assert.equal((await operator.goto(here.adminUrl("/devices"))).status(), 403);
  await operator.goto(here.adminUrl("/guests/new"));
  await operator.getByLabel("Name").fill("Grace");
  await operator.getByRole("button", { name: "Add" }).click();
  await operator.locator("code.secret").waitFor();
});
