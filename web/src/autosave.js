// Writing is sacred: every field saves itself as typed, keeps what could not be sent in the browser, shows both texts when
// somebody else was faster, and never overwrites. Fields are elements with data-field, data-ref and data-version.
import { durable } from "./durable.js";
import * as keep from "./keep.js";
import { send, why } from "./net.js";
import { isOutdated, Queue, read } from "./queue.js";
import { clock, toast, word } from "./words.js";

const PAUSE_MS = 400;
const LONGEST_MS = 600; // somebody who types on and on: what they typed must not be in one page's hands for long
const SLOW_MS = 2000;
const LEAVING_MS = 3000;
const STORE = "hotline-unsent";

let queue;
let retryTimer;
let tries = 0;
let isSignedOut = false;
const timers = new Map(); // field → {timer, since}: when its first unsent letter was typed
const expected = new Map();
const underWay = new Set(); // saves of which nothing was heard yet

const isText = ({ field }) => field === "summary" || field === "answer";
const box = (ref, field) => document.querySelector(`[data-field="${CSS.escape(field)}"][data-ref="${CSS.escape(ref)}"]`);

export function valueOf(element) {
  const text = element.querySelector("textarea");
  if (text) return text.value;
  return element.querySelector(`input[name="${element.dataset.field}"]:checked`)?.value ?? "";
}

// Whether the person before it may change it.
export function isWritable(element) {
  return Boolean(element) && !element.disabled && !element.querySelector("textarea")?.readOnly;
}

export function setValue(element, value) {
  const text = element.querySelector("textarea");
  if (text) {
    if (text.value !== value) text.value = value;
    return;
  }
  for (const input of element.querySelectorAll(`input[name="${element.dataset.field}"]`)) input.checked = input.value === value;
  element.dispatchEvent(new CustomEvent("hotline:value-set", { bubbles: true }));
}

function status(element, kind, text) {
  const line = element?.querySelector("[data-status]");
  if (!line) return;
  line.hidden = false;
  line.dataset.kind = kind;
  line.textContent = text;
  if (kind === "saved") {
    element.querySelector(".field-error")?.remove();
    element.removeAttribute("aria-invalid");
  }
}

// What a choice reads as where it is made.
function faceOf(element, value) {
  const face = element.querySelector(`input[value="${CSS.escape(value)}"] ~ *`);
  return face?.querySelector(".segment-word")?.textContent ?? face?.textContent;
}

function showConflict(entry) {
  const element = box(entry.ref, entry.field);
  const place = element?.querySelector("[data-conflict]");
  if (!place) {
    toast(`${entry.ref}: ${word("conflict")}`, true);
    return;
  }
  const shown = (value) => (isText(entry) ? value : faceOf(element, value)) || word("empty");
  const side = (title, value, button, keepMine) => {
    const part = document.createElement("div");
    part.className = "conflict-side";
    const head = document.createElement("b");
    head.textContent = title;
    const quote = document.createElement("blockquote");
    quote.textContent = shown(value);
    const choose = document.createElement("button");
    choose.type = "button";
    choose.className = "btn btn-sm";
    choose.textContent = button;
    choose.dataset.choose = keepMine ? "yours" : "theirs";
    choose.addEventListener("click", () => decide(entry, keepMine));
    part.append(head, quote, choose);
    return part;
  };
  const line = document.createElement("p");
  line.textContent = word("conflict");
  place.replaceChildren(
    line,
    side(word("yours"), entry.value, word("keepYours"), true),
    side(word("theirs"), entry.theirs.value, word("takeTheirs"), false),
  );
  place.setAttribute("role", "alert");
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
  status(element, "kept", word("kept"));
}

function decide(entry, keepMine) {
  const element = box(entry.ref, entry.field);
  const { value, version } = entry.theirs;
  queue.resolve(entry, keepMine);
  if (element) {
    element.dataset.version = version;
    element.querySelector("[data-conflict]").hidden = true;
    if (keepMine) flush();
    else {
      setValue(element, value);
      status(element, "saved", word("saved", { time: clock(new Date()) }));
    }
    element.querySelector("textarea, input:checked")?.focus();
  }
}

