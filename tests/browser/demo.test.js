// Somebody who has never seen the project starts `nac demo` and uses nothing but a browser: lets a guest in, registers a device, finds
// out why a laptop is in quarantine, lets it out, and sees the record of all that.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { accept } from "./support/administrator.js";
import { Browser } from "./support/browser.js";
import { Demo } from "./support/demo.js";
import { inspect } from "./support/inspect.js";
import { until } from "./support/until.js";

let demo, browser, admin;

before(async () => {
  demo = await Demo.start();
  browser = await Browser.launch();
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** A page of the administrators, after the one-time link. */
async function owner() {
  if (!admin) {
    admin = (await browser.person()).page;
    await admin.goto(demo.link);
    await accept(admin, { name: "olivia" });
    await admin.getByRole("link", { name: /go on/ }).click();
  }
  return admin;
}

const LIMIT = { timeout: 120_000 };

test("the one-time link leads to an overview whose quarantine is not empty", LIMIT, async () => {
  const page = await owner();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByRole("link", { name: /in quarantine/ }).click();
  await page.getByRole("link", { name: "carol-laptop" }).first().waitFor();
  const again = await browser.person();
  await again.page.goto(demo.link);
  assert.match(await again.page.locator("main").innerText(), /used already or has ended/);
});

test("a guest is announced and gets a code, which is shown once", LIMIT, async () => {
  const page = await owner();
  await page.goto(`${demo.admin}/guests/new`);
  await page.getByLabel("Name").fill("Ada");
  await page.getByRole("button", { name: "Add" }).click();
  const code = await page.locator("code.secret").innerText();
  assert.match(code, /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
  await page.goto(`${demo.admin}/guests`);
  await page.getByRole("link", { name: "Ada" }).first().click();
  assert.ok(!(await page.locator("main").innerText()).includes(code));
});

test("an employee registers a device", LIMIT, async () => {
  const { page } = await browser.person({ phone: true });
  await page.goto(`${demo.portal}/devices`);
  await page.getByLabel("User name").fill("bob");
  await page.getByLabel("Password").fill("correct-horse");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "Add a device" }).click();
  await page.getByLabel("Name").fill("Camera at the door");
  await page.getByLabel("What it is").selectOption("camera");
  await page.getByLabel(/Hardware address/).fill("00-1b-21-0d-00-01");
  await page.getByRole("button", { name: "Add a device" }).click();
  await page.getByRole("status").filter({ hasText: "was added" }).waitFor();
  const desk = await owner();
  await desk.goto(`${demo.admin}/search?q=001b.210d.0001`);
  assert.match(await desk.locator("main").innerText(), /Camera at the door/);
});

test("why a laptop is in quarantine stands on the administrators' page and, with what to do, on its owner's", LIMIT, async () => {
  const page = await owner();
  await page.goto(`${demo.admin}/quarantine`);
  await page.getByRole("link", { name: "carol-laptop" }).first().click();
  assert.match(await page.locator("main").innerText(), /linux-firewall/);
  const { page: phone } = await browser.person({ phone: true, script: false });
  await phone.goto(`${demo.portal}/remedy`);
  const said = await phone.locator("main").innerText();
  assert.match(said, /carol-laptop is limited because 1 of \d+ checks failed/);
  assert.match(said, /What to do/);
  await inspect(phone, "demo-remedy");
});

test("given an owner, who signs in from anywhere, the owner reads the same, and nobody else does", LIMIT, async () => {
  const desk = await owner();
  await desk.goto(`${demo.admin}/search?q=carol-laptop`);
  await desk.locator("main").getByRole("link", { name: "carol-laptop" }).first().click();
  await desk.getByRole("link", { name: "Change", exact: true }).click();
  await desk.getByLabel("Owner").fill("carol");
  await desk.getByRole("button", { name: "Save" }).click();
  await desk.locator(".flash").waitFor();
  const signedIn = async (name) => {
    const { page } = await browser.person({ phone: true, address: "127.0.0.21" });
    await page.goto(`${demo.portal}/remedy/mine`);
    await page.getByLabel("User name").fill(name);
    await page.getByLabel("Password").fill("correct-horse");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel("Password").waitFor({ state: "detached" });
    return page;
  };
  const carol = await signedIn("carol");
  await carol.waitForURL(/\/remedy\/mine\/[0-9a-f-]{36}/);
  assert.match(await carol.locator("main").innerText(), /carol-laptop is limited because 1 of \d+ checks failed/);
  await inspect(carol, "demo-remedy-mine");
  const bob = await signedIn("bob");
  assert.equal((await bob.goto(carol.url())).status(), 404);
  const page = carol.url();
  await carol.getByRole("button", { name: "Sign out" }).click();
  await carol.goto(page);
  await carol.getByLabel("Password").waitFor();
});

test("repaired and checked again, the laptop is let out by a fresh result and its owner is told so", LIMIT, async () => {
  const { page: phone } = await browser.person({ phone: true, script: false });
  await phone.goto(`${demo.portal}/remedy`);
  rmSync(demo.fault);
  await phone.getByRole("button", { name: "Check again" }).click();
  await until("the page says that access is restored", async () => {
    await phone.goto(`${demo.portal}/remedy`);
    return /Access restored|All checks pass/.test(await phone.locator("main").innerText());
  }, 60_000);
  await inspect(phone, "demo-restored");
  const page = await owner();
  await until("nobody is in quarantine", async () => {
    await page.goto(`${demo.admin}/quarantine`);
    return !(await page.locator("main").innerText()).includes("carol-laptop");
  }, 30_000);
  await page.goto(`${demo.admin}/search?q=carol-laptop`);
  await page.locator("main").getByRole("link", { name: "carol-laptop" }).first().click();
  await page.waitForURL(/\/devices\//);
  await until("the network has proven the move", async () => {
    await page.reload();
    return /confirmed|proven/.test(await page.locator(".timeline").innerText());
  }, 30_000);
});

test("the record says who did what, and holds", LIMIT, async () => {
  const page = await owner();
  await page.goto(`${demo.admin}/audit`);
  const said = await page.locator("main").innerText();
  assert.match(said, /admin:olivia/);
  assert.match(said, /guest\./);
  assert.match(said, /portal:bob/);
  await page.getByRole("button", { name: "Verify the chain" }).click();
  assert.match(await page.getByRole("status").innerText(), /The chain holds/);
});
