// The pen and what is written without it. A ticket has one writer at a time; who loses the pen in mid-word loses no word:
// it is sent, or offered as an addition. Additions being written are kept by ticket until they are sent.
import * as autosave from "./autosave.js";
import { durable } from "./durable.js";
import * as keep from "./keep.js";
import { send, why } from "./net.js";
import * as typing from "./typing.js";
import { toast, word } from "./words.js";

const MID_WORD_MS = 5000;
const STORE = "hotline-addition";

let storage;
const box = () => document.querySelector("#panel [data-addition]");
const name = (ref) => `${STORE}/${document.body.dataset.user}/${ref}`;
const within = (ms) => new Promise((done) => setTimeout(done, ms));

function flushFirst(event) {
  const button = event.detail.elt;
  if (!button.matches?.("[data-flush]")) return;
  event.preventDefault();
  autosave.flushFirst().finally(() => event.detail.issueRequest(true));
}

// Resolves when the form may be put out of the writer's hands: between two words, or soon anyway.
export function outOfHands() {
  return Promise.race([typing.pause(), within(MID_WORD_MS)]);
}

// Pure. What a page does when the pen went: the console shows who gets it the ticket; a page that shows it while somebody
// else gets it lets go of it between two words. A talk that is over (past) takes nothing from who has written.
export function onHanded({ mine, past }, isConsole, isShown) {
  if (mine && isConsole) return "pop";
  if (!isShown) return "";
  return mine || past ? "refresh" : "loose";
}

function restore() {
  const form = box();
  const text = form && storage?.getItem(name(form.dataset.addition));
  const area = form?.querySelector("textarea");
  if (text && area && !area.value) area.value = text;
}

function typed({ target }) {
  const form = target.closest?.("[data-addition]");
  if (!form) return;
  const key = name(form.dataset.addition);
  try {
    if (target.value) storage.setItem(key, target.value);
    else storage.removeItem(key);
  } catch {
    // no room: the words are still in the page
  }
}

function sent({ detail }) {
  const form = detail.elt.closest?.("[data-addition]");
  if (form && detail.successful) storage?.removeItem(name(form.dataset.addition));
}

// Words that a field did not take, signed and timed beside it instead.
async function add({ ref, text, drop }) {
  try {
    const answer = await send("POST", `/tickets/${encodeURIComponent(ref)}/additions`, { addition: text });
    if (!answer.ok) throw new Error(why(answer, String(answer.status)));
    drop();
    toast(word("added", { ref }));
  } catch (error) {
    toast(word("failed", { why: error.message }), true);
  }
}

export async function start() {
  document.addEventListener("htmx:confirm", flushFirst);
  document.addEventListener("htmx:afterRequest", sent);
  document.addEventListener("input", typed);
  document.addEventListener("hotline:panel", restore);
  keep.adds(add);
  storage = await durable();
  restore();
}
