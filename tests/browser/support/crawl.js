// Every page that links reach, as somebody would who clicks on everything.

/**
 * Follows links from `starts`; `visit(response, url)` looks at each page. Addresses that differ only in an identifier or in the
 * value of a query are alike; of those at most `alike` are opened, paging links excepted. Gives what was found.
 * An answer without a body is among the pages and has no links.
 */
export async function crawl(page, starts, { visit = async () => {}, alike = 6, limit = 800, leave = /^$/ } = {}) {
  const origin = new URL(starts[0]).origin;
  const waiting = [...starts];
  const known = new Set(starts);
  const opened = {};
  const pages = [];
  const files = [];
  const foreign = new Set();
  while (waiting.length > 0 && pages.length < limit) {
    const url = waiting.shift();
    const response = await page.goto(url).catch((error) => {
      // A link that downloads: a file to look at, not a page.
      if (/Download is starting|ERR_ABORTED/.test(error.message)) return null;
      // A refusal without a word.
      if (/ERR_HTTP_RESPONSE_CODE_FAILURE/.test(error.message)) return page.request.get(url);
      throw error;
    });
    if (!response) {
      files.push(url);
      continue;
    }
    pages.push({ url, status: response.status(), headers: response.headers(), landed: page.url() });
    if (typeof response.request !== "function") continue;
    await visit(response, url);
    for (const link of await linksOf(page)) {
      const target = new URL(link);
      target.hash = "";
      if (!/^https?:$/.test(target.protocol)) continue;
      if (target.origin !== origin) {
        foreign.add(`${url} → ${target}`);
        continue;
      }
      if (known.has(target.href) || leave.test(target.pathname)) continue;
      const kind = pattern(target);
      opened[kind] = (opened[kind] ?? 0) + 1;
      const enough = /[?&](after|before|page|cursor)=/.test(target.search) ? 40 : alike;
      if (opened[kind] > enough) continue;
      known.add(target.href);
      waiting.push(target.href);
    }
  }
  return { pages, files, foreign: [...foreign], patterns: Object.keys(opened).sort() };
}

function linksOf(page) {
  return page.evaluate(() => [...document.querySelectorAll("a[href], area[href], form:not([method=post])[action]")].map((element) => element.href ?? element.action));
}

/** What is alike: identifiers, addresses and numbers are `*`, and of a query only the names count. */
export function pattern(url) {
  const path = url.pathname.split("/").map((part) => (/^[0-9a-f]{8}-|^[0-9a-f:%-]{12,}$|^\d+$|%/i.test(part) ? "*" : part)).join("/");
  const names = [...new Set(url.searchParams.keys())].sort();
  return names.length > 0 ? `${path}?${names.join("&")}` : path;
}
