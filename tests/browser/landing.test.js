// What people meet first: where they are, how to get on, in their language, whatever their browser cannot do.
import assert from "node:assert/strict";
import { trusting } from "./support/browser.js";
import { inspect } from "./support/inspect.js";
import { stage, story } from "./support/story.js";

const here = stage();
const LANGUAGES = { en: "ltr", de: "ltr", fr: "ltr", es: "ltr", ar: "rtl" };

story(here, "whoever installed the certificate authority sees the portal without a warning", async () => {
  const { page, close } = await trusting(here.installation.ca);
  try {
    const answer = await page.goto(here.url("/"));
    assert.equal(answer.status(), 200);
    assert.equal((await answer.securityDetails()).subjectName, "localhost");
  } finally {
    await close();
  }
});

story(here, "the landing page offers large buttons, and is readable on every screen", async () => {
  const { page } = await here.person();
  await page.goto(here.url("/"));
  const ways = page.locator("main li a");
  assert.ok((await ways.count()) >= 1);
  for (const way of await ways.all()) assert.ok((await way.boundingBox()).height >= 44);
  await inspect(page, "public-landing");
});

story(here, "the page speaks the language of the browser, and another by a link, without cookies and script too", async () => {
  for (const [language, direction] of Object.entries(LANGUAGES)) {
    const { page } = await here.person({ language: `${language}-${language.toUpperCase()}` });
    await page.goto(here.url("/"));
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    assert.equal(await page.locator("html").getAttribute("dir"), direction);
    await inspect(page, `public-landing-${language}`);
  }
  const { page } = await here.person({ captive: true });
  await page.goto(here.url("/"));
  await page.locator(".languages summary").click();
  await page.getByRole("link", { name: "العربية" }).click();
  assert.equal(await page.locator("html").getAttribute("dir"), "rtl");
  // It stays, though the browser keeps nothing.
  await page.locator("footer a").last().click();
  assert.equal(await page.locator("html").getAttribute("dir"), "rtl");
});

story(here, "the languages are really different", async () => {
  const texts = [];
  for (const language of Object.keys(LANGUAGES)) {
    const { page } = await here.person({ language });
    await page.goto(here.url("/"));
    texts.push(await page.locator("main").innerText());
  }
  assert.equal(new Set(texts).size, texts.length);
});

story(here, "a page that does not exist says so, with a way back and a support code", async () => {
  const { page } = await here.person();
  const answer = await page.goto(here.url("/no-such-page"));
  assert.equal(answer.status(), 404);
  await inspect(page, "public-not-found");
  assert.match(await page.locator("footer").innerText(), /Support code \S+/);
  await page.locator("main").getByRole("link").click();
  assert.equal(new URL(page.url()).pathname, "/");
});

story(here, "the CA certificate that is offered is the one of nac init", async () => {
  const { page } = await here.person({ captive: true });
  await page.goto(here.url("/"));
  await page.getByRole("link", { name: /certificate/ }).click();
  await inspect(page, "public-certificate");
  const link = await page.getByRole("link", { name: /Download/ }).getAttribute("href");
  const answer = await page.request.get(here.url(link));
  assert.equal(await answer.text(), here.installation.ca);
});

story(here, "the first page weighs sixty kibibytes at most, with everything it loads", async () => {
  const { page } = await here.person();
  let octets = 0;
  const loading = [];
  page.on("response", (response) => loading.push(response.body().then((body) => { octets += body.length; })));
  await page.goto(here.url("/"), { waitUntil: "networkidle" });
  await Promise.all(loading);
  assert.ok(octets > 0 && octets <= 60 * 1024, `${octets} octets`);
});

story(here, "everything works with text twice as large, and by keyboard alone", async () => {
  const { page } = await here.person({ phone: true });
  await page.goto(here.url("/"));
  await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
  await page.reload();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), "#main");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.activeElement.closest("main") !== null));
});
