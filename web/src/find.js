// What a typed text finds in a list, and when it is a telephone number. Pure.

const DIGITS = /^\+?[\d\s-]{3,20}$/;

// Which entries a text finds: all of its words, anywhere.
export function found(text, words) {
  const haystack = text.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((part) => haystack.includes(part));
}

// What a typed text is as a number; null if it is none.
export function asNumber(text) {
  return DIGITS.test(text.trim()) ? text.replace(/[\s-]/g, "") : null;
}