async function sendOne(entry) {
  const element = () => box(entry.ref, entry.field);
  queue.sending(entry);
  status(element(), "saving", word("saving"));
  const key = `${entry.ref}/${entry.field}`;
  expected.set(key, (expected.get(key) ?? 0) + 1);
  const slow = setTimeout(() => status(element(), "kept", word("kept")), SLOW_MS);
  let answer;
  try {
    const url = `/tickets/${encodeURIComponent(entry.ref)}/fields/${encodeURIComponent(entry.field)}`;
    answer = await send("PUT", url, { value: entry.sent, version: String(entry.base) });
  } catch {
    answer = null;
  }
  clearTimeout(slow);
  if (!answer?.ok) expected.set(key, Math.max(0, (expected.get(key) ?? 0) - 1));
  settle(entry, answer, element());
}

function settle(entry, answer, element) {
  if (answer?.ok) {
    tries = 0;
    setSignedOut(false);
    const isWhole = queue.saved(entry, answer.body.version);
    if (element) {
      element.dataset.version = answer.body.version;
      if (answer.body.ticket_version) newVersion(entry.ref, answer.body.ticket_version);
      status(element, "saved", word("saved", { time: clock(new Date(answer.body.saved_at)) }));
    }
    if (!isWhole && !timers.has(element)) flush();
  } else if (answer?.status === 409 && answer.body && "theirs" in answer.body) {
    const whose = queue.conflict(entry, answer.body.theirs ?? "", answer.body.version);
    if (whose === "ours") flush();
    else if (whose === "theirs") showConflict(entry);
    else if (element) {
      element.dataset.version = answer.body.version;
      status(element, "saved", word("saved", { time: clock(new Date()) }));
    }
  } else if (answer?.status === 401 || answer?.body?.code === "csrf") {
    // Nobody, or somebody else, is signed in: no word against the text.
    queue.failed(entry);
    setSignedOut(true);
    again();
    status(element, "kept", word("kept"));
  } else if (answer && answer.status < 500 && answer.status !== 429) {
    queue.refused(entry, why(answer, String(answer.status)));
    if (isWritable(element)) status(element, "refused", word("refused", { why: entry.refused }));
    if (!element && isText(entry)) toast(`${entry.ref}: ${word("refused", { why: entry.refused })}`, true);
  } else {
    queue.failed(entry);
    const wait = again();
    status(element, "kept", wait > SLOW_MS ? word("keptTryAgain", { seconds: Math.round(wait / 1000) }) : word("kept"));
  }
  elsewhere();
}

// What its ticket did not take, and whose form is not before the person, or not theirs to write: a text is offered, a
// choice is told and forgotten, for nobody could take it back there and it would stop every step.
function elsewhere() {
  for (const entry of queue.all()) {
    const key = `${entry.ref}/${entry.field}`;
    const element = box(entry.ref, entry.field);
    const isStuck = (entry.refused || entry.theirs) && !isWritable(element);
    if (isStuck && isText(entry)) leftOver(key, entry, () => queue.drop(entry));
    else keep.remove(key);
    if (!isText(entry) && isStuck && (element || entry.refused)) giveUp(entry);
  }
  document.dispatchEvent(new CustomEvent("hotline:unsent", { detail: { count: queue.all().length } }));
}

function giveUp(entry) {
  const { ref, field, value, shown, refused } = entry;
  queue.drop(entry);
  toast(word("choiceRefused", { ref, field: shown?.field ?? field, value: shown?.value ?? value, why: refused || word("conflict") }), true);
}

function leftOver(key, { ref, refused, value }, drop) {
  keep.add(key, { ref, text: value, drop, title: word("refused", { why: refused || word("conflict") }) });
}

function setSignedOut(value) {
  if (value && !isSignedOut) document.dispatchEvent(new CustomEvent("hotline:signed-out"));
  isSignedOut = value;
}

