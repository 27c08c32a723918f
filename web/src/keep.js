// Words that no field of this page holds: notes on calls whose ticket could not be reached, and texts that a ticket did
// not take. Shown on every page until the person has put them somewhere or thrown them away, as #kept and, for the call
// in progress, as the console's #call-note.
import { durable } from "./durable.js";
import { send } from "./net.js";
import { Notes } from "./notes.js";
import { clock, toast, word } from "./words.js";

const ASK_MS = 5000;
const SURE_MS = 4000;

let notes;
let inHand = () => ""; // the call whose note the console shows itself
let put = null; // puts a note into its ticket; only the console can
let addTo = null; // adds a text that a ticket did not take to it, signed
const others = new Map(); // texts that a ticket did not take: key → {title, text, ref, drop}

export const store = () => notes;

// Where notes go and which one is shown elsewhere: told by the console.
export function serve({ shown, into }) {
  inHand = shown;
  put = into;
}

// How a text that a field did not take is added to its ticket.
export function adds(act) {
  addTo = act;
}

// A text of a ticket that is not before the person, or not theirs to write, which the server did not take. `drop` forgets it.
export function add(key, item) {
  others.set(key, item);
  show();
}

export function remove(key) {
  if (others.delete(key)) show();
}

function button(name, act, primary = false) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = primary ? "btn btn-sm btn-primary" : "btn btn-sm";
  made.textContent = name;
  made.addEventListener("click", () => act(made));
  return made;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(word("copied"));
  } catch {
    toast(word("notCopied"), true);
  }
}

// Asks again in place, so that one slip of the hand throws no words away.
function dropping(act) {
  return button(word("throwAway"), (made) => {
    if ("sure" in made.dataset) {
      act();
      return;
    }
    made.dataset.sure = "";
    made.textContent = word("reallyThrowAway");
    setTimeout(() => {
      delete made.dataset.sure;
      made.textContent = word("throwAway");
    }, SURE_MS);
  });
}

function link(ref) {
  const made = document.createElement("a");
  made.className = "ref";
  made.href = `/tickets/${encodeURIComponent(ref)}`;
  if (document.body.dataset.page === "console") made.target = "hotline-tickets";
  made.textContent = ref;
  return made;
}

// What is known of a note's ticket, and what can be done with the note.
export function offer(note, after) {
  const line = document.createElement("span");
  line.className = "kept-says";
  if (!note.ref) line.textContent = word("noTicketYet");
  else {
    line.textContent = word(note.isMine ? "ticketIsYours" : "ticketIsOthers");
    line.append(" ", link(note.ref));
  }
  const buttons = document.createElement("span");
  buttons.className = "kept-buttons";
  if (note.ref && note.isMine && put) buttons.append(button(word("putIn", { ref: note.ref }), () => put(note), true));
  buttons.append(
    button(word("copy"), () => copy(note.text)),
    dropping(() => {
      notes.drop(note.call);
      show();
      after?.();
    }),
  );
  return [line, buttons];
}

function row(title, text, rest) {
  const made = document.createElement("li");
  const head = document.createElement("b");
  head.textContent = title;
  const words = document.createElement("textarea");
  words.readOnly = true;
  words.rows = 1;
  words.value = text;
  words.setAttribute("aria-label", title);
  made.append(head, words, ...rest);
  return made;
}

export function titleOf(note) {
  if (!note.at) return word("leftOver");
  return word("noteOn", { time: clock(new Date(note.at)), number: note.number || word("numberHidden") });
}

export function show() {
  const box = document.getElementById("kept");
  if (!box) return;
  const rows = notes.all().filter((note) => note.call !== inHand()).map((note) => row(titleOf(note), note.text, offer(note)));
  for (const [key, { title, text, ref, drop }] of others) {
    const says = document.createElement("span");
    says.className = "kept-says";
    says.append(link(ref));
    const buttons = document.createElement("span");
    buttons.className = "kept-buttons";
    const gone = () => {
      drop();
      remove(key);
    };
    if (addTo) buttons.append(button(word("addTo", { ref }), () => addTo({ ref, text, drop: gone }), true));
    buttons.append(button(word("copy"), () => copy(text)), dropping(gone));
    rows.push(row(title, text, [says, buttons]));
  }
  const list = box.querySelector("ul");
  // Somebody may be about to press one of these: what has not changed stays.
  const same = list.children.length === rows.length && rows.every((made, index) => made.isEqualNode(list.children[index]));
  if (!same) list.replaceChildren(...rows);
  list.querySelectorAll("textarea").forEach((area, index) => {
    area.value = rows[index].querySelector("textarea").value;
  });
  box.hidden = rows.length === 0;
}

let isAsking = false;

// Which tickets the calls became: asked until it is known, for what happened while we were away is read in bit by bit.
async function ask() {
  const open = notes.all().filter((note) => !note.ref && !note.call.startsWith("?"));
  if (isAsking || !open.length || "cut" in document.documentElement.dataset || !document.getElementById("softphone")) return;
  isAsking = true;
  try {
    for (const note of open) {
      const answer = await send("GET", `/console/calls/${encodeURIComponent(note.call)}/ticket`);
      if (answer.ok) tell(note.call, answer.body.ref, answer.body.writable);
    }
  } catch {
    // asked again
  } finally {
    isAsking = false;
  }
}

export function tell(call, ref, isMine) {
  notes.belongs(call, ref, isMine);
  show();
  document.dispatchEvent(new CustomEvent("hotline:note", { detail: { call } }));
}

export async function start() {
  const { user } = document.body.dataset;
  if (!user) return;
  notes = new Notes(await durable(), `hotline-notes/${user}`);
  addEventListener("storage", ({ key }) => key === notes.key && show());
  document.addEventListener("hotline:connected", ask);
  document.addEventListener("hotline:resync", ask);
  setInterval(ask, ASK_MS);
  show();
}
