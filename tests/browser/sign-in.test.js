// Administrators come by a one-time link, sign in by passkey or by password and code, and are known by one cookie.
import assert from "node:assert/strict";
import { accept, administrator, invitation, PASSWORD, signIn } from "./support/administrator.js";
import { inspect } from "./support/inspect.js";
import { authenticator } from "./support/passkey.js";
import { stage, story } from "./support/story.js";
import { totp } from "./support/totp.js";

const here = stage();
const COOKIE = "__Host-nac";

const sessionCookie = async ({ context }) => (await context.cookies()).find(({ name }) => name === COOKIE)?.value;
const signedOut = (page) => page.getByRole("heading", { name: "Sign in" });

story(here, "before there is an administrator, the sign-in page says how to make one", async () => {
  const { page } = await here.person();
  await page.goto(here.adminUrl("/"));
  await inspect(page, "admin-sign-in-nobody");
  assert.match(await page.locator("main").innerText(), /nac admin invite --role owner/);
});

story(here, "the first administrator comes by the one-time link, which opening does not use up", async () => {
  const link = await invitation(here.installation, "--role", "owner");
  const scanner = await here.person({ captive: true });
  assert.equal((await scanner.page.goto(link)).status(), 200);
  const { page } = await here.person();
  await page.goto(link);
  await inspect(page, "admin-welcome");
  const { backupCodes } = await accept(page, { name: "olivia" });
  assert.equal(new Set(backupCodes).size, 10);
  await inspect(page, "admin-backup-codes");
  await page.getByRole("link", { name: /go on/ }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).waitFor();
  assert.equal((await scanner.page.goto(link)).status(), 404);
  assert.match(await scanner.page.locator("main").innerText(), /used already|has ended/);
});

story(here, "a mistyped code loses nothing but the passwords", async () => {
  const { page } = await here.person({ phone: true });
  await page.goto(await invitation(here.installation, "--role", "viewer"));
  const form = page.locator("form[method=post]").last();
  const secret = await form.locator("code.secret").innerText();
  await form.getByLabel("Name").fill("vera");
  await form.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await form.getByLabel(/again/).fill(PASSWORD);
  await form.getByLabel("Code").fill("000000");
  await form.getByRole("button").click();
  assert.match(await page.getByRole("alert").first().innerText(), /code does not fit/);
  assert.equal(await form.getByLabel("Name").inputValue(), "vera");
  assert.equal(await form.locator("code.secret").innerText(), secret);
  assert.equal(await form.getByLabel("Code").getAttribute("aria-invalid"), "true");
});

story(here, "somebody creates a passkey by the link, signs out, and signs in with it alone", async () => {
  const { page } = await here.person();
  const device = await authenticator(page);
  await page.goto(await invitation(here.installation, "--role", "administrator"));
  await page.getByLabel("Name").first().fill("piet");
  await page.getByRole("button", { name: "Create a passkey" }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).waitFor();
  assert.equal((await device.credentials()).length, 1);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await signedOut(page).waitFor();
  await inspect(page, "admin-sign-in");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).waitFor();
  await page.goto(here.adminUrl("/account"));
  assert.match(await page.locator("main").innerText(), /piet/);
  await inspect(page, "admin-account");
});

story(here, "a passkey that is no longer known signs nobody in, and the page says what to do", async () => {
  const { page } = await here.person();
  await authenticator(page);
  await page.goto(here.adminUrl("/sign-in"));
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByRole("alert").filter({ hasText: /passkey/ }).waitFor();
});

story(here, "wrong name, wrong password and wrong code are told apart by nobody", async () => {
  const { secret, backupCodes } = await administrator(here, { name: "otto" });
  const said = [];
  const { page } = await here.person({ address: "127.0.0.21" });
  for (const attempt of [
    { name: "nobody", code: "123456" }, { name: "otto", password: "wrong wrong wrong", code: backupCodes[0] }, { name: "otto", code: "000000" },
  ]) {
    await page.goto(here.adminUrl("/sign-in"));
    await signIn(page, attempt);
    said.push(await page.getByRole("alert").filter({ visible: true }).innerText());
  }
  assert.equal(new Set(said).size, 1, said.join("\n"));
  await inspect(page, "admin-sign-in-refused");
  // The backup code that came with the wrong password is still good; the code of the app was used for the sign-up.
  await signIn(page, { name: "otto", code: backupCodes[0] });
  await page.getByRole("button", { name: "Sign out", exact: true }).waitFor();
  const again = await here.person({ address: "127.0.0.22" });
  await again.page.goto(here.adminUrl("/sign-in"));
  await signIn(again.page, { name: "otto", code: backupCodes[0] });
  assert.equal(await again.page.getByRole("alert").filter({ visible: true }).innerText(), said[0], "a backup code works once");
  await signIn(again.page, { name: "otto", code: totp(secret, 1) });
  await again.page.getByRole("button", { name: "Sign out", exact: true }).waitFor();
});

