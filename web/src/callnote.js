// The console's place for notes on a call whose ticket does not open by itself, because we are away: #call-note. The
// ticket before the agent is an earlier call's then, and is marked so. data-state: writing (no ticket yet) or offer.
import * as autosave from "./autosave.js";
import * as keep from "./keep.js";
import { isAbout, joined } from "./notes.js";
import { toast, word } from "./words.js";

const GRACE_MS = 1500; // the ticket of a call that rings opens by itself within this, when we are there

let box;
let open = async () => {}; // shows a ticket; resolves once it is there
let call = null; // {name, at, number, isOver}
let timer;

const area = () => box.querySelector("textarea");
const panel = () => document.getElementById("panel");

// Whether the call in progress has its words here instead of in a ticket.
export function isWriting() {
  return Boolean(box && !box.hidden && box.dataset.state === "writing" && !call?.isOver);
}

export function focus() {
  area().focus();
}

function hasTicket() {
  return isAbout(panel()?.dataset.calls, call.name);
}

function rang({ call: name, number }) {
  put();
  call = { name: name || `?${Date.now()}`, at: new Date().toISOString(), number, isOver: false };
  area().value = keep.store().get(call.name)?.text ?? ""; // the same caller again, after the line was cut
  clearTimeout(timer);
  timer = setTimeout(look, "cut" in document.documentElement.dataset ? 0 : GRACE_MS);
}

// The note in hand goes to the others; nothing of it is lost.
function put() {
  call = null;
  box.hidden = true;
  mark();
  keep.show();
}

function mark() {
  panel()?.toggleAttribute("data-other-call", isWriting() && Boolean(panel().dataset.ref));
}

function look() {
  if (!call) return;
  const note = keep.store().get(call.name);
  const ref = note?.ref ?? (hasTicket() ? panel().dataset.ref : null);
  if (note && ref && note.ref !== ref) {
    keep.tell(call.name, ref, Boolean(document.querySelector("#panel [data-field=summary]:not([disabled])")));
    return; // comes back here
  }
  if (!note && (hasTicket() || call.isOver)) {
    put();
    return;
  }
  box.dataset.state = ref ? "offer" : "writing";
  box.hidden = false;
  box.querySelector("[data-title]").textContent = keep.titleOf(call);
  box.querySelector("[data-offer]").replaceChildren(...(note && (ref || call.isOver) ? keep.offer(note, put) : []));
  mark();
  keep.show();
}

function talked({ state, call: name, number }) {
  if (state === "ringing") rang({ call: name, number });
  if (state === "none" && call) {
    call.isOver = true;
    look();
  }
}

// At the end of what the ticket says already; thrown away here only once the field keeps it.
async function into(note) {
  const field = () => document.querySelector(`#panel[data-ref="${CSS.escape(note.ref)}"] [data-field=summary]`);
  if (!field()) await open(note.ref);
  const summary = field();
  if (!summary || summary.disabled || summary.querySelector("textarea")?.readOnly) {
    toast(word("notNow"), true);
    return;
  }
  const text = summary.querySelector("textarea");
  text.value = joined(text.value, keep.store().get(note.call)?.text ?? note.text);
  text.dispatchEvent(new Event("input", { bubbles: true }));
  if (!autosave.isKept(note.ref, "summary")) return;
  keep.store().drop(note.call);
  if (call?.name === note.call) put();
  keep.show();
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}

export function start(show) {
  box = document.getElementById("call-note");
  if (!box) return;
  open = show;
  keep.serve({ shown: () => call?.name ?? "", into });
  area().addEventListener("input", () => {
    if (!call) return;
    const { name, at, number } = call;
    const isKept = keep.store().write(name, area().value, { at, number });
    box.querySelector("[data-status]").textContent = isKept ? word("keptHere") : word("notKept");
  });
  document.addEventListener("hotline:call", ({ detail }) => talked(detail));
  document.addEventListener("hotline:note", look);
  document.addEventListener("hotline:panel", look);
  document.addEventListener("hotline:disconnected", () => call && !hasTicket() && look());
  keep.show();
}