// Milliseconds until the next try.
function again() {
  const wait = Math.min(15000, 1000 * 2 ** tries);
  clearTimeout(retryTimer);
  retryTimer = setTimeout(flush, wait);
  tries += 1;
  return wait;
}

// Sends all that waits. Resolves when it was answered; true when nothing is left.
export async function flush() {
  for (const { timer } of timers.values()) clearTimeout(timer);
  timers.clear();
  const saves = queue.due().map((entry) => {
    const save = sendOne(entry).finally(() => underWay.delete(save));
    underWay.add(save);
    return save;
  });
  await Promise.all(saves);
  return queue.all().length === 0;
}

// Before the caller or the pen goes to somebody else: what was typed goes first, but nothing waits for it for long.
export function flushFirst() {
  return Promise.race([flush().then(() => Promise.all(underWay)).catch(() => false), new Promise((done) => setTimeout(done, LEAVING_MS, false))]);
}

// Before a step: gives what was typed up to three seconds to arrive. False: something of this ticket is not saved.
export async function settled(ref) {
  const open = () => queue.all().filter((entry) => entry.ref === ref);
  const isComing = () => open().some((entry) => !entry.refused && !entry.theirs);
  open().forEach(onceMore);
  await flush();
  for (let waited = 0; isComing() && waited < 3000; waited += 100) await new Promise((done) => setTimeout(done, 100));
  return open().length === 0;
}

// What stands against a step, for the person, who is taken there.
export function obstacle(ref) {
  const entry = queue.all().find((one) => one.ref === ref && (one.refused || one.theirs));
  if (!entry) return word("notYet");
  box(ref, entry.field)?.querySelector("[data-conflict]:not([hidden]) button, textarea, input:checked")?.focus();
  return entry.theirs ? word("conflict") : word("refused", { why: entry.refused });
}

// A text that was refused while somebody else had the pen, or for another passing reason, is not left lying.
function onceMore(entry) {
  const element = box(entry.ref, entry.field);
  if (entry.refused && isWritable(element) && !isOutdated(entry, Number(element.dataset.version))) queue.again(entry);
}

export function pending(ref, field) {
  return queue.get(ref, field);
}

// Whether what the field shows is on its way or with the server already.
export function isKept(ref, field) {
  return Boolean(queue.get(ref, field));
}

// A fresh copy of a form may be older than what was saved while it was fetched: the newer text stays.
export function carryOver(from, to) {
  for (const old of from.querySelectorAll("[data-field]")) {
    const { field, ref, version } = old.dataset;
    const fresh = to.querySelector(`[data-field="${CSS.escape(field)}"][data-ref="${CSS.escape(ref)}"]`);
    if (!fresh || Number(fresh.dataset.version) >= Number(version)) continue;
    setValue(fresh, valueOf(old));
    fresh.dataset.version = version;
  }
}

// Whether a change told by the server is only the echo of our own save.
export function isEcho(ref, fields) {
  return fields.length > 0 && fields.every((field) => {
    const count = expected.get(`${ref}/${field}`) ?? 0;
    if (count > 0) expected.set(`${ref}/${field}`, count - 1);
    return count > 0;
  });
}

export function newVersion(ref, version) {
  const panel = document.querySelector(`#panel[data-ref="${CSS.escape(ref)}"]`);
  if (!panel || Number(panel.dataset.version) >= Number(version)) return;
  panel.dataset.version = version;
  const input = panel.querySelector("[data-ticket-version]");
  if (input) input.value = version;
}

function typed(event) {
  const element = event.target.closest?.("[data-field]");
  if (!element || event.isComposing || "ignore" in event.target.dataset || event.target.name !== element.dataset.field) return;
  const { ref, field, version } = element.dataset;
  const entry = queue.note(ref, field, valueOf(element), Number(version));
  if (!isText(entry)) queue.name(entry, { field: element.querySelector(".field-name")?.textContent, value: faceOf(element, entry.value) });
  if (event.type === "focusout" || event.target.type === "radio") {
    flush();
    return;
  }
  const { timer, since } = timers.get(element) ?? { since: performance.now() };
  clearTimeout(timer);
  const wait = Math.min(PAUSE_MS, Math.max(0, since + LONGEST_MS - performance.now()));
  timers.set(element, { timer: setTimeout(flush, wait), since });
}

