// Whether somebody is in the middle of a word: then nothing may take the focus away or put another field under their hands.
const PAUSE_MS = 1000;
let lastAt = -Infinity;
let isComposing = false;

const isText = (element) => element?.matches?.("textarea, input:not([type=radio], [type=checkbox], [type=button])") ?? false;

// Pure. Letters that an input method still holds are typing, however long that takes.
export function isGoing(now, last, composing) {
  return composing || now - last < PAUSE_MS;
}

export function isMidWord() {
  return isText(document.activeElement) && isGoing(performance.now(), lastAt, isComposing);
}

// Resolves once nobody types, at the latest when `isUrgent` says so.
export async function pause(isUrgent = () => false) {
  while (isMidWord() && !isUrgent()) await new Promise((done) => setTimeout(done, 100));
}

export function start() {
  const typed = () => (lastAt = performance.now());
  document.addEventListener("input", typed);
  document.addEventListener("compositionstart", () => (isComposing = true));
  document.addEventListener("compositionend", () => (isComposing = false));
  // A field that is gone ends no composition.
  document.addEventListener("focusin", () => (isComposing = false));
}
