// Employees and their devices: add, rename, renew, lost, found, removed, a list of many, a Wi-Fi key; without script as well.
import assert from "node:assert/strict";
import { portalSettings } from "./support/api.js";
import { inspect } from "./support/inspect.js";
import { Nas } from "./support/nas.js";
import { stage, story } from "./support/story.js";

const PASSWORD = "correct-horse";
const here = stage({
  furnish: async (installation) => {
    for (const name of ["alice", "bob", "carol", "dora", "emil", "nobody-yet"]) {
      await installation.nacWithInput(PASSWORD, "user", "add", name, "--group", "staff", "--password-stdin");
    }
  },
  then: async ({ installation }) => {
    here.nas = await Nas.start(installation);
    await portalSettings(installation, () => ({ device_limit: 3 }));
  },
  finally: () => here.nas?.stop(),
});

async function employee(name, settings) {
  const person = await here.person(settings);
  await person.page.goto(here.url("/devices"));
  await signIn(person.page, name);
  await person.page.getByRole("heading", { name: "My devices" }).waitFor();
  return person;
}

async function signIn(page, name, password = PASSWORD) {
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function add(page, { name, mac, type = "printer" }) {
  await page.getByRole("link", { name: "Add a device" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("What it is").selectOption(type);
  await page.getByLabel(/Hardware address/).fill(mac);
  await page.getByRole("button", { name: "Add a device" }).click();
}

story(here, "somebody signs in; a wrong password is refused in words", async () => {
  const { page } = await here.person();
  await page.goto(here.url("/devices"));
  await inspect(page, "device-sign-in");
  await signIn(page, "alice", "wrong");
  assert.match(await page.getByRole("alert").innerText(), /not right/);
  await signIn(page, "alice");
  await page.getByText("No devices yet").waitFor();
  await inspect(page, "device-none");
});

for (const [kind, settings] of Object.entries({ desk: {}, scriptless: { script: false, phone: true } })) {
  story(here, `an employee (${kind}) adds a printer, renames it, loses it and finds it again`, async () => {
    const owner = kind === "desk" ? "bob" : "carol";
    const { page } = await employee(owner, settings);
    await page.getByRole("link", { name: "Add a device" }).click();
    await inspect(page, `device-add-${kind}`);
    await page.goto(here.url("/devices"));
    await add(page, { name: "Printer <b>12</b>", mac: "not a mac" });
    assert.match(await page.getByRole("alert").innerText(), /no hardware address/);
    assert.equal(await page.getByLabel("Name").inputValue(), "Printer <b>12</b>");
    await inspect(page, `device-add-fault-${kind}`);
    const mac = `00-1B-21-${kind === "desk" ? "01" : "02"}-00-01`;
    await page.getByLabel(/Hardware address/).fill(mac.toLowerCase().replaceAll("-", ""));
    await page.getByRole("button", { name: "Add a device" }).click();
    await page.getByRole("status").filter({ hasText: "was added" }).waitFor();
    await inspect(page, `device-list-${kind}`);

    const session = await here.radius.session({ mac, address: `127.0.5.${kind === "desk" ? 1 : 2}` });
    await page.getByRole("link", { name: "Printer <b>12</b>" }).click();
    await inspect(page, `device-one-${kind}`);
    await page.getByLabel("Name").fill("Printer in room 12");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("was changed").waitFor();
    await page.getByRole("link", { name: "Printer in room 12" }).click();
    await page.getByRole("button", { name: /lost or stolen/ }).click();
    await page.getByText(/reported lost/i).first().waitFor();
    if (session.reply.code === 2) await here.nas.next("the lost device is disconnected");
    const { reply } = await here.radius.session({ mac, address: "127.0.5.9" });
    assert.equal(reply.code, 3, "a lost device is refused");
    await page.goto(here.url("/devices"));
    await inspect(page, `device-lost-${kind}`);
    await page.getByRole("link", { name: "Printer in room 12" }).click();
    await page.getByRole("button", { name: "I have found it" }).click();
    await page.getByText(/may use the network again/).waitFor();
    const back = await here.radius.session({ mac, address: "127.0.5.9" });
    assert.equal(back.reply.code, 2);
    await page.goto(here.url("/devices"));
    await page.getByRole("link", { name: "Printer in room 12" }).click();
    await page.getByText("I do not use it any more").click();
    await page.getByRole("button", { name: "Remove it from my devices" }).click();
    await page.getByText("No devices yet").waitFor();
  });
}

story(here, "whoever has as many devices as allowed chooses which one the new one replaces", async () => {
  const { page } = await employee("dora", { phone: true });
  for (const number of [1, 2, 3]) {
    await add(page, { name: `Device ${number}`, mac: `00-1B-21-03-00-0${number}` });
    await page.getByRole("status").waitFor();
  }
  await add(page, { name: "Device 4", mac: "00-1B-21-03-00-04" });
  await page.getByText(/Which one does the new one replace/).first().waitFor();
  await inspect(page, "device-replace");
  await page.getByLabel("Device 2").check();
  await page.getByRole("button", { name: "Add a device" }).click();
  await page.getByRole("status").waitFor();
  const names = (await page.locator("main section h2").allInnerTexts()).sort();
  assert.deepEqual(names, ["Device 1", "Device 3", "Device 4"]);
});

story(here, "a list of devices is checked line by line, and nothing is stored while a line is wrong", async () => {
  const { page } = await employee("emil");
  await page.getByRole("link", { name: /many devices/ }).click();
  await inspect(page, "device-many");
  await page.getByLabel("One device per line").fill("00:1B:21:04:00:01,TV,tv\nnonsense,=1+1,tv");
  await page.getByRole("button", { name: "Add all" }).click();
  assert.match(await page.getByRole("alert").innerText(), /Line 2/);
  await inspect(page, "device-many-faults");
  await page.getByLabel("One device per line").fill("00:1B:21:04:00:01,TV,tv\n00:1B:21:04:00:02,Camera,camera");
  await page.getByRole("button", { name: "Check only" }).click();
  await page.getByText(/2 devices are right/).waitFor();
  await page.getByRole("button", { name: "Add all" }).click();
  await page.getByText("The devices were added").waitFor();
});

story(here, "the device that somebody looks at is added by one button", async () => {
  const [mac, address] = ["00-1B-21-05-00-01", "127.0.5.20"];
  await here.radius.session({ mac, address });
  const { page } = await employee("alice", { phone: true, address });
  await page.getByRole("link", { name: "Add a device" }).click();
  await page.getByText("00:1b:21:05:00:01").waitFor();
  await inspect(page, "device-add-here");
  await page.getByLabel("Name").fill("My phone");
  await page.getByRole("button", { name: "Add this device" }).click();
  await page.getByRole("status").waitFor();
});

story(here, "nobody sees or changes the device of somebody else", async () => {
  const own = await employee("alice");
  await add(own.page, { name: "My television", mac: "00-1B-21-06-00-01", type: "tv" });
  await own.page.getByRole("status").waitFor();
  const link = await own.page.locator("main section h2 a").first().getAttribute("href");
  const { page } = await employee("nobody-yet");
  assert.equal((await page.goto(here.url(link))).status(), 404);
  await inspect(page, "device-not-yours");
  for (const action of ["", "/lost", "/remove", "/renew"]) {
    const answer = await page.request.post(here.url(new URL(link, "https://x").pathname + action), { headers: { origin: here.installation.portal }, form: { name: "mine", type: "tv" } });
    assert.ok([403, 404].includes(answer.status()), `${action}: ${answer.status()}`);
  }
});

story(here, "everything of it is readable in Arabic", async () => {
  const { page } = await here.person({ language: "ar", phone: true });
  await page.goto(here.url("/devices"));
  await page.locator("input[name=user], input[name=name]").first().fill("alice");
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("main form button").click();
  await inspect(page, "device-ar-list");
  await page.goto(here.url("/devices/add"));
  await inspect(page, "device-ar-add");
});