function left(event) {
  const element = event.target.closest?.("[data-field]");
  if (element && timers.has(element)) typed(event);
}

// Puts unsent texts back into a form that has just appeared. One that was refused does not go over what others wrote since.
export function restore() {
  let isAgain = false;
  for (const entry of queue.all()) {
    const element = box(entry.ref, entry.field);
    if (!isWritable(element)) continue; // sent all the same; what the ticket does not take is offered elsewhere
    if (isOutdated(entry, Number(element.dataset.version))) {
      if (!isText(entry)) {
        giveUp(entry);
        continue;
      }
      const whose = queue.conflict(entry, valueOf(element), Number(element.dataset.version));
      if (whose === "same") continue;
      if (whose === "ours") flush();
    }
    setValue(element, entry.value);
    if (entry.refused) {
      onceMore(entry);
      isAgain = true;
    }
    if (entry.theirs) showConflict(entry);
    else if (entry.sent === null) status(element, "kept", word("kept"));
  }
  if (isAgain) flush();
  elsewhere();
}

// Each tab keeps its own store, under a lock that says it lives; texts of tabs that died are taken over.
async function ownStore(user) {
  const prefix = `${STORE}/${user}/`;
  if (!navigator.locks) return `${prefix}only`;
  let tab = sessionStorage.getItem("hotline-tab") ?? crypto.randomUUID();
  const hold = (id) =>
    new Promise((got) => {
      navigator.locks.request(`hotline-tab/${id}`, { ifAvailable: true }, (lock) => {
        got(Boolean(lock));
        return lock ? new Promise(() => {}) : undefined;
      });
    });
  if (!(await hold(tab))) {
    tab = crypto.randomUUID();
    await hold(tab);
  }
  sessionStorage.setItem("hotline-tab", tab);
  return prefix + tab;
}

async function orphans(storage, prefix, own) {
  const { held } = await navigator.locks.query();
  const alive = new Set(held.map((lock) => lock.name));
  const found = [];
  for (const key of storage.keys().filter((name) => name.startsWith(prefix) && name !== own)) {
    if (alive.has(`hotline-tab/${key.slice(prefix.length)}`)) continue;
    found.push(...read(storage, key));
    storage.removeItem(key);
  }
  return found;
}

// A dead tab's text for a field of which this tab has its own: kept beside, for the person to look at.
function leave(entry) {
  const { ref, field, value } = entry;
  if (!isText(entry)) return;
  keep.store().write(`?${ref}/${field}/${value.length}`, value, { ref, isMine: false });
}

export async function start() {
  const user = document.body.dataset.user ?? "";
  const key = await ownStore(user);
  const storage = await durable();
  queue = new Queue(storage, key);
  if (navigator.locks) {
    for (const entry of queue.adopt(await orphans(storage, `${STORE}/${user}/`, key))) leave(entry);
  }
  document.addEventListener("input", typed);
  document.addEventListener("compositionend", typed);
  document.addEventListener("focusout", left);
  document.addEventListener("hotline:connected", flush);
  document.addEventListener("hotline:signed-in", flush);
  document.addEventListener("hotline:resync", () => expected.clear());
  document.addEventListener("hotline:panel", elsewhere);
  addEventListener("online", flush);
  addEventListener("pagehide", () => queue.due().forEach((entry) => {
    const { ref, field, value, base } = entry;
    queue.leaving(entry);
    send("PUT", `/tickets/${encodeURIComponent(ref)}/fields/${encodeURIComponent(field)}`, { value, version: String(base) }, { keepalive: true }).catch(() => {});
  }));
  restore();
  flush();
}
