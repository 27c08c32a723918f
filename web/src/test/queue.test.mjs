// What was typed is kept until the server has it, and never overwrites what somebody else wrote.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isOutdated, Queue, read } from "../queue.js";

class Storage {
  constructor() {
    this.items = {};
  }
  getItem(key) {
    return this.items[key] ?? null;
  }
  setItem(key, value) {
    this.items[key] = value;
  }
  removeItem(key) {
    delete this.items[key];
  }
}

const fresh = () => {
  const storage = new Storage();
  return { storage, queue: new Queue(storage, "q") };
};

test("a text is kept in the browser until the server has it", () => {
  const { storage, queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "打人", 3);
  assert.equal(read(storage, "q")[0].value, "打人");
  queue.sending(entry);
  assert.equal(queue.saved(entry, 4), true);
  assert.deepEqual(queue.all(), []);
  assert.equal(storage.getItem("q"), null);
});

test("typing during a save is sent after it, on the version that the save made", () => {
  const { queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "a", 3);
  queue.sending(entry);
  assert.deepEqual(queue.due(), []);
  queue.note("H-1-5", "summary", "ab", 3);
  assert.equal(queue.saved(entry, 4), false);
  assert.deepEqual(queue.due().map(({ value, base }) => [value, base]), [["ab", 4]]);
});

test("more typing does not move the version it began on", () => {
  const { queue } = fresh();
  queue.note("H-1-5", "summary", "a", 3);
  queue.note("H-1-5", "summary", "ab", 9);
  assert.equal(queue.get("H-1-5", "summary").base, 3);
});

test("unsent texts outlive the page", () => {
  const { storage, queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "a", 3);
  queue.sending(entry);
  const next = new Queue(storage, "q");
  assert.deepEqual(next.due().map(({ ref, field, value, base }) => [ref, field, value, base]), [["H-1-5", "summary", "a", 3]]);
});

test("a failed save is due again", () => {
  const { queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "a", 3);
  queue.sending(entry);
  queue.failed(entry);
  assert.equal(queue.due().length, 1);
});

test("a refused text stays, is not sent again as it is, and is sent when changed", () => {
  const { storage, queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "a", 3);
  queue.sending(entry);
  queue.refused(entry, "too long");
  assert.deepEqual(queue.due(), []);
  assert.equal(read(storage, "q")[0].value, "a");
  queue.note("H-1-5", "summary", "b", 3);
  assert.equal(queue.due().length, 1);
});

test("a refused text is outdated once its field has a newer version, and goes when the person keeps it", () => {
  const { queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "mine", 3);
  assert.equal(isOutdated(entry, 4), false);
  queue.sending(entry);
  queue.refused(entry, "not yours to write");
  assert.deepEqual([3, 4].map((version) => isOutdated(entry, version)), [false, true]);
  assert.equal(queue.conflict(entry, "theirs", 4), "theirs");
  queue.resolve(entry, true);
  assert.deepEqual(queue.due().map(({ value, base }) => [value, base]), [["mine", 4]]);
});

test("a conflict waits for the person, both texts kept", () => {
  const { storage, queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "mine", 3);
  queue.sending(entry);
  assert.equal(queue.conflict(entry, "theirs", 5), "theirs");
  queue.note("H-1-5", "summary", "mine and more", 3);
  assert.deepEqual(queue.due(), []);
  const kept = new Queue(storage, "q").get("H-1-5", "summary");
  assert.deepEqual([kept.value, kept.theirs], ["mine and more", { value: "theirs", version: 5 }]);
});

test("keeping mine sends it on their version, taking theirs drops mine", () => {
  const { queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "mine", 3);
  queue.sending(entry);
  queue.conflict(entry, "theirs", 5);
  queue.resolve(entry, true);
  assert.deepEqual(queue.due().map(({ value, base }) => [value, base]), [["mine", 5]]);
  queue.sending(entry);
  queue.conflict(entry, "other", 6);
  queue.resolve(entry, false);
  assert.deepEqual(queue.all(), []);
});

test("the same text from both sides is no conflict", () => {
  const { queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "same", 3);
  queue.sending(entry);
  assert.equal(queue.conflict(entry, "same", 5), "same");
  assert.deepEqual(queue.all(), []);
});

test("an own earlier text whose answer was lost is no conflict: the newer one follows it", () => {
  const { storage, queue } = fresh();
  const entry = queue.note("H-1-5", "summary", "他说", 3);
  queue.sending(entry);
  queue.failed(entry); // the server took it and died before it could say so
  queue.note("H-1-5", "summary", "他说有人", 3);
  queue.sending(entry);
  assert.equal(queue.conflict(entry, "他说", 4), "ours");
  assert.deepEqual(queue.due().map(({ value, base }) => [value, base]), [["他说有人", 4]]);
  // Also by the page that comes after this one.
  queue.note("H-1-6", "summary", "a", 0);
  queue.leaving(queue.get("H-1-6", "summary"));
  const next = new Queue(storage, "q");
  const typed = next.note("H-1-6", "summary", "ab", 0);
  assert.equal(next.conflict(typed, "a", 1), "ours");
  assert.deepEqual([typed.value, typed.base], ["ab", 1]);
  assert.equal(next.conflict(typed, "somebody else's", 2), "theirs");
});

test("texts of a tab that died are taken over, newer own ones win", () => {
  const { queue } = fresh();
  queue.note("H-1-5", "summary", "own", 3);
  const over = queue.adopt([
    { ref: "H-1-5", field: "summary", value: "old", base: 2 },
    { ref: "H-1-4", field: "summary", value: "other ticket", base: 1 },
  ]);
  assert.deepEqual(queue.all().map(({ ref, value }) => [ref, value]), [["H-1-5", "own"], ["H-1-4", "other ticket"]]);
  assert.deepEqual(over.map(({ value }) => value), ["old"], "no text vanishes without a word");
});

test("a damaged or full store keeps the page working", () => {
  const storage = new Storage();
  for (const bad of ["{", "7", "null", '[null, {"ref": "H-1-5"}]']) {
    storage.items.q = bad;
    assert.deepEqual(new Queue(storage, "q").all(), []);
  }
  storage.setItem = () => {
    throw new Error("full");
  };
  const queue = new Queue(storage, "other");
  assert.equal(queue.note("H-1-5", "summary", "a", 0).value, "a");
});
