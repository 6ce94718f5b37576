// W-01: three hundred hostile strings come in by every door that is open to anybody; then somebody looks at every page.
import assert from "node:assert/strict";
import { crawl } from "./support/crawl.js";
import { seedOsquery, seedRadius } from "./support/hostile.js";
import { payloads } from "./support/payloads.js";
import { stage, story } from "./support/story.js";

const here = stage({
  then: async ({ installation, radius }) => {
    await seedRadius(radius);
    await seedOsquery(installation);
  },
});

story(here, "there are three hundred different hostile strings at least", () => {
  assert.ok(new Set(payloads.map(({ text }) => text)).size >= 300);
});

story(here, "no public page lets a hostile string run or become markup", async () => {
  const { page } = await here.person();
  const marked = [];
  await crawl(page, [here.url("/")], { visit: async (_, url) => marked.push(...(await becameMarkup(page, url))) });
  assert.deepEqual(marked, []);
});

/** Elements that a payload made. */
async function becameMarkup(page, url) {
  const made = await page.locator("[data-pwned]").evaluateAll((elements) => elements.map((element) => element.outerHTML.slice(0, 120)));
  return made.map((element) => `${url}: ${element}`);
}
