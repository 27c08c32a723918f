// The focus of somebody who works by keyboard, when what they pressed goes away.
import assert from "node:assert/strict";
import { test } from "node:test";

let changed;
globalThis.MutationObserver = class {
  constructor(act) {
    changed = act;
  }
  observe() {}
};

const body = {};
const phone = { focus: () => (document.activeElement = phone) };
const inColumn = new Set();
globalThis.document = Object.assign(new EventTarget(), {
  body,
  activeElement: body,
  querySelector: () => ({ contains: (element) => inColumn.has(element) }),
  getElementById: () => phone,
});
const { start } = await import("../refocus.js");
start();

function focus(element) {
  document.activeElement = element;
  const told = new Event("focusin");
  Object.defineProperty(told, "target", { value: element });
  document.dispatchEvent(told);
}

function made({ isOfPhone = true } = {}) {
  const one = { isShown: true, isConnected: true, disabled: false };
  one.getClientRects = () => (one.isShown ? [{}] : []);
  if (isOfPhone) inColumn.add(one);
  return one;
}

test("a button that goes away under the fingers leaves the focus with the phone", () => {
  for (const goes of [(one) => (one.isShown = false), (one) => (one.isConnected = false), (one) => (one.disabled = true)]) {
    const answer = made();
    focus(answer);
    changed();
    assert.equal(document.activeElement, answer); // still there: nothing is taken away
    goes(answer);
    document.activeElement = body;
    changed();
    assert.equal(document.activeElement, phone);
  }
});

test("who writes keeps the focus, whatever the phone does", () => {
  const answer = made();
  focus(answer);
  const summary = made({ isOfPhone: false });
  focus(summary);
  answer.isShown = false;
  changed();
  assert.equal(document.activeElement, summary);
});

test("who pressed beside everything is left alone", () => {
  const answer = made();
  focus(answer);
  document.dispatchEvent(new Event("pointerdown"));
  document.activeElement = body;
  answer.isShown = false;
  changed();
  assert.equal(document.activeElement, body);
});
