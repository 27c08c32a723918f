// What a call's figures mean for who listens: loss over five seconds, delay, and from where red.
import assert from "node:assert/strict";
import { test } from "node:test";
import { grade, Line, pair, plot, sample, strain, WINDOW } from "../quality.js";

const LIMITS = { loss: [1, 3], jitter: [30, 50], rtt: [300, 800] };
const QUIET = { received: 0, lost: 0, discarded: 0, jitter: 2, rtt: 20, sentLoss: null };

// Fifty packets a second, as G.711 in 20 ms has them; `lost` of them do not come.
function second(line, before, lost = 0, more = {}) {
  const now = { ...before, ...more, at: (before.at ?? 0) + 1000, received: before.received + 50 - lost, lost: before.lost + lost };
  return { now, reading: line.add(now) };
}

test("a clean call is good, and its first second says nothing of loss", () => {
  const line = new Line(LIMITS);
  const first = line.add({ ...QUIET });
  assert.equal(first.loss, null);
  assert.equal(first.sound, "good");
  assert.deepEqual(second(line, QUIET).reading, {
    loss: 0, jitter: 2, rtt: 20, by: { loss: "good", jitter: "good", rtt: "good" }, from: "in", sound: "good",
  });
});

test("one lost packet in five seconds is amber at most, eight are red", () => {
  const line = new Line(LIMITS);
  let state = { now: { ...QUIET } };
  line.add(state.now);
  for (let turn = 0; turn < WINDOW; turn += 1) state = second(line, state.now);
  state = second(line, state.now, 1);
  assert.equal(state.reading.loss, (1 / 250) * 100);
  assert.equal(state.reading.sound, "good");
  state = second(line, state.now, 7);
  assert.equal(state.reading.loss, (8 / 250) * 100);
  assert.equal(state.reading.sound, "bad");
});

test("red ends when the last five seconds were clean", () => {
  const line = new Line(LIMITS);
  let state = { now: { ...QUIET } };
  line.add(state.now);
  state = second(line, state.now, 20);
  assert.equal(state.reading.sound, "bad");
  const seen = [];
  for (let turn = 0; turn < WINDOW; turn += 1) {
    state = second(line, state.now);
    seen.push(state.reading.sound);
  }
  assert.deepEqual(seen, ["bad", "bad", "bad", "bad", "good"]);
});

test("what comes too late to be heard is lost", () => {
  const line = new Line(LIMITS);
  line.add({ ...QUIET });
  assert.equal(second(line, QUIET, 0, { discarded: 5 }).reading.loss, 10);
});

test("what the other side misses of us counts as much, and is said to be on the way out", () => {
  const line = new Line(LIMITS);
  line.add({ ...QUIET });
  const { reading } = second(line, QUIET, 0, { sentLoss: 4 });
  assert.deepEqual([reading.loss, reading.from, reading.sound], [4, "out", "bad"]);
});

test("delay and jitter have limits of their own", () => {
  assert.deepEqual([299, 300, 799, 800].map((rtt) => grade(rtt, LIMITS.rtt)), ["good", "fair", "fair", "bad"]);
  assert.deepEqual([29, 30, 50].map((jitter) => grade(jitter, LIMITS.jitter)), ["good", "fair", "bad"]);
  assert.equal(grade(null, LIMITS.rtt), "good");
});

test("a side that sends nothing loses nothing", () => {
  const line = new Line(LIMITS);
  line.add({ ...QUIET });
  assert.equal(line.add({ ...QUIET, at: 1000 }).loss, null);
});

test("a report of the browser is read as the standard names its parts", () => {
  // https://www.w3.org/TR/webrtc-stats/: seconds and fractions there, milliseconds and percent here.
  const report = new Map(Object.entries({
    a: { type: "inbound-rtp", kind: "audio", packetsReceived: 500, packetsLost: 3, packetsDiscarded: 2, jitter: 0.004 },
    b: { type: "remote-inbound-rtp", kind: "audio", roundTripTime: 0.05, fractionLost: 0.02 },
    c: { type: "candidate-pair", state: "succeeded", nominated: true, currentRoundTripTime: 0.031 },
    d: { type: "candidate-pair", state: "failed", nominated: false, currentRoundTripTime: 9 },
    e: { type: "codec" },
  }));
  assert.deepEqual(sample(report, 7), { at: 7, received: 500, lost: 3, discarded: 2, jitter: 4, rtt: 31, sentLoss: 2 });
  report.delete("c");
  assert.equal(sample(report, 7).rtt, 50);
});

test("the plot's middle is the limit, whatever the figure, and newest is at the right", () => {
  assert.equal(strain({ loss: 3, jitter: null, rtt: 80 }, LIMITS), 1);
  assert.equal(strain({ loss: 0, jitter: 0, rtt: 800 }, LIMITS), 1);
  const at = (loss, sound) => ({ loss, jitter: 0, rtt: 0, sound });
  const paths = plot([at(0, "good"), at(3, "bad")], LIMITS, 120, 20);
  assert.equal(paths.good, "M116 20h1.5v-1h-1.5z");
  assert.equal(paths.bad, "M118 20h1.5v-10h-1.5z");
});

test("limits come as the server writes them", () => assert.deepEqual(pair("1,3"), [1, 3]));
