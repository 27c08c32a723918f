// The agent's screen follows events: a ticket handed over pops, a changed one is brought up to date without touching what
// is being typed, my state and my work are fetched again. Steps wait until what was typed has arrived.
import htmx from "htmx.org";
import { Idiomorph } from "idiomorph";
import * as autosave from "./autosave.js";
import * as callnote from "./callnote.js";
import { page, send, why } from "./net.js";
import * as pen from "./pen.js";
import { tick } from "./tick.js";
import * as typing from "./typing.js";
import { toast, word } from "./words.js";

const panel = () => document.getElementById("panel");
const current = () => panel()?.dataset.ref ?? "";
let refreshTimer;
let workTimer;
let workSoonTimer;
let cutOffTimer;
let wanted;
let asked = 0; // requests for what is mine; `shown`: the youngest of which the answer is on the screen
let shown = 0;
const CUT_OFF_MS = 3000;
const WORK_MS = 50;

function initialise() {
  tick();
  autosave.restore();
}

const isAnswered = () => ["answering", "talking"].includes(document.getElementById("softphone")?.dataset.call);

// Shows a ticket in place of the present one, once the word that is being written there is whole or the call is answered.
// What was typed there is saved or kept; only what the server said is shown.
export async function pop(ref) {
  wanted = ref;
  await typing.pause(isAnswered);
  if (wanted !== ref) return;
  autosave.flush();
  const old = panel();
  if (!old || old.dataset.ref === ref) return refresh();
  const slow = setTimeout(() => panel()?.classList.add("loading"), 300);
  clearTimeout(refreshTimer); // what it was to bring comes with this
  try {
    const fresh = (await page(`/console/panel?ref=${encodeURIComponent(ref)}`)).getElementById("panel");
    const isFocused = old.contains(document.activeElement);
    old.replaceWith(fresh);
    htmx.process(fresh);
    initialise();
    if (isFocused) focusFirst();
    announce();
  } catch {
    setTimeout(() => current() !== ref && pop(ref), 1000);
  } finally {
    clearTimeout(slow);
    panel()?.classList.remove("loading");
  }
}

function announce() {
  document.dispatchEvent(new CustomEvent("hotline:panel"));
}

// The first field that has no answer yet.
export function focusFirst() {
  for (const field of document.querySelectorAll("#ticket-form [data-field]")) {
    if (!autosave.isWritable(field) || autosave.valueOf(field)) continue;
    field.querySelector("textarea, input:not([data-category-find])")?.focus();
    return;
  }
}

// The same ticket as the server has it now. Fields with unsent text, and the one being written, stay as they are.
export async function refresh() {
  const old = panel();
  const ref = current();
  if (!old || !ref) return;
  let fresh;
  try {
    const url = document.body.dataset.page === "console" ? `/console/panel?ref=${encodeURIComponent(ref)}` : location.href;
    fresh = (await page(url)).getElementById("panel");
  } catch {
    return;
  }
  if (!fresh || current() !== ref || panel() !== old) return;
  const isSameForm = fresh.dataset.ticketState === old.dataset.ticketState && shape(fresh) === shape(old);
  if (!isSameForm) {
    const isFocused = old.contains(document.activeElement);
    autosave.carryOver(old, fresh);
    old.replaceWith(fresh);
    htmx.process(fresh);
    initialise();
    if (isFocused) focusFirst();
    announce();
    return;
  }
  for (const part of [".ticket-head", ".pen-place", ".col-caller", ".additions-said"]) {
    const from = fresh.querySelector(part);
    const to = old.querySelector(part);
    if (from && to && !to.querySelector("audio") && !("revealed" in (to.querySelector("[data-number]")?.dataset ?? {}))) {
      Idiomorph.morph(to, from.outerHTML, { morphStyle: "outerHTML" });
      htmx.process(old.querySelector(part));
    }
  }
  for (const field of fresh.querySelectorAll("[data-field]")) adoptField(old, field, ref);
  autosave.newVersion(ref, fresh.dataset.version);
  tick();
}

function shape(root) {
  const steps = [...root.querySelectorAll("[data-step]")].map((button) => button.dataset.step);
  const fields = [...root.querySelectorAll("[data-field]")].map(autosave.isWritable);
  return JSON.stringify([steps, fields, Boolean(root.querySelector("[data-addition]"))]);
}

function adoptField(old, field, ref) {
  const name = field.dataset.field;
  const mine = old.querySelector(`[data-field="${CSS.escape(name)}"]`);
  const isMine = mine && autosave.isWritable(mine) && autosave.pending(ref, name); // what is written here comes first
  if (!mine || isMine || Number(mine.dataset.version) >= Number(field.dataset.version)) return;
  autosave.setValue(mine, autosave.valueOf(field));
  mine.dataset.version = field.dataset.version;
  const status = mine.querySelector("[data-status]");
  if (status) status.innerHTML = field.querySelector("[data-status]")?.innerHTML ?? "";
}

async function loosePen(ref) {
  const wrote = panel()?.querySelector("[data-ticket-form] [data-field]:focus-within");
  await pen.outOfHands();
  await autosave.flush();
  if (ref === current()) await refresh();
  if (wrote) toast(word("penIsGone", { ref }));
}

function refreshSoon() {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(refresh, 250);
}

