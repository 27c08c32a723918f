// To whom a call goes: colleagues with their state, places of the directory, the queue, a number that is typed. Opened in
// the phone column, so that what is being written stays in sight. Letters find, arrows choose, Enter asks first, Shift+Enter
// passes the call on at once. The note for whoever takes the call stays with its call until it went with it.
import { Idiomorph } from "idiomorph";
import { durable } from "./durable.js";
import { asNumber, found } from "./find.js";
import * as keep from "./keep.js";
import { page } from "./net.js";
import { joined, Notes } from "./notes.js";
import { toast, word } from "./words.js";

const LOOK_MS = 3000;

let box;
let move;
let timer;
let looks = 0;
let before = null;
let loading;
let notes = null; // by call, until they went with it
let call = null; // {name, at, number}: the one on the phone, when it is known
const going = new Set(); // calls that are being given away, each with its note

const find = () => box.querySelector("[data-picker-find]");
const area = () => box.querySelector("textarea");
const options = () => [...box.querySelectorAll("[role=option]:not([hidden])")];
const chosen = () => box.querySelector("[role=option][aria-selected=true]:not([hidden])");

// Whether somebody may be asked, or given the call, in this state. From a conference one may only ask.
export function fits(state) {
  return ["talking", "held", "conference", ""].includes(state);
}

const mayOnlyAsk = () => document.getElementById("talk")?.dataset.state === "conference";

function choose(option) {
  for (const other of box.querySelectorAll("[role=option]")) other.setAttribute("aria-selected", String(other === option));
  if (option) {
    find().setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    find().removeAttribute("aria-activedescendant");
  }
  const to = option?.dataset.to ?? "";
  for (const button of box.querySelectorAll("[data-give]")) {
    const isAsking = button.dataset.give === "consult";
    button.disabled = !to || (isAsking ? to === "queue" : mayOnlyAsk());
    button.classList.toggle("btn-primary", isAsking === (to !== "queue")); // what Enter does
  }
  box.querySelector("[data-park]")?.toggleAttribute("disabled", mayOnlyAsk());
  box.querySelector("[data-note]").hidden = !(to === "queue" || to.startsWith("agent:") || area().value);
}

function filter() {
  const words = find().value.trim();
  const number = asNumber(words);
  const typed = box.querySelector("[data-typed]");
  typed.hidden = number === null;
  typed.dataset.to = number === null ? "" : `number:${number}`;
  typed.querySelector("[data-number-typed]").textContent = number ?? "";
  for (const option of box.querySelectorAll("[role=option]:not([data-typed])")) {
    option.hidden = words !== "" && !found(option.dataset.words, words);
  }
  const first = words === "" ? null : options().find((option) => !cannot(option));
  choose(chosen() ?? first ?? null);
  box.querySelector("[data-picker-none]").hidden = options().length > 0;
}

async function look() {
  clearTimeout(timer);
  const mine = (looks += 1);
  try {
    const fresh = (await page("/console/targets")).getElementById("picker-list");
    if (mine !== looks) return; // a later answer is newer
    const now = document.getElementById("picker-list");
    const to = chosen()?.dataset.to;
    if (fresh && now && !box.hidden) {
      Idiomorph.morph(now, fresh.outerHTML, { morphStyle: "outerHTML" });
      if (to) choose(box.querySelector(`[role=option][data-to="${CSS.escape(to)}"]`));
      filter();
    }
  } catch {
    // what was there stays; asked again below
  }
  if (!box.hidden && mine === looks) timer = setTimeout(look, LOOK_MS);
}

function open() {
  before = document.activeElement;
  box.hidden = false;
  expanded();
  find().value = "";
  if (!call) area().value = "";
  filter();
  find().focus();
  box.scrollIntoView({ block: "nearest" });
  loading = look();
}

export function close() {
  if (!box || box.hidden) return;
  clearTimeout(timer);
  const hadFocus = box.contains(document.activeElement);
  box.hidden = true;
  expanded();
  if (hadFocus && before?.isConnected) before.focus();
}

function expanded() {
  document.querySelector("[data-phone-do=transfer]").setAttribute("aria-expanded", String(!box.hidden));
}

export function toggle() {
  if (!box) return;
  if (box.hidden) open();
  else close();
}

const cannot = (option) => option?.getAttribute("aria-disabled") === "true";

async function give(how) {
  if (!chosen()) await loading; // quicker than the list
  else if (cannot(chosen())) await (loading = look()); // so it was when last looked
  // Letters that find only who cannot be rung now: the answer is why.
  const option = chosen() ?? (find().value.trim() ? options()[0] : undefined);
  const to = option?.dataset.to;
  if (!to) return;
  if (cannot(option)) {
    toast(option.dataset.why || word("tryAgain"), true);
    return;
  }
  if (mayOnlyAsk() && (to === "queue" || how !== "consult")) {
    toast(word("notThisCall"), true);
    return;
  }
  await go(to === "queue" ? "queue" : how, { to });
}

// The note goes with the call. It is forgotten only once it went.
async function go(how, fields = {}) {
  const of = call?.name;
  if (going.has(of)) return;
  const note = area().value.trim();
  going.add(of);
  const isDone = await move(how, undefined, { ...fields, note });
  going.delete(of);
  if (isDone) {
    if (notes?.get(of)?.text.trim() === note) notes.drop(of);
    if (call?.name === of && area().value.trim() === note) area().value = "";
    close();
  }
  if (call?.name !== of) leave(of);
}

function typed() {
  if (call) notes?.write(call.name, area().value, { at: call.at, number: call.number });
}

// A note that nobody got belongs to the ticket of its call: it is kept where the person can put it there or throw it away.
function leave(name) {
  const note = notes?.get(name);
  if (!note || going.has(name)) return;
  const { text, at, number } = note;
  if (!keep.store().write(name, joined(keep.store().get(name)?.text ?? "", text), { at, number })) return;
  notes.drop(name);
  keep.show();
}

// The tab that has the phone knows which call is on it; when another one comes, the earlier ones are over.
function follow({ state, call: name, number }) {
  if (call && state !== "none" && state !== "ringing") return;
  const over = call?.name;
  call = state === "none" ? null : { name: name || `?${Date.now()}`, at: new Date().toISOString(), number };
  if (!call) leave(over);
  else for (const note of notes?.all() ?? []) if (note.call !== call.name) leave(note.call);
  area().value = (call && notes?.get(call.name)?.text) ?? "";
}

function key(event) {
  if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  const list = options();
  const at = list.indexOf(chosen());
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && event.target === find()) choose(list[Math.min(list.length - 1, Math.max(0, at + step))] ?? null);
  else if (event.key === "Enter" && event.target === find()) give(event.shiftKey ? "transfer" : "consult");
  else return;
  event.preventDefault();
}

export function start(ask) {
  move = ask;
  box = document.getElementById("picker");
  if (!box) return;
  box.addEventListener("keydown", key);
  durable().then((storage) => (notes = new Notes(storage, `hotline-handover/${document.body.dataset.user}`)));
  document.addEventListener("hotline:call", ({ detail }) => follow(detail));
  box.addEventListener("input", ({ target }) => {
    if (target === find()) filter();
    else if (target === area()) typed();
  });
  box.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    const button = event.target.closest("[data-give]");
    if (option) {
      choose(option);
      find().focus();
    } else if (button && !button.disabled) give(button.dataset.give);
    else if (event.target.closest("[data-picker-close]")) close();
    else if (event.target.closest("[data-park]")) go("park");
  });
}
