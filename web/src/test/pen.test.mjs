// What a page does when the pen went from one to another.
import assert from "node:assert/strict";
import { test } from "node:test";
import { onHanded } from "../pen.js";

const [console, record] = [true, false];
const [shown, hidden] = [true, false];

test("who gets the pen is shown the ticket on the console, and on a page of its own sees it become writable", () => {
  assert.equal(onHanded({ mine: true }, console, hidden), "pop");
  assert.equal(onHanded({ mine: true }, console, shown), "pop");
  assert.equal(onHanded({ mine: true }, record, shown), "refresh");
  assert.equal(onHanded({ mine: true }, record, hidden), "");
});

test("who loses it is not interrupted in mid-word, on whichever page they write", () => {
  assert.equal(onHanded({}, console, shown), "loose");
  assert.equal(onHanded({}, record, shown), "loose");
});

test("a ticket that is not on the screen and a talk that is over disturb nobody", () => {
  assert.equal(onHanded({}, console, hidden), "");
  assert.equal(onHanded({ past: true }, console, shown), "refresh");
});
