// What the test before calls says: heard or not, back or not, and how long it counts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { counts, judge, loudness, options, pitch } from "../soundcheck.js";

const LIMITS = { loss: [1, 3], jitter: [30, 50], rtt: [300, 800] };
const RATE = 48000;
const tone = (hertz, loud) => Float32Array.from({ length: 1024 }, (_, at) => loud * Math.sin((2 * Math.PI * hertz * at) / RATE));

test("a tone is found by its pitch and loudness, another one is not", () => {
  assert.ok(Math.abs(pitch(tone(1000, 0.3), 1000, RATE) - 0.3) < 0.03);
  assert.ok(pitch(tone(440, 0.3), 1000, RATE) < 0.05);
  assert.equal(pitch(new Float32Array(1024), 1000, RATE), 0);
  assert.ok(Math.abs(loudness(tone(1000, 0.5)) - 0.5 / Math.SQRT2) < 0.01);
});

test("a muted microphone, a missing echo and a bad network are each a reason not to take calls", () => {
  const good = { level: 0.1, echo: 60, line: "good" };
  assert.deepEqual(judge(good, LIMITS), { microphone: "good", echo: "good", network: "good", all: "good" });
  assert.equal(judge({ ...good, level: 0 }, LIMITS).all, "bad");
  assert.equal(judge({ ...good, echo: null }, LIMITS).all, "bad");
  assert.equal(judge({ ...good, line: "bad" }, LIMITS).all, "bad");
  assert.deepEqual(judge({ level: 0.005, echo: 400, line: "good" }, LIMITS), {
    microphone: "fair", echo: "fair", network: "good", all: "fair",
  });
});

test("a good test counts for some hours, on the same devices", () => {
  const at = Date.UTC(2026, 4, 11, 2);
  const kept = { at, isGood: true, devices: "a b c" };
  assert.equal(counts(kept, at + 11.9 * 3600000, 12, "a b c"), true);
  assert.equal(counts(kept, at + 12 * 3600000, 12, "a b c"), false);
  assert.equal(counts(kept, at, 12, "other b c"), false);
  assert.equal(counts({ ...kept, isGood: false }, at, 12, "a b c"), false);
  assert.equal(counts(null, at, 12, ""), false);
  assert.equal(counts(null, at, 0, ""), true);
});

test("a list offers what is there, and keeps showing a chosen device that is not", () => {
  const found = [
    { kind: "audioinput", deviceId: "default", label: "Default" },
    { kind: "audioinput", deviceId: "m1", label: "Headset" },
    { kind: "audiooutput", deviceId: "s1", label: "Loudspeaker" },
  ];
  assert.deepEqual(options(found, "audioinput", null), [{ id: "m1", label: "Headset", isAbsent: false }]);
  assert.deepEqual(options(found, "audiooutput", { id: "gone", label: "Old" }), [
    { id: "s1", label: "Loudspeaker", isAbsent: false },
    { id: "gone", label: "Old", isAbsent: true },
  ]);
});
