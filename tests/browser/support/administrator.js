// Somebody who signs in to the admin pages, from the one-time link on.
import { totp } from "./totp.js";

export const PASSWORD = "four words in a row";

/** A one-time link. */
export async function invitation(installation, ...parameters) {
  return (await installation.json("admin", "invite", ...parameters)).url;
}

/** Opens a one-time link of this role and signs in by password and code. Gives the person, with the secret of the app and backup codes. */
export async function administrator(here, { name = "olivia", role = "owner", ...settings } = {}) {
  const person = await here.person(settings);
  await person.page.goto(await invitation(here.installation, "--role", role));
  Object.assign(person, await accept(person.page, { name }));
  person.name = name;
  await person.page.getByRole("link", { name: /go on/ }).click();
  return person;
}

/** Fills in the page of a one-time link; gives the secret of the app and the backup codes. */
export async function accept(page, { name, password = PASSWORD }) {
  const form = page.locator("form[method=post]").last();
  if (name) await form.getByLabel("Name").fill(name);
  await form.getByLabel("Password", { exact: true }).fill(password);
  await form.getByLabel(/again/).fill(password);
  const secret = await form.locator("code.secret").innerText();
  await form.getByLabel("Code").fill(totp(secret));
  await form.getByRole("button").click();
  await page.getByRole("heading", { name: "Your backup codes" }).waitFor();
  return { secret, backupCodes: await page.locator(".codes code").allInnerTexts() };
}

/** Signs in on the sign-in page. A code works once, so backup codes serve when two sign-ins are close together. */
export async function signIn(page, { name, password = PASSWORD, code }) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}
