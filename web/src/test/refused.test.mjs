// What the server did not take: a choice goes with a word, a text stays, neither is put over what is newer.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { answers, Element, happens, passes, sent, tells, toasts } from "./fake.mjs";
import * as autosave from "../autosave.js";

const REF = "H-2026-5";
const NOT_YOURS = { status: 403, body: { detail: "not yours to write" } };

// A form with one question, as the page has it: `value` is the server's.
function choice(value, version) {
  const inputs = ["U0", "U2"].map((code) => Object.assign(new Element({}, {}), { value: code, name: "urgency", type: "radio" }));
  const face = Object.assign(new Element(), { textContent: "Today" });
  const field = new Element(
    { 'input[name="urgency"]': inputs, ".field-name": Object.assign(new Element(), { textContent: "Urgency" }), 'input[value="U2"] ~ *': face },
    { field: "urgency", ref: REF, version: String(version) },
  );
  Object.defineProperty(field.parts, 'input[name="urgency"]:checked', { get: () => inputs.filter((input) => input.checked) });
  for (const input of inputs) {
    input.checked = input.value === value;
    input.closest = () => field;
  }
  return field;
}

function text(value, version) {
  const area = Object.assign(new Element(), { value, name: "summary", readOnly: false, type: "textarea" });
  const field = new Element({ textarea: area, "[data-conflict]": new Element(), "[data-status]": new Element() }, { field: "summary", ref: REF, version: String(version) });
  area.closest = () => field;
  return field;
}

function before(field) {
  document.parts[`[data-field="${field.dataset.field}"][data-ref="${REF}"]`] = field;
  return field;
}

async function chooses(field, code) {
  const inputs = field.querySelectorAll('input[name="urgency"]');
  for (const input of inputs) input.checked = input.value === code;
  happens(document, "input", inputs.find((input) => input.checked));
  await passes(100);
}

async function writes(field, value) {
  const area = field.querySelector("textarea");
  area.value = value;
  happens(document, "input", area);
  await passes(1000);
}

const said = () => toasts.children.map((line) => line.textContent);

await autosave.start();
beforeEach(() => {
  toasts.children = [];
  sent.length = 0;
  answers(() => NOT_YOURS);
});

test("a choice that came after the pen had gone is told with its question and answer, and stops no step", async () => {
  const field = before(choice("", 3));
  answers(() => {
    field.disabled = true; // the form was put out of their hands meanwhile
    return NOT_YOURS;
  });
  await chooses(field, "U2");
  assert.equal(said().length, 1);
  assert.equal(said()[0], "choiceRefused");
  assert.equal(autosave.pending(REF, "urgency"), undefined);
  assert.equal(await autosave.settled(REF), true);
});

test("a choice that was refused before the form went is told when it goes", async () => {
  const field = before(choice("", 3));
  await chooses(field, "U2");
  assert.deepEqual(said(), []); // it says so itself
  before(choice("U0", 4)).disabled = true;
  autosave.restore();
  assert.deepEqual(said(), ["choiceRefused"]);
  assert.equal(await autosave.settled(REF), true);
});

test("the word names the question and the answer as the person saw them", async () => {
  document.parts["#words"] = new Element({}, { choiceRefused: "{ref}: {field} {value}. {why}" });
  const field = before(choice("", 3));
  answers(() => {
    field.disabled = true;
    return NOT_YOURS;
  });
  await chooses(field, "U2");
  assert.deepEqual(said(), [`${REF}: Urgency Today. not yours to write`]);
  delete document.parts["#words"];
});

test("a refused choice is not put over a newer one when the pen is back", async () => {
  await chooses(before(choice("", 3)), "U2");
  const field = before(choice("U0", 4));
  autosave.restore();
  assert.equal(autosave.valueOf(field), "U0");
  assert.deepEqual(said(), ["choiceRefused"]);
  assert.equal(await autosave.settled(REF), true);
});

test("a refused text goes once more when the form is theirs again and nobody wrote meanwhile", async () => {
  const field = before(text("", 3));
  await writes(field, "他说有人跟着");
  assert.equal(await autosave.settled(REF), false); // still not theirs
  sent.length = 0;
  answers(() => ({ status: 200, body: { version: 4, saved_at: "2026-03-12T06:03:22Z" } }));
  autosave.restore();
  await passes(1000);
  assert.deepEqual(sent.map(([, url]) => url), [`/tickets/${REF}/fields/summary`]);
  assert.equal(autosave.pending(REF, "summary"), undefined);
});

test("a step asks once more for what was refused, and says what stands against it", async () => {
  const field = before(text("", 3));
  await writes(field, "他说有人跟着");
  assert.equal(await autosave.settled(REF), false);
  assert.equal(autosave.obstacle(REF), "refused");
  answers(() => ({ status: 200, body: { version: 4, saved_at: "2026-03-12T06:03:22Z" } }));
  assert.equal(await autosave.settled(REF), true);
});

test("a refused text whose field was written meanwhile is shown beside it, for the person to decide", async () => {
  await writes(before(text("", 3)), "他说有人跟着");
  const field = before(text("妈妈来电", 4));
  autosave.restore();
  assert.equal(field.querySelector("[data-conflict]").hidden, false);
  assert.deepEqual(autosave.pending(REF, "summary").theirs, { value: "妈妈来电", version: 4 });
  assert.deepEqual(said(), []);
});
