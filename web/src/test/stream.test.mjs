// Live frames: which are applied, where rows go, when to start over.
import assert from "node:assert/strict";
import { test } from "node:test";
import { afterClose, delay, History, Place, slot } from "../stream.js";

test("older frames are skipped; figures that follow at the same place are not", () => {
  const place = new Place(811, 3);
  assert.equal(place.take({ seq: 812, epoch: 3, patches: [] }), "apply");
  assert.equal(place.take({ seq: 812, epoch: 3, patches: [] }), "apply");
  assert.equal(place.take({ seq: 800, epoch: 3, patches: [] }), "skip");
  assert.equal(place.take({ seq: 815, epoch: 3, patches: [] }), "apply");
  assert.equal(place.seq, 815);
});

test("hello moves nothing: what lies between is still to come", () => {
  const place = new Place(811, 3);
  assert.equal(place.take({ hello: true, seq: 900, epoch: 3 }), "skip");
  assert.equal(place.take({ seq: 812, epoch: 3 }), "apply");
});

test("a new epoch or a reload starts over from the frame's place", () => {
  const place = new Place(811, 3);
  assert.equal(place.take({ hello: true, seq: 5, epoch: 4 }), "resync");
  assert.equal(place.take({ seq: 6, epoch: 4 }), "apply");
  assert.equal(place.take({ seq: 900, epoch: 4, reload: true }), "resync");
  assert.equal(place.take({ seq: 899, epoch: 4 }), "skip");
  assert.equal(place.take({ seq: 901, epoch: 4 }), "apply");
});

test("a tab that opens later gets what it has missed", () => {
  const history = new History(10);
  for (const seq of [11, 13, 14]) history.add({ seq });
  assert.deepEqual(history.since(11), [{ seq: 11 }, { seq: 13 }, { seq: 14 }]);
  assert.deepEqual(history.since(15), []);
});

test("a tab that has missed more than is remembered is told so", () => {
  const history = new History(10);
  assert.equal(history.since(9), null);
  for (let seq = 11; seq <= 600; seq += 1) history.add({ seq });
  assert.equal(history.frames.length, 500);
  assert.equal(history.since(99), null);
  assert.equal(history.since(101).length, 500);
});

test("rows keep the server's order", () => {
  assert.equal(slot(["0-1", "0-3", "2-1"], "0-2"), 1);
  assert.equal(slot(["0-1", "0-3"], "0-0"), 0);
  assert.equal(slot(["0-1", "0-3"], "9"), 2);
  assert.equal(slot([], "0-1"), 0);
});

test("reconnecting waits longer each time, never more than eight seconds", () => {
  assert.equal(delay(0, () => 1), 250);
  assert.equal(delay(3, () => 1), 2000);
  assert.equal(delay(99, () => 1), 8000);
  assert.equal(delay(99, () => 0), 4000);
});

test("close codes: sign in again, come back at once, stay away, try again", () => {
  assert.deepEqual([4001, 4003, 4008, 4010, 1008, 1006, 1001].map(afterClose), [
    "signed-out", "signed-out", "at-once", "never", "never", "again", "again",
  ]);
});
