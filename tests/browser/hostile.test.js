// W-01: three hundred hostile strings come in by every door that is open to anybody, and by the forms; then somebody looks at every page.
import assert from "node:assert/strict";
import { administrator } from "./support/administrator.js";
import { crawl } from "./support/crawl.js";
import { seedApi, seedOsquery, seedRadius } from "./support/hostile.js";
import { payloads } from "./support/payloads.js";
import { stage, story } from "./support/story.js";

const here = stage({
  then: async ({ installation, radius }) => {
    await seedRadius(radius);
    await seedOsquery(installation);
    here.stored = await seedApi(installation);
  },
});

/** Elements that a payload made, on the page as it is. */
async function becameMarkup(page, url) {
  const made = await page.locator("[data-pwned]").evaluateAll((elements) => elements.map((element) => element.outerHTML.slice(0, 120)));
  return made.map((element) => `${url}: ${element}`);
}

story(here, "there are three hundred different hostile strings at least, and most of them are kept", () => {
  assert.ok(new Set(payloads.map(({ text }) => text)).size >= 300);
  // Most names are names, however odd; what cannot be one is refused.
  assert.ok(here.stored.devices > 200 && here.stored.quarantines > 40 && here.stored.vouchers > 10, JSON.stringify(here.stored));
});

story(here, "no public page lets a hostile string run or become markup", async () => {
  const { page } = await here.person();
  const marked = [];
  await crawl(page, [here.url("/")], { visit: async (_, url) => marked.push(...(await becameMarkup(page, url))) });
  assert.deepEqual(marked, []);
});

story(here, "no page of the administrators lets a hostile string run or become markup, and nearly all of them are shown", async () => {
  const { page } = await administrator(here, { name: "olivia" });
  const [marked, shown, broken] = [[], new Set(), []];
  const visit = async (response, url) => {
    marked.push(...(await becameMarkup(page, url)));
    if (response.status() >= 500) broken.push(`${url}: ${response.status()}`);
    for (const [tag] of (await page.locator("body").innerText()).matchAll(/hx\d+z/g)) shown.add(tag);
  };
  const { foreign, patterns } = await crawl(page, [here.adminUrl("/")], { visit, alike: 5, limit: 260 });
  assert.deepEqual([...marked, ...broken, ...foreign], []);
  // What cannot be shown at all (a text of nothing but control characters, say) is a handful.
  assert.ok(shown.size >= payloads.length * 0.9, `${shown.size} of ${payloads.length} were seen on ${patterns.length} kinds of pages`);
});

story(here, "what is exported for a spreadsheet computes nothing there", async () => {
  const { page } = await administrator(here, { name: "otto" });
  const { files, pages } = await crawl(page, [here.adminUrl("/")], { alike: 2, limit: 60 });
  const tables = [...files, ...pages.map(({ url }) => url)].filter((url) => /csv/.test(url));
  assert.ok(tables.length >= 3, `only ${tables.length} exports: ${tables}`);
  const faults = [];
  for (const url of tables) {
    const text = await (await page.request.get(url)).text();
    for (const cell of cells(text)) if (/^[\s\u00a0]*[=+@\t\r]|^-[^\d.]/.test(cell)) faults.push(`${url}: ${JSON.stringify(cell.slice(0, 60))}`);
  }
  assert.deepEqual(faults, []);
});

/** The cells of a CSV text (RFC 4180). */
function cells(text) {
  return [...text.matchAll(/("(?:[^"]|"")*"|[^,\r\n]*)(?:,|\r?\n|$)/g)].map(([, cell]) => cell.replace(/^"([\s\S]*)"$/, "$1").replaceAll("\"\"", "\""));
}
