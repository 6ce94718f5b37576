// The start page: what somebody finds who types the server's address.
import assert from "node:assert/strict";
import { trusting } from "./support/browser.js";
import { inspect } from "./support/inspect.js";
import { stage, story } from "./support/story.js";

const here = stage();

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

story(here, "the start page is readable on every screen", async () => {
  const { page } = await here.person();
  await page.goto(here.url("/"));
  await inspect(page, "public-start");
});

story(here, "the CA certificate that is offered is the one of nac init", async () => {
  const { page } = await here.person({ captive: true });
  await page.goto(here.url("/"));
  const link = await page.getByRole("link", { name: /CA certificate/ }).getAttribute("href");
  const answer = await page.request.get(here.url(link));
  assert.equal(await answer.text(), here.installation.ca);
});
