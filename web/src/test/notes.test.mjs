// A note on a call whose ticket cannot be reached is kept until it is put somewhere or thrown away.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAbout, joined, Notes } from "../notes.js";

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

const CALL = "1774332000.41";
const FACTS = { at: "2026-03-12T06:03:22Z", number: "138****8000" };

test("a note outlives its page, with the call it is about", () => {
  const storage = new Storage();
  new Notes(storage, "n").write(CALL, "他说有人跟着", FACTS);
  assert.deepEqual(new Notes(storage, "n").all(), [{ ...FACTS, call: CALL, text: "他说有人跟着" }]);
});

test("what is typed and taken back leaves nothing behind", () => {
  const storage = new Storage();
  const notes = new Notes(storage, "n");
  notes.write(CALL, "a", FACTS);
  notes.write(CALL, " ", FACTS);
  assert.equal(storage.getItem("n"), null);
});

test("what we say of the call's ticket does not touch the words", () => {
  const notes = new Notes(new Storage(), "n");
  notes.write(CALL, "a", FACTS);
  notes.belongs(CALL, "H-1-5", false);
  notes.write(CALL, "ab");
  assert.deepEqual(notes.get(CALL), { ...FACTS, call: CALL, text: "ab", ref: "H-1-5", isMine: false });
});

test("a note that was thrown away does not come back when its ticket is found", () => {
  const notes = new Notes(new Storage(), "n");
  notes.write(CALL, "a", FACTS);
  notes.write("other", "b", FACTS);
  notes.drop(CALL);
  notes.belongs(CALL, "H-1-5", true);
  assert.deepEqual(notes.all().map((note) => note.call), ["other"]);
});

test("a browser that keeps nothing says so, a damaged store is empty", () => {
  const storage = new Storage();
  storage.items.n = '[null, {"call": "1"}, {"call": "2", "text": "b"}]';
  assert.deepEqual(new Notes(storage, "n").all().map((note) => note.call), ["2"]);
  storage.items.n = "{";
  assert.deepEqual(new Notes(storage, "n").all(), []);
  storage.setItem = () => {
    throw new Error("full");
  };
  assert.equal(new Notes(storage, "n").write(CALL, "a", FACTS), false);
});

test("a note follows what the ticket says already, once", () => {
  assert.equal(joined("", " 有人跟着 "), "有人跟着");
  assert.equal(joined("他说\n", "有人跟着"), "他说\n有人跟着");
  assert.equal(joined("他说\n有人跟着", "有人跟着"), "他说\n有人跟着");
});

test("a ticket is about each of its calls and no other", () => {
  assert.equal(isAbout("1774332000.41 1774332000.77", CALL), true);
  assert.equal(isAbout("1774332000.4", CALL), false);
  assert.equal(isAbout(undefined, CALL), false);
});
