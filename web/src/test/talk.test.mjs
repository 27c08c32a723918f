// Where a call can go: what a typed text finds, and when it is a number.
import assert from "node:assert/strict";
import { test } from "node:test";
import { asNumber, found } from "../find.js";
import { meaning } from "../keys.js";

test("every word that is typed must be there, in any order and case", () => {
  assert.equal(found("公安报警 Police 110", "police"), true);
  assert.equal(found("江月 8006", "8006 江"), true);
  assert.equal(found("江月 8006", "江月 8007"), false);
  assert.equal(found("江月 8006", ""), true);
});

test("a number may be typed with spaces and hyphens; a name is none", () => {
  assert.equal(asNumber("029-8555 1234"), "02985551234");
  assert.equal(asNumber("110"), "110");
  assert.equal(asNumber("+86 138 0013 8000"), "+8613800138000");
  for (const text of ["", "11", "江月", "110a", "1".repeat(40)]) assert.equal(asNumber(text), null, text);
});

test("transfer and conference have keys of their own, also while writing", () => {
  const press = { code: "", altKey: false, ctrlKey: false, metaKey: false, shiftKey: false };
  assert.deepEqual(meaning({ ...press, key: "F6" }, true), { do: "phone", value: "transfer" });
  assert.deepEqual(meaning({ ...press, key: "j", code: "KeyJ", altKey: true }, true), { do: "conference" });
});
