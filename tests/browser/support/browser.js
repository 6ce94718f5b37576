// People with a browser. Each has a context of its own: cookies, address, screen, language.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "./packages.js";
import { proxyFrom } from "./proxy.js";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--force-color-profile=srgb", "--font-render-hinting=none",
];
const PROGRAM = "/usr/bin/chromium";
const PHONE = { width: 375, height: 667 };
const DESK = { width: 1280, height: 800 };

/** Pages that run no script: axe-core cannot look at them. */
export const scriptless = new WeakSet();

export class Browser {
  static async launch() {
    const own = new Browser();
    own.people = [];
    own.chromium = await chromium.launch({ executablePath: PROGRAM, args: FLAGS, headless: true });
    return own;
  }

  /**
   * Somebody at a desk, or with `phone`, or in a `captive` mini-browser: no script, no cookies. `address` is where they surf from,
   * `language` what their browser asks for. Who `agrees` says yes to every question, which is kept in `asked`. What happens to them
   * that must not is in `mishaps`.
   */
  async person({ phone = false, captive = false, script = !captive, cookies = !captive, address, language = "en-GB", dark = false, agrees = false } = {}) {
    const proxy = address && (await proxyFrom(address));
    const context = await this.chromium.newContext({
      ignoreHTTPSErrors: true,
      javaScriptEnabled: script,
      viewport: phone || captive ? PHONE : DESK,
      locale: language,
      colorScheme: dark ? "dark" : "light",
      timezoneId: "Europe/Berlin",
      reducedMotion: "reduce",
      // Chromium does not ask a proxy for loopback unless told to.
      proxy: proxy && { server: proxy.url, bypass: "<-loopback>" },
    });
    context.setDefaultTimeout(30_000);
    if (!cookies) await withoutCookies(context);
    const asked = [];
    const mishaps = await watch(context, agrees && asked);
    const page = await context.newPage();
    if (!script) scriptless.add(page);
    const person = { context, page, mishaps, asked, leave: async () => { await context.close(); proxy?.close(); } };
    this.people.push(person);
    return person;
  }

  /** Closes everything; the mishaps of all people that were met. */
  async close() {
    for (const person of this.people) await person.leave().catch(() => {});
    await this.chromium.close();
    return this.people.flatMap((person) => person.mishaps);
  }
}

/** A browser of somebody who has installed this CA certificate, and ignores no fault of any other. */
export async function trusting(ca) {
  const home = mkdtempSync(path.join(tmpdir(), "nac-chromium-"));
  const trusted = path.join(home, ".pki/nssdb");
  mkdirSync(trusted, { recursive: true });
  writeFileSync(path.join(home, "ca.crt"), ca);
  const certutil = (...parameters) => execFileSync("certutil", ["-d", `sql:${trusted}`, ...parameters]);
  certutil("-N", "--empty-password");
  certutil("-A", "-n", "nac", "-t", "C,,", "-i", path.join(home, "ca.crt"));
  const browser = await chromium.launch({ executablePath: PROGRAM, args: FLAGS, headless: true, env: { ...process.env, HOME: home } });
  return { page: await browser.newPage(), close: async () => { await browser.close(); rmSync(home, { recursive: true, force: true }); } };
}

/** A mini-browser forgets cookies at once: nothing is sent and nothing is kept. */
async function withoutCookies(context) {
  await context.route("**/*", async (route) => {
    // The request waits here, and takes its cookies from the jar when it goes on.
    await context.clearCookies();
    await route.continue();
  });
  context.on("response", () => context.clearCookies().catch(() => {}));
}

/** What must never happen on any page: a dialog, an error in script, a breach of the content security policy, `pwned()`. */
async function watch(context, asked) {
  const mishaps = [];
  const note = (page, what) => mishaps.push(`${page?.url?.() ?? "?"}: ${what}`);
  await context.exposeBinding("pwned", ({ page }, number) => note(page, `a payload ran: ${number}`));
  context.on("dialog", (dialog) => {
    if (asked && dialog.type() === "confirm") {
      asked.push(dialog.message());
      dialog.accept().catch(() => {});
      return;
    }
    note(dialog.page(), `a dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  context.on("weberror", (error) => note(error.page(), `an error in script: ${error.error().message}`));
  context.on("console", (message) => {
    const text = message.text();
    if (/Content Security Policy|Content-Security-Policy/i.test(text)) note(message.page(), text);
  });
  return mishaps;
}
