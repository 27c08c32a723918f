// What goes with a caller who is given to somebody else: the note, and first what was typed into the ticket.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { answers, Element, happens, passes, sent, tells, toasts } from "./fake.mjs";
import * as autosave from "../autosave.js";
import * as keep from "../keep.js";
import * as picker from "../picker.js";
import * as talk from "../talk.js";

const NOTE = "妈妈六点到家";
const part = (...is) => Object.assign(new Element(), { is });
const area = part();
const park = part("[data-park]");
const pass = Object.assign(part("[data-give]"), { dataset: { give: "transfer" } });
const shut = part("[data-picker-close]");
const finder = part();
const colleague = Object.assign(part("[role=option]"), { dataset: { to: "agent:7", words: "" } });
const box = new Element({
  textarea: area, "[data-picker-find]": finder, "[data-note]": part(), "[data-typed]": new Element({ "[data-number-typed]": part() }),
  "[data-picker-none]": part(), "[data-give]": [pass], "[role=option]:not([hidden])": [colleague], "[role=option]": [colleague],
  "[role=option][aria-selected=true]:not([hidden])": [colleague],
});
box.hidden = true;
Object.assign(document.parts, {
  "#picker": box, "#softphone": new Element({}, { call: "talking" }), "#talk": new Element({}, { state: "talking", stamp: "" }),
  "[data-phone-do=transfer]": part(),
});

const moves = () => sent.filter(([method]) => method === "POST").map(([, url, fields]) => [url, fields]);
const press = (button) => happens(box, "click", button);

function types(text) {
  area.value = text;
  happens(box, "input", area);
}

function rings(call) {
  tells("call", { state: "ringing", call, number: "138****8000" });
  tells("call", { state: "talking", call, number: "138****8000" });
}

await keep.start();
await autosave.start();
talk.start();
await passes(1);
let count = 0;
beforeEach(async () => {
  tells("call", { state: "none" });
  for (const { call } of keep.store().all()) keep.store().drop(call);
  await passes(500);
  answers(() => ({ status: 204 }));
  sent.length = 0;
  rings(`1774332000.${(count += 1)}`);
  if (box.hidden) picker.toggle();
});

test("a note goes with a parked caller, once", async () => {
  types(NOTE);
  press(park);
  await passes(500);
  assert.deepEqual(moves(), [["/me/call/park", { note: NOTE }]]);
  assert.equal(area.value, "");
  tells("call", { state: "none" });
  assert.deepEqual(keep.store().all(), []);
});

test("a note stays with its call when the picker closes", async () => {
  types(NOTE);
  press(shut);
  assert.equal(box.hidden, true);
  picker.toggle();
  assert.equal(area.value, NOTE);
});

test("a note that could not be given stays", async () => {
  answers((method) => ({ status: method === "POST" ? 409 : 204 }));
  types(NOTE);
  press(pass);
  await passes(500);
  assert.deepEqual(moves(), [["/me/call/transfer", { to: "agent:7", note: NOTE }]]);
  assert.equal(area.value, NOTE);
});

test("a note that nobody got is kept after its call, and does not go with the next one", () => {
  types(NOTE);
  tells("call", { state: "none" });
  assert.deepEqual(keep.store().all().map(({ call, text, number }) => [call, text, number]), [[`1774332000.${count}`, NOTE, "138****8000"]]);
  rings("1774332000.99");
  picker.toggle();
  assert.equal(area.value, "");
});

test("a note that is under way when the phone hangs up is not kept twice", async () => {
  answers((method) => (method === "POST" ? passes(300).then(() => ({ status: 204 })) : { status: 204 }));
  types(NOTE);
  press(park);
  press(park); // an impatient hand
  await passes(100);
  tells("call", { state: "none" });
  await passes(500);
  assert.deepEqual(keep.store().all(), []);
});

function writes(value) {
  const text = Object.assign(part(), { value, name: "summary", type: "textarea" });
  const field = new Element({ textarea: text }, { field: "summary", ref: "H-2026-5", version: "3" });
  text.closest = () => field;
  happens(document, "input", text);
}

test("what was typed goes before the caller does", async () => {
  answers((method) => ({ status: method === "PUT" ? 200 : 204, body: method === "PUT" ? { version: 4, saved_at: "2026-03-12T06:03:22Z" } : undefined }));
  writes("他说");
  assert.equal(await talk.move("complete"), true);
  assert.deepEqual(sent.filter(([method]) => method !== "GET").map(([method, url]) => [method, url]), [
    ["PUT", "/tickets/H-2026-5/fields/summary"], ["POST", "/me/call/complete"],
  ]);
});

test("letters that find only somebody who cannot be rung now are answered with the reason", async () => {
  const selected = "[role=option][aria-selected=true]:not([hidden])";
  box.parts[selected] = []; // none is chosen by itself
  Object.assign(colleague.dataset, { why: "正在另一通电话上。" });
  colleague.setAttribute("aria-disabled", "true");
  finder.value = "agent2";
  happens(box, "keydown", finder, { key: "Enter" });
  await passes(500);
  assert.equal(toasts.children.at(-1)?.textContent, "正在另一通电话上。");
  assert.deepEqual(moves(), []);
  box.parts[selected] = [colleague];
  colleague.removeAttribute("aria-disabled");
  finder.value = "";
});

test("the caller does not wait for a server that is slow to take the text", async () => {
  answers((method) => (method === "PUT" ? new Promise(() => {}) : { status: 204 }));
  writes("他说有人");
  const going = talk.move("transfer", undefined, { to: "agent:7" });
  await passes(2500);
  assert.deepEqual(moves(), []);
  await passes(1500);
  assert.equal(await going, true);
  assert.deepEqual(moves(), [["/me/call/transfer", { to: "agent:7" }]]);
});

test("a movement that waited for the text is not made with another call", async () => {
  answers((method) => (method === "PUT" ? new Promise(() => {}) : { status: 204 }));
  writes("他说有人来");
  const going = talk.move("park");
  await passes(500);
  tells("call", { state: "none" });
  rings("1774332000.98");
  await passes(3500);
  assert.equal(await going, false);
  assert.deepEqual(moves(), []);
});
