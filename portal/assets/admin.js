// Liveliness for the admin pages: local times, keys, passkeys, live lists. Every page works without it.
"use strict";

const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);

// Times in the reader's zone; UTC stays in the title.
function localise(root = document) {
  const two = (number) => String(number).padStart(2, "0");
  each("time[datetime]", (time) => {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) return;
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    time.textContent = `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }, root);
}
localise();

// A table that is wider than the screen scrolls inside itself: by keyboard, too.
function scrollable() {
  each("main table", (table) => {
    if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
    else table.removeAttribute("tabindex");
  });
}
scrollable();
window.addEventListener("resize", scrollable);

// Ask before what cannot be undone: <button data-confirm="Remove alice?">.
document.addEventListener("click", (event) => {
  const asking = event.target.closest("[data-confirm]");
  if (asking && !window.confirm(asking.dataset.confirm)) event.preventDefault();
});

// A checkbox that stands for all of its table.
each("input[data-all]", (all) => all.addEventListener("change", () => {
  each(`input[name="${all.dataset.all}"]`, (one) => { one.checked = all.checked; }, all.closest("table"));
}));

// Keys. They can be switched off, and never act while somebody types.
const KEYS = "nac-keys-off";
const keysOff = () => { try { return localStorage.getItem(KEYS) === "1"; } catch { return false; } };
let going = false;

function rows() { return [...document.querySelectorAll("main tbody tr")]; }

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.classList.contains("selected"));
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  all.forEach((row) => row.classList.remove("selected"));
  next.classList.add("selected");
  next.scrollIntoView({ block: "nearest" });
}

function help() {
  let dialog = document.getElementById("keys");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "keys";
    const title = document.createElement("h2");
    title.textContent = "Keys";
    const list = document.createElement("dl");
    list.className = "facts";
    const pairs = [["/", "search"], ["j  k", "next and previous row"], ["Enter", "open the row"], ["x", "select the row"], ["n", "next page"], ["?", "this list"]];
    each(".side a[data-key]", (link) => pairs.push([`g ${link.dataset.key}`, link.firstChild.textContent.trim()]));
    for (const [key, what] of pairs) {
      const name = document.createElement("dt");
      const meaning = document.createElement("dd");
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      name.append(kbd);
      meaning.textContent = what;
      list.append(name, meaning);
    }
    const off = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = !keysOff();
    box.addEventListener("change", () => { try { localStorage.setItem(KEYS, box.checked ? "0" : "1"); } catch { /* not kept */ } });
    off.append(box, " single keys act in this browser");
    const close = document.createElement("button");
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.append(title, list, off, close);
    document.body.append(dialog);
  }
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  if (event.key === "?") { help(); return; }
  if (keysOff()) return;
  if (going) {
    going = false;
    const link = document.querySelector(`.side a[data-key="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  const selected = document.querySelector("main tr.selected");
  switch (event.key) {
    case "/": event.preventDefault(); document.getElementById("search")?.focus(); break;
    case "g": going = true; setTimeout(() => { going = false; }, 1500); break;
    case "j": move(1); break;
    case "k": move(-1); break;
    case "n": document.querySelector("a[rel=next]")?.click(); break;
    case "x": { const box = selected?.querySelector("input[type=checkbox]"); if (box) box.checked = !box.checked; break; }
    case "Enter": selected?.querySelector("a")?.click(); break;
  }
});

// Passkeys.
const octets = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function post(path, body) {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.problem || "this did not work: reload the page and try again");
  return answer;
}

async function signIn(path, next) {
  const { ceremony, options } = await post(`${path}/start`, {});
  const wanted = options.publicKey;
  wanted.challenge = octets(wanted.challenge);
  wanted.allowCredentials = [];
  const found = await navigator.credentials.get({ publicKey: wanted });
  const credential = {
    id: found.id, rawId: text64(found.rawId), type: found.type, extensions: found.getClientExtensionResults(),
    response: {
      authenticatorData: text64(found.response.authenticatorData),
      clientDataJSON: text64(found.response.clientDataJSON),
      signature: text64(found.response.signature),
      userHandle: found.response.userHandle ? text64(found.response.userHandle) : null,
    },
  };
  return post(`${path}/finish`, { ceremony, credential, next });
}

async function register(path, name) {
  const { ceremony, options } = await post(`${path}/start`, path === "/account/passkey" ? {} : { name });
  const wanted = options.publicKey;
  wanted.challenge = octets(wanted.challenge);
  wanted.user.id = octets(wanted.user.id);
  wanted.excludeCredentials = (wanted.excludeCredentials || []).map((known) => ({ ...known, id: octets(known.id) }));
  const made = await navigator.credentials.create({ publicKey: wanted });
  const credential = {
    id: made.id, rawId: text64(made.rawId), type: made.type, extensions: made.getClientExtensionResults(),
    response: { attestationObject: text64(made.response.attestationObject), clientDataJSON: text64(made.response.clientDataJSON) },
  };
  return post(`${path}/finish`, { ceremony, name, credential });
}

each(".passkey", (box) => {
  if (!window.PublicKeyCredential) return;
  box.hidden = false;
  const problem = box.querySelector(".problem");
  box.querySelector("button").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    problem.hidden = true;
    try {
      const { passkey, register: path, next } = box.dataset;
      const name = box.querySelector("[data-name]")?.value ?? "";
      const { to } = passkey ? await signIn(passkey, next ?? "/") : await register(path, name);
      location.assign(to);
    } catch (error) {
      problem.textContent = error.name === "NotAllowedError" ? "Cancelled, or no passkey for this page was found." : error.message;
      problem.hidden = false;
      button.disabled = false;
    }
  });
});

// Live lists: <tbody data-live="/log/live"> gets new rows in front as they happen.
each("[data-live]", (body) => {
  const state = document.querySelector("[data-live-state]");
  const toggle = document.querySelector("[data-live-toggle]");
  let source;
  const say = (words) => { if (state) state.textContent = words; };
  const start = () => {
    source = new EventSource(body.dataset.live);
    source.onopen = () => say("live");
    source.onerror = () => say("connecting …");
    source.addEventListener("row", (event) => {
      const parsed = new DOMParser().parseFromString(`<table><tbody>${event.data}</tbody></table>`, "text/html");
      const row = parsed.querySelector("tr");
      if (!row) return;
      localise(row);
      body.prepend(document.importNode(row, true));
      while (body.children.length > 200) body.lastElementChild.remove();
    });
    source.addEventListener("over", (event) => { stop(); if (toggle) toggle.textContent = "Go on"; say(`paused after ${event.data}`); });
    source.addEventListener("missed", (event) => say(`live; ${event.data} were too many to show`));
  };
  const stop = () => { source?.close(); source = undefined; say("paused"); };
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      if (source) { stop(); toggle.textContent = "Go on"; } else { start(); toggle.textContent = "Pause"; }
    });
  }
  start();
});

// A page that waits for something looks again by itself: <p data-refresh="2000">.
each("[data-refresh]", (waiting) => {
  setTimeout(() => { if (!document.querySelector("dialog[open], details[open] input:focus")) location.reload(); }, Number(waiting.dataset.refresh));
});
