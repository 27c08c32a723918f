// Calls made from the console: a call-back that is due, a ticket's number, a place or a typed number. The server has our own
// phone rung and then the number; that leg is answered by itself (softphone.js), so that one key is all.
import { send, why } from "./net.js";
import * as softphone from "./softphone.js";
import { toast, word } from "./words.js";

const PENDING_MS = 12000;
let pending = null;
let timer;

// What was typed as a target: the name of a place, or a number. Pure. `places`: name → code.
export function target(text, places) {
  const typed = text.trim();
  return places.has(typed) ? `place:${places.get(typed)}` : `number:${typed}`;
}

function settle() {
  clearTimeout(timer);
  if (!pending) return;
  pending.removeAttribute("aria-busy");
  pending = null;
}

// True once the telephone system has taken it. One at a time: a second press while it is under way does nothing.
async function dial(fields, button) {
  if (pending) return false;
  if (softphone.callState() !== "none") {
    toast(word("busyHere"), true);
    return false;
  }
  pending = button;
  button.setAttribute("aria-busy", "true");
  timer = setTimeout(settle, PENDING_MS);
  try {
    await softphone.ensure();
    const answer = await send("POST", "/me/dial", fields);
    if (answer.ok) return true;
    throw new Error(why(answer, word("noAnswer")));
  } catch (error) {
    settle();
    toast(word("failed", { why: error.message }), true);
    return false;
  }
}

function places(form) {
  return new Map([...form.querySelectorAll("datalist option")].map((option) => [option.value, option.dataset.code]));
}

export function start() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-dial]");
    if (!button) return;
    const { due, ref } = button.dataset;
    dial(due ? { due } : { ref }, button);
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-dial-form]");
    if (!form) return;
    event.preventDefault();
    const input = form.querySelector("input[name=to]");
    if (input.value.trim() && (await dial({ to: target(input.value, places(form)) }, form.querySelector("button")))) input.value = "";
  });
  // pressed until our own phone has the call
  document.addEventListener("hotline:call", ({ detail }) => detail.state !== "none" && settle());
}
