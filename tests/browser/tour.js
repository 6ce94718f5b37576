// Remakes the pictures of docs/tour.md from a running `nac demo`: `tests/run tour`.
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { accept } from "./support/administrator.js";
import { Browser } from "./support/browser.js";
import { Demo } from "./support/demo.js";
import { repository } from "./support/packages.js";

const folder = path.join(repository, "docs/tour");
/** A picture in the documentation is looked at over slow lines, too. */
const HEAVIEST = 150 * 1024;

const demo = await Demo.start();
const browser = await Browser.launch();
try {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await tell(demo);
  for (const name of readdirSync(folder)) {
    const { size } = statSync(path.join(folder, name));
    if (size > HEAVIEST) throw new Error(`${name} has ${size} octets`);
  }
} finally {
  await browser.close();
  await demo.stop();
}

/** The tour, in the order of docs/tour.md. */
async function tell({ link, portal }) {
  const { page } = await browser.person();
  const origin = new URL(link).origin;
  const shot = async (name, on = page) => on.screenshot({ path: path.join(folder, `${name}.png`) });
  const visit = async (name, where, on = page) => {
    const answer = await on.goto(new URL(where, on === page ? origin : portal).href);
    if (answer.status() !== 200) throw new Error(`${where}: ${answer.status()}`);
    await shot(name, on);
  };
  await visit("01-welcome", link);
  await accept(page, { name: "olivia" });
  await page.getByRole("link", { name: /go on/ }).click();
  await visit("02-overview", "/");
  await visit("03-quarantine", "/quarantine");
  await page.locator("main tbody a").first().click();
  await shot("04-in-quarantine");
  await visit("05-log", "/log");
  await page.locator("main tbody tr").filter({ hasText: /reject|refus/i }).locator("a").first().click();
  await shot("06-decision");
  await visit("07-sessions", "/sessions");
  await page.goto(`${origin}/devices`);
  await page.getByRole("link", { name: "alice-laptop" }).first().click();
  await shot("08-device");
  await visit("09-audit", "/audit");
  const phone = await browser.person({ phone: true });
  await visit("10-portal", "/", phone.page);
  await visit("11-remedy", "/remedy", phone.page);
  await visit("12-guest", "/guest", phone.page);
}
