// Who is on my call and how it is moved: consult, complete, conference, back, transfer, queue, park, pick up. The server
// moves the call; #talk shows what the telephone system says of it. A pressed button is pending until that changes.
//   #talk data-state  talking held calling consult conference gone asked     data-stamp  changes with what is shown
import { Idiomorph } from "idiomorph";
import * as autosave from "./autosave.js";
import { drawn, page, send, why } from "./net.js";
import * as picker from "./picker.js";
import * as softphone from "./softphone.js";
import { tick } from "./tick.js";
import { toast, word } from "./words.js";

const CONFIRM_MS = 6000;
const SOON_MS = 40;
const AGAIN_MS = 1000;
const PARKED_MS = 5000;
const AWAY = ["consult", "complete", "transfer", "queue", "park"]; // somebody else may write the ticket after it

let pending = null; // {move, stamp, timer}
let soon;
let look;
let asked = 0;
let ended = 0; // how many calls have ended on this phone
let hasFailed = false; // the way back was asked for and the server did not answer: the next F8 hangs up

const box = () => document.getElementById("talk");
const state = () => box()?.dataset.state ?? "";
const isAsking = () => state() === "consult" || state() === "calling";

function mark() {
  const softphoneBox = document.getElementById("softphone");
  softphoneBox.dataset.talk = state();
  // The caller is set aside among three: whoever leaves now leaves the others talking.
  softphoneBox.toggleAttribute("data-others", state() === "held" && box().querySelectorAll(".talk-leg").length > 1);
  for (const button of document.querySelectorAll("[data-move]")) {
    const is = pending !== null && button.dataset.move === pending.move;
    button.toggleAttribute("data-pending", is || (button.dataset.phoneDo === "hold" && ["holding", "resuming"].includes(softphoneBox.dataset.held)));
    if (button.dataset.move) button.disabled = pending !== null;
  }
  box()?.toggleAttribute("data-pending", pending !== null);
  // Held in the telephone system's own room: the same button ends it.
  const isHeld = ["true", "resuming"].includes(softphoneBox.dataset.held) || (state() === "held" && "room" in box().dataset);
  softphoneBox.querySelector("[data-phone-do=hold]")?.setAttribute("aria-pressed", String(isHeld));
  softphoneBox.querySelector("[data-phone-do=transfer]")?.toggleAttribute("disabled", !picker.fits(state()));
}

function begin(move) {
  clearTimeout(pending?.timer);
  const timer = setTimeout(() => {
    finish();
    toast(word("notConfirmed"), true);
    refresh();
  }, CONFIRM_MS);
  pending = { move, stamp: box()?.dataset.stamp ?? "", timer };
  mark();
  return pending;
}

// What was typed goes before the caller does. False: meanwhile it has become another call, or another movement.
async function typedFirst(name, begun) {
  const before = ended;
  await autosave.flushFirst();
  if (ended !== before || (pending && pending !== begun)) return false;
  begin(name); // its time begins now
  return true;
}

function finish() {
  clearTimeout(pending?.timer);
  pending = null;
  mark();
}

// Asks for a movement. True once the telephone system has taken it; what it did is shown by its events.
export async function move(name, url = `/me/call/${name}`, fields = {}) {
  if (pending) {
    if (pending.move !== name) toast(word("tryAgain"), true);
    return false;
  }
  const begun = begin(name);
  if (AWAY.includes(name) && !(await typedFirst(name, begun))) return false;
  let answer = null;
  try {
    answer = await send("POST", url, fields);
  } catch {
    // said below
  }
  hasFailed = answer === null;
  if (answer?.ok) {
    refreshSoon();
    return true;
  }
  finish();
  toast(word("failed", { why: why(answer, word("noAnswer")) }), true);
  refresh();
  return false;
}

export async function refresh() {
  const mine = (asked += 1);
  if (!box()) return;
  try {
    const fresh = await page("/console/talk");
    if (mine !== asked) return;
    for (const id of ["talk", "parked"]) {
      const from = fresh.getElementById(id);
      const to = document.getElementById(id);
      if (!from || !to) continue;
      Idiomorph.morph(to, from.outerHTML, { morphStyle: "outerHTML" });
      drawn(id);
    }
  } catch {
    if (mine === asked && document.getElementById("softphone").dataset.call === "talking") setTimeout(refreshSoon, AGAIN_MS);
    return;
  }
  if (pending && box().dataset.stamp !== pending.stamp) finish();
  mark();
  if (state()) softphone.isTheirsNow();
  tick();
  if (!picker.fits(state())) picker.close();
  // Somebody else may pick up who is parked: asked for while it may still change.
  clearTimeout(look);
  if (document.querySelector("#parked .parked")) look = setTimeout(refresh, PARKED_MS);
}

function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(refresh, SOON_MS);
}

const isTalking = () => document.getElementById("softphone")?.dataset.call === "talking";

// On an agent's call as its supervisor: there is nothing to hold or to pass on before it is taken over.
const isWatching = () => document.getElementById("softphone").dataset.asked === "supervise" && !state();

async function hold() {
  if (isWatching()) return toast(word("agentsCall"), true);
  const { state: now, room } = box()?.dataset ?? {};
  // Among three the phone's own hold would only leave the others alone: there the telephone system sets the caller aside.
  if (now === "held" && room !== undefined) await move("resume");
  else if (now === "conference" && !hasFailed) await move("hold");
  else softphone.act("hold");
  return undefined;
}

function transfer() {
  if (!isTalking()) return;
  if (isWatching()) toast(word("agentsCall"), true);
  else if (isAsking()) move("complete");
  else if (["asked", "gone"].includes(state())) toast(word("notThisCall"), true);
  else picker.toggle();
}

async function hangUp() {
  if (!isAsking() || hasFailed) {
    hasFailed = false;
    softphone.act("hang-up");
    return;
  }
  if (!(await move("back")) && hasFailed) toast(word("backAgain"), true);
}

const ACTIONS = { hold, transfer, "hang-up": hangUp };

// What a key or a button of the phone means in the present state of the call.
export function act(name) {
  if (!(name in ACTIONS)) return softphone.act(name);
  if (isTalking() || name === "hang-up") return ACTIONS[name]();
  return undefined;
}

async function pickUp(button) {
  softphone.expect(button.dataset.call);
  try {
    await softphone.ensure();
  } catch (error) {
    toast(error.message, true);
    return;
  }
  await move("pick-up", button.dataset.pickUp);
}

export function start() {
  if (!box()) return;
  picker.start(move);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (!button || button.disabled) return;
    if (button.dataset.pickUp) pickUp(button);
    else if (button.dataset.phoneDo) act(button.dataset.phoneDo);
    else if (button.dataset.move) move(button.dataset.move);
  });
  document.addEventListener("hotline:call", ({ detail }) => {
    if (detail.state === "none") {
      hasFailed = false;
      ended += 1;
      if (pending) finish();
      picker.close();
    }
    refreshSoon();
  });
  for (const type of ["CallMoved", "CallsParked", "AgentChanged", "resync", "connected"]) {
    document.addEventListener(`hotline:${type}`, refreshSoon);
  }
  mark();
}
