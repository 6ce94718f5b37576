// What every page must be: free of axe-core's violations in both themes, no wider than the screen, and kept as a picture.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { scriptless } from "./browser.js";
import { artefacts, axeSource } from "./packages.js";

const SCREENS = { 375: { width: 375, height: 667 }, 1280: { width: 1280, height: 800 } };
const THEMES = ["light", "dark"];
// All but `meta-refresh`: a page that waits for somebody else's answer looks again by itself, without script too; nothing is typed in it.
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const screenshots = path.join(artefacts, "screenshots");
mkdirSync(screenshots, { recursive: true });

/**
 * Looks at the page as it is now, on both screens in both themes; `name` names its pictures. In a browser without script axe-core
 * cannot run, so a story that goes there goes through the same pages with script, too.
 */
export async function inspect(page, name) {
  // A script may look at a page whose style sheet is still on its way, and measures it unstyled.
  await page.waitForLoadState("load");
  const before = page.viewportSize();
  const faults = [];
  for (const [width, size] of Object.entries(SCREENS)) {
    await page.setViewportSize(size);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme });
      const where = `${name} at ${width} px, ${colorScheme}`;
      faults.push(...(await tooWide(page)).map((element) => `${where}: wider than the screen: ${element}`));
      if (!scriptless.has(page)) faults.push(...(await violations(page)).map((violation) => `${where}: ${violation}`));
      await page.screenshot({ path: path.join(screenshots, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
  assert.deepEqual(faults, [], `${page.url()}:\n${faults.join("\n")}`);
}

/** axe-core's violations, each as one line. */
export async function violations(page) {
  // Handed over by the debugger, which the page's content security policy does not concern.
  await page.evaluate(axeSource);
  const found = await page.evaluate(
    (rules) => globalThis.axe.run(document, { runOnly: rules, rules: { "meta-refresh": { enabled: false } }, resultTypes: ["violations"] }).then(({ violations }) => violations),
    RULES,
  );
  return found.map(({ id, help, nodes }) => {
    const first = nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.any[0]?.message ?? node.all[0]?.message ?? node.none[0]?.message ?? ""}`);
    return `axe ${id}: ${help} (${nodes.length}): ${first.join(" | ")}`;
  });
}

/** Elements that make the page scroll sideways. A table may scroll inside a box of its own. */
export function tooWide(page) {
  return page.evaluate(() => {
    const screen = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= screen) return [];
    const wide = [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > screen + 1);
    const said = wide.slice(0, 4).map((element) => `<${element.tagName.toLowerCase()} class="${element.className}">`);
    return said.length > 0 ? said : [`the page: ${document.documentElement.scrollWidth} px`];
  });
}
