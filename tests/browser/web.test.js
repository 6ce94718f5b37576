// What holds for every page and every action of both listeners, whoever looks: headers, frames, other sites, addresses.
import assert from "node:assert/strict";
import { foreignAddresses } from "./support/addresses.js";
import { crawl } from "./support/crawl.js";
import { elsewhere, trap } from "./support/elsewhere.js";
import { violations } from "./support/inspect.js";
import { stage, story } from "./support/story.js";

const here = stage();

/** W-09: nothing of ours is framed, sniffed, kept or scripted by others. */
function headerFaults({ url, headers }) {
  const policy = headers["content-security-policy"] ?? "";
  const asset = new URL(url).pathname.startsWith("/assets/");
  const rules = {
    "default-src 'none'": policy.includes("default-src 'none'"),
    "frame-ancestors 'none'": policy.includes("frame-ancestors 'none'"),
    "form-action": policy.includes("form-action 'self'"),
    "base-uri": policy.includes("base-uri 'none'"),
    "no inline, no eval": !/unsafe-inline|unsafe-eval|unsafe-hashes|\*/.test(policy),
    nosniff: headers["x-content-type-options"] === "nosniff",
    "no-store": asset || /no-store/.test(headers["cache-control"] ?? ""),
    "referrer-policy": ["same-origin", "no-referrer"].includes(headers["referrer-policy"]),
    "no server's name": headers.server === undefined && headers["x-powered-by"] === undefined,
  };
  return Object.entries(rules).filter(([, kept]) => !kept).map(([rule]) => `${url}: ${rule}`);
}

/** What a page must not hold. */
async function markupFaults(page) {
  return page.evaluate(() => {
    const outside = [...document.querySelectorAll("[src], link[href]")].filter((element) => {
      const address = element.src || element.href;
      return address && !address.startsWith(location.origin) && !address.startsWith("data:image/");
    });
    const inline = [...document.querySelectorAll("[style], style, script:not([src])")];
    const handlers = [...document.querySelectorAll("*")].filter((element) => [...element.attributes].some(({ name }) => name.startsWith("on")));
    return [...outside, ...inline, ...handlers].map((element) => `${location.pathname}: ${element.outerHTML.slice(0, 120)}`);
  });
}

story(here, "every public page that links reach has the headers, and nothing inline or from elsewhere", async () => {
  const { page } = await here.person();
  const faults = [];
  const visit = async () => faults.push(...(await markupFaults(page)), ...(await violations(page)).map((one) => `${page.url()}: ${one}`));
  const { pages, foreign } = await crawl(page, [here.url("/"), here.url("/no-such-page")], { visit });
  faults.push(...pages.flatMap(headerFaults), ...foreign);
  faults.push(...pages.filter(({ status }) => status >= 500).map(({ url, status }) => `${url}: ${status}`));
  assert.deepEqual(faults, []);
});

story(here, "a page of another site cannot frame ours", async () => {
  const { page } = await here.person();
  const site = await elsewhere(`<iframe src="${here.url("/")}"></iframe>`);
  const refused = page.waitForEvent("requestfailed");
  await page.goto(site.url);
  assert.equal((await refused).failure().errorText, "net::ERR_BLOCKED_BY_RESPONSE");
  // Chromium says so; here that is no mishap.
  here.browser.people.forEach((person) => { person.mishaps.length = 0; });
  site.close();
});

story(here, "a form that another site sends is refused, whatever it asks for", async () => {
  const { page } = await here.person();
  for (const listener of [here.url, here.adminUrl]) {
    const site = await elsewhere(trap(listener("/"), { name: "x" }));
    const answered = page.waitForResponse((response) => response.request().method() === "POST");
    await page.goto(site.url);
    assert.equal((await answered).status(), 403, listener("/"));
    site.close();
  }
});

story(here, "no page goes to another site because an address said so", async () => {
  const { page } = await here.person();
  const faults = [];
  for (const [origin, path, name] of goers(here)) {
    for (const wish of foreignAddresses) {
      const answer = await page.request.get(`${origin}${path}${encodeURIComponent(wish)}`, { maxRedirects: 0 });
      const onward = answer.headers().location;
      const html = await answer.text();
      const fields = [...html.matchAll(/<input[^>]*name="(?:next|return|redirect_url)"[^>]*value="([^"]*)"/g)].map(([, value]) => unescaped(value));
      for (const address of [...(onward === undefined ? [] : [onward]), ...fields]) {
        if (new URL(address, `${origin}/`).origin !== origin) faults.push(`${name} ${JSON.stringify(wish)} → ${address}`);
      }
    }
  }
  assert.deepEqual(faults, []);
});

/** Where an address can say where to go next. */
function goers({ installation }) {
  return [
    [installation.portal, "/?redirect_url=", "the portal's start"],
    [installation.admin, "/sign-in?next=", "the administrators' sign-in"],
  ];
}

function unescaped(text) {
  const entities = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&#34;": "\"", "&#38;": "&", "&#39;": "'", "&#60;": "<", "&#62;": ">" };
  return text.replaceAll(/&[#\w]+;/g, (entity) => entities[entity] ?? entity);
}
