// Tests the tests: what the stories watch for is really noticed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./support/browser.js";
import { elsewhere } from "./support/elsewhere.js";
import { tooWide, violations } from "./support/inspect.js";

let browser;
before(async () => { browser = await Browser.launch(); });
after(() => browser.close());

/** What a person meets on this page. */
async function meets(html, look = async () => {}, headers = {}) {
  const site = await elsewhere(html, headers);
  const person = await browser.person();
  await person.page.goto(site.url);
  await person.page.waitForTimeout(300);
  const seen = await look(person.page);
  site.close();
  return { mishaps: person.mishaps.join("\n"), seen };
}

test("a hostile string that runs is noticed", async () => {
  const { mishaps, seen } = await meets("<img src=x onerror=pwned(17) data-pwned>", (page) => page.locator("[data-pwned]").count());
  assert.match(mishaps, /a payload ran: 17/);
  assert.equal(seen, 1);
});

test("a hostile string that the content security policy stops is noticed", async () => {
  const { mishaps } = await meets("<img src=x onerror=pwned(17)>", undefined, { "content-security-policy": "script-src 'self'" });
  assert.match(mishaps, /Content Security Policy/);
  assert.doesNotMatch(mishaps, /a payload ran/);
});

test("a dialog and an error in script are noticed", async () => {
  const { mishaps } = await meets("<script>alert('hello'); nothing.here;</script>");
  assert.match(mishaps, /a dialog: hello/);
  assert.match(mishaps, /an error in script: nothing is not defined/);
});

test("a page that is wider than a phone is noticed", async () => {
  const look = async (page) => {
    await page.setViewportSize({ width: 375, height: 667 });
    return tooWide(page);
  };
  assert.deepEqual((await meets("<meta name=viewport content=width=device-width><p>short</p>", look)).seen, []);
  assert.match((await meets("<meta name=viewport content=width=device-width><p class=x style=width:900px>wide</p>", look)).seen[0], /<p class="x">/);
});

test("a field without a label is noticed", async () => {
  const { seen } = await meets("<!doctype html><html lang=en><title>t</title><main><h1>h</h1><input></main>", violations);
  assert.match(seen.join("\n"), /axe label/);
});

test("a captive mini-browser keeps no cookie and runs no script", async () => {
  const site = await elsewhere("<p id=p>quiet</p><script>document.getElementById('p').textContent = 'loud'</script>", { "set-cookie": "a=1" });
  const { page, context } = await browser.person({ captive: true });
  await page.goto(site.url);
  await page.goto(site.url);
  assert.equal(await page.locator("#p").innerText(), "quiet");
  assert.deepEqual(site.cookies(), [undefined, undefined]);
  assert.deepEqual(await context.cookies(), []);
  site.close();
});

test("people surf from the address they were given", async () => {
  const site = await elsewhere("<p>hello</p>");
  const { page } = await browser.person({ address: "127.0.0.77" });
  await page.goto(site.url);
  assert.deepEqual(site.sources(), ["127.0.0.77"]);
  site.close();
});