story(here, "whoever guesses is slowed down, and locks out nobody at another address", async () => {
  const { backupCodes } = await administrator(here, { name: "oda" });
  const guesser = await here.person({ address: "127.0.0.23" });
  await guesser.page.goto(here.adminUrl("/sign-in"));
  const statuses = [];
  for (let guess = 0; guess < 8; guess += 1) {
    await guesser.page.goto(here.adminUrl("/sign-in"));
    const answered = guesser.page.waitForResponse((response) => response.request().method() === "POST");
    await signIn(guesser.page, { name: "oda", code: `00000${guess}` });
    statuses.push((await answered).status());
  }
  assert.equal(statuses[0], 422);
  assert.equal(statuses.at(-1), 429);
  await inspect(guesser.page, "admin-sign-in-too-often");
  const { page } = await here.person({ address: "127.0.0.24" });
  await page.goto(here.adminUrl("/sign-in"));
  await signIn(page, { name: "oda", code: backupCodes[0] });
  await page.getByRole("button", { name: "Sign out", exact: true }).waitFor();
});

story(here, "a cookie that somebody planted before the sign-in is worth nothing after it", async () => {
  const planted = "A".repeat(43);
  const person = await here.person();
  await person.context.addCookies([{ name: COOKIE, value: planted, url: here.installation.admin, secure: true, httpOnly: true }]);
  await person.page.goto(await invitation(here.installation, "--role", "owner"));
  await accept(person.page, { name: "fiona" });
  const own = await sessionCookie(person);
  assert.notEqual(own, planted);
  assert.ok(own.length >= 32);
  const cookie = (await person.context.cookies()).find(({ name }) => name === COOKIE);
  assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.path, ["Lax", "Strict"].includes(cookie.sameSite)], [true, true, "/", true]);
  const thief = await here.person();
  await thief.context.addCookies([{ name: COOKIE, value: planted, url: here.installation.admin, secure: true }]);
  await thief.page.goto(here.adminUrl("/account"));
  await signedOut(thief.page).waitFor();
});

story(here, "after signing out, the old cookie opens nothing", async () => {
  const person = await administrator(here, { name: "sven" });
  const stolen = await sessionCookie(person);
  const thief = await here.person();
  await thief.context.addCookies([{ name: COOKIE, value: stolen, url: here.installation.admin, secure: true }]);
  await thief.page.goto(here.adminUrl("/account"));
  assert.match(await thief.page.locator("main").innerText(), /sven/);
  await person.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await signedOut(person.page).waitFor();
  await thief.page.goto(here.adminUrl("/account"));
  await signedOut(thief.page).waitFor();
});

story(here, "somebody sees where they are signed in, and signs out there", async () => {
  const { page, backupCodes } = await administrator(here, { name: "sina" });
  const other = await here.person({ phone: true, address: "127.0.0.25" });
  await other.page.goto(here.adminUrl("/sign-in?next=/account"));
  await signIn(other.page, { name: "sina", code: backupCodes[0] });
  await page.goto(here.adminUrl("/account"));
  const row = page.getByRole("row").filter({ hasText: "127.0.0.25" });
  await row.getByRole("button", { name: /Sign out/ }).click();
  await page.getByRole("status").waitFor();
  await other.page.reload();
  await signedOut(other.page).waitFor();
});

story(here, "after the sign-in one is where one wanted to go, and never on another site", async () => {
  const { backupCodes } = await administrator(here, { name: "nele" });
  const wishes = ["/account?x=1", "//example.invalid/", "https://example.invalid/", "/\\example.invalid", "\\\\example.invalid", "javascript:pwned(1)", "/\t/example.invalid", "%2f%2fexample.invalid"];
  for (const [index, wish] of wishes.entries()) {
    const { page } = await here.person({ address: `127.0.0.${30 + index}` });
    await page.goto(here.adminUrl(`/sign-in?next=${encodeURIComponent(wish)}`));
    await signIn(page, { name: "nele", code: backupCodes[index] });
    await page.getByRole("button", { name: "Sign out", exact: true }).waitFor();
    const landed = new URL(page.url());
    assert.equal(landed.origin, here.installation.admin, wish);
    if (index === 0) assert.equal(landed.pathname + landed.search, wish);
  }
});

story(here, "a viewer sees no button that changes anything, and is told why an action is refused", async () => {
  const { page } = await administrator(here, { name: "viktor", role: "viewer" });
  const answered = page.waitForResponse((response) => response.request().method() === "POST");
  await page.goto(here.adminUrl("/account"));
  await page.evaluate(() => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = "/quarantine";
    document.body.append(form);
    form.submit();
  });
  assert.equal((await answered).status(), 403);
  await page.getByText(/your role viewer does not include this/).waitFor();
  await inspect(page, "admin-not-allowed");
});
