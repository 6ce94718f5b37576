// Every page of the administrators: looked at in both themes on both screens, by clicking on everything that is there.
import assert from "node:assert/strict";
import { administrator } from "./support/administrator.js";
import { crawl, pattern } from "./support/crawl.js";
import { inspect } from "./support/inspect.js";
import { Nas } from "./support/nas.js";
import { OsqueryHost } from "./support/osquery.js";
import { stage, story } from "./support/story.js";

const here = stage({
  then: async ({ installation, radius }) => {
    here.nas = await Nas.start(installation);
    await installation.nacWithInput("correct-horse", "user", "add", "alice", "--group", "staff", "--password-stdin");
    await installation.nac("device", "add", "02-00-00-00-00-01", "--label", "printer", "--name", "printer-1");
    await radius.session({ mac: "02-00-00-00-00-01", address: "127.0.4.1" });
    await radius.session({ mac: "02-00-00-00-00-02", address: "127.0.4.2", ssid: "office" });
    await radius.access({ user: "alice", password: "wrong", attributes: [[31, "02-00-00-00-00-03"]] });
    await installation.nac("quarantine", "add", "02-00-00-00-00-02", "--reason", "seen scanning");
    const host = new OsqueryHost(installation, { hostname: "alice-laptop", macs: ["02-00-00-00-00-03"] });
    host.answers = { "linux-disk-encryption": [] };
    await host.enroll();
    await host.report();
    here.owner = await administrator(here, { name: "olivia" });
  },
  finally: () => here.nas?.stop(),
});

story(here, "every page that an owner can reach is accessible, fits both screens and loads", async () => {
  const { page } = await administrator(here, { name: "otto" });
  const seen = new Set();
  const faults = [];
  const visit = async (response, url) => {
    // What a query changes is looked at by the stories of the page.
    const kind = pattern(new URL(new URL(url).pathname, url)).replaceAll(/[^a-z0-9]+/gi, "-").replaceAll(/^-|-$/g, "") || "overview";
    if (response.status() >= 400) faults.push(`${url}: ${response.status()}`);
    if (!/html/.test(response.headers()["content-type"] ?? "") || seen.has(kind)) return;
    seen.add(kind);
    await inspect(page, `admin-${kind}`).catch((error) => faults.push(error.message.split("\n").slice(0, 8).join("\n")));
  };
  const { pages, foreign } = await crawl(page, [here.adminUrl("/")], { visit, alike: 2, limit: 150 });
  assert.ok(pages.length >= 5, `only ${pages.length} pages`);
  assert.deepEqual([...faults, ...foreign], []);
});

story(here, "every page works without script", async () => {
  const { page } = await administrator(here, { name: "nora", script: false });
  const faults = [];
  const visit = async (response, url) => {
    if (response.status() >= 400) faults.push(`${url}: ${response.status()}`);
    if ((await page.locator("h1").count()) !== 1) faults.push(`${url}: no heading, or more than one`);
  };
  await crawl(page, [here.adminUrl("/")], { visit, alike: 1, limit: 80 });
  assert.deepEqual(faults, []);
});
