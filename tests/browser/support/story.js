// One installation and one browser for a test file: started before its stories, ended after them, mishaps counted.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "./browser.js";
import { Installation } from "./installation.js";
import { Radius } from "./radius.js";

/** Declares the set-up of a file. The returned object is filled when its first story begins. */
export function stage(options = {}) {
  const here = {};
  before(async () => {
    here.installation = await Installation.start(options);
    here.radius = new Radius(here.installation);
    here.browser = await Browser.launch();
    here.person = (settings) => here.browser.person(settings);
    here.url = (path) => here.installation.portal + path;
    here.adminUrl = (path) => here.installation.admin + path;
    await options.then?.(here);
  });
  after(async () => {
    await options.finally?.(here);
    await here.browser?.close();
    await here.installation?.stop();
  });
  return here;
}

/** A story that takes longer hangs. */
const LIMIT = 400_000;

/** One story. A person who met a mishap fails it, whatever else it found. */
export function story(here, name, tell) {
  test(name, { timeout: LIMIT }, async (context) => {
    const known = here.browser.people.length;
    try {
      await tell(context);
      const mishaps = here.browser.people.flatMap((person) => person.mishaps);
      assert.deepEqual(mishaps, []);
    } catch (error) {
      here.installation.failed = true;
      throw error;
    } finally {
      for (const person of here.browser.people) person.mishaps.length = 0;
      for (const person of here.browser.people.slice(known)) await person.leave().catch(() => {});
    }
  });
}