async function refreshMe() {
  const mine = (asked += 1);
  try {
    // Only the console shows more of it than the bar does.
    const fresh = await page(document.getElementById("phone") ? "/console/mine" : "/console/me");
    if (mine < shown) return; // a younger answer overtook it
    shown = mine;
    for (const id of ["phone", "bar-me", "cut-off"]) {
      const from = fresh.getElementById(id);
      const to = document.getElementById(id);
      if (!from || !to) continue;
      const before = to.dataset.state;
      Idiomorph.morph(to, from.outerHTML, { morphStyle: "outerHTML" });
      htmx.process(document.getElementById(id));
      if (id === "phone") afterState(before, from.dataset.state);
    }
  } catch {
    // the next event or the next connection brings it
  }
  tick();
  followCaller();
}

// What becomes of a caller who was cut off happens to others: it is asked for while it may still change.
function followCaller() {
  clearTimeout(cutOffTimer);
  if (document.querySelector("#cut-off[data-open]")) cutOffTimer = setTimeout(refreshMe, CUT_OFF_MS);
}

function afterState(before, state) {
  if (before === "wrap_up" && state === "ready" && panel()?.dataset.ticketState === "NEW" && current()) {
    toast(word("parked", { ref: current() }));
  }
}

// A ticket that was handed over while nothing was heard: its event may not come again.
function popMissed(before) {
  const { state, ref } = document.getElementById("phone")?.dataset ?? {};
  if ((state === "ringing" || state === "on_call") && ref && ref !== before && ref !== current()) pop(ref);
}

function refreshWork() {
  const work = document.getElementById("work");
  if (work) htmx.trigger(work, "refresh");
}

// A ticket that comes with a call brings two or three reasons at once.
function refreshWorkSoon() {
  clearTimeout(workSoonTimer);
  workSoonTimer = setTimeout(refreshWork, WORK_MS);
}

// What concerns every console at once is fetched at different moments.
function refreshWorkSometime() {
  clearTimeout(workTimer);
  workTimer = setTimeout(refreshWork, Math.random() * 1500);
}

// A step goes out only when every typed word of its ticket has arrived.
function beforeRequest(event) {
  const button = event.detail.elt;
  if (!button.dataset?.step && !("quick" in (button.dataset ?? {}))) return;
  event.preventDefault();
  const ref = current();
  autosave.settled(ref).then((isSaved) => {
    if (isSaved) event.detail.issueRequest(true);
    else toast(autosave.obstacle(ref), true);
  });
}

async function reveal(button) {
  const place = button.closest("p").querySelector("[data-number]");
  const back = () => {
    place.textContent = place.dataset.masked;
    delete place.dataset.revealed;
    button.hidden = false;
  };
  try {
    const answer = await send("POST", button.dataset.reveal);
    if (!answer.ok) throw new Error(why(answer, String(answer.status)));
    place.textContent = answer.body.number ?? word("numberHidden");
    place.dataset.revealed = "";
    button.hidden = true;
    setTimeout(back, 60000);
  } catch (error) {
    toast(word("failed", { why: error.message }), true);
  }
}

export function start() {
  const on = (type, act) => document.addEventListener(`hotline:${type}`, ({ detail }) => act(detail));
  const isConsole = document.body.dataset.page === "console";
  if (isConsole) {
    on("TicketShownTo", ({ ref, mine }) => mine && pop(ref));
    on("call", ({ state }) => {
      const isFree = document.activeElement === document.body || document.activeElement?.closest("#softphone");
      if (state === "talking" && isFree) (callnote.isWriting() ? callnote.focus : focusFirst)();
    });
    callnote.start(pop);
  }
  on("TicketChanged", ({ ref, version, fields }) => {
    autosave.newVersion(ref, version);
    if (ref === current() && !autosave.isEcho(ref, fields ?? [])) refreshSoon();
    refreshWorkSoon();
  });
  for (const type of ["TicketMoved", "TicketHandedBack"]) {
    on(type, ({ ref }) => {
      if (ref === current()) refreshSoon();
      refreshWorkSoon();
    });
  }
  const onHanded = { pop, refresh: refreshSoon, loose: loosePen };
  for (const type of ["TicketHandedTo", "PenHanded"]) {
    on(type, (told) => {
      onHanded[pen.onHanded(told, isConsole, told.ref === current())]?.(told.ref);
      if (type === "PenHanded" && told.mine) toast(word("penIsYours", { ref: told.ref }));
      refreshWorkSoon();
    });
  }
  on("PenAsked", ({ ref, mine }) => {
    if (ref === current()) refreshSoon();
    if (mine) toast(word("asksToWrite", { ref }));
  });
  // Who comes to the call or leaves it may give, ask for or take up the pen.
  for (const type of ["TicketAddedTo", "CallAnswered", "AgentLegEnded"]) {
    on(type, ({ ref }) => ref === current() && refreshSoon());
  }
  for (const type of ["CallBackDue", "CallBackDone", "MessageLeft", "MessageHeard"]) on(type, refreshWorkSometime);
  on("AgentChanged", () => {
    refreshMe();
    refreshWorkSoon();
    if (current()) refreshSoon();
  });
  on("resync", () => {
    const before = document.getElementById("phone")?.dataset.ref;
    refreshMe().then(() => isConsole && popMissed(before));
    refreshWorkSoon();
    if (current()) refreshSoon();
  });
  on("drawn", ({ id }) => htmx.process(document.getElementById(id)));
  followCaller();
  document.addEventListener("htmx:confirm", beforeRequest);
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target.id === "panel" || detail.elt.id === "panel") {
      initialise();
      document.querySelector("#panel [data-field][aria-invalid] :is(textarea, input:not([data-category-find]))")?.focus();
      announce();
    }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-reveal]");
    if (button) reveal(button);
  });
}
