// Times as they are drawn, keys as they are meant, words as they are found.
import assert from "node:assert/strict";
import { test } from "node:test";
import { matches } from "../fields.js";
import { meaning } from "../keys.js";
import { known, level, share, span } from "../tick.js";
import { isGoing } from "../typing.js";
import { clock, fill, mask } from "../words.js";

test("durations read like a clock", () => {
  assert.deepEqual([0, 5.9, 41, 725, 3600, 8020].map(span), ["0:00", "0:05", "0:41", "12:05", "1:00:00", "2:13:40"]);
  assert.equal(span(-3), "0:00");
});

test("waiting asks for attention after 15 and 30 seconds", () => {
  assert.deepEqual([14, 15, 29, 30].map((seconds) => level(seconds, 15, 30)), ["", "warn", "warn", "alarm"]);
  assert.equal(level(999, NaN, NaN), "");
});

test("a bar fills and says when the last fifth has begun", () => {
  assert.deepEqual(share(0, 60000, 30000), { part: 0.5, late: false });
  assert.deepEqual(share(0, 60000, 48000), { part: 0.8, late: true });
  assert.deepEqual(share(0, 60000, 99000), { part: 1, late: true });
  assert.deepEqual(share(5, 5, 5), { part: 1, late: true });
});

test("times are shown in the hotline's zone", () => {
  assert.equal(clock(new Date("2026-03-12T06:03:22Z"), "Asia/Shanghai"), "14:03:22");
  assert.equal(clock(new Date("2026-03-12T16:00:00Z"), "Asia/Shanghai"), "00:00:00");
});

test("named places in a sentence are filled, unknown ones left", () => {
  assert.equal(fill("已保存 {time} {x}", { time: "14:03" }), "已保存 14:03 {x}");
});

const press = (key, more = {}) => ({ key, code: "", altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, ...more });

test("function keys are the phone's, also while writing", () => {
  assert.deepEqual(meaning(press("F2"), true), { do: "phone", value: "answer" });
  assert.deepEqual(meaning(press("F3"), true), { do: "phone", value: "hold" });
  assert.deepEqual(meaning(press("F4"), true), { do: "phone", value: "mute" });
  assert.deepEqual(meaning(press("F8"), true), { do: "phone", value: "hang-up" });
  assert.deepEqual(meaning(press("F9"), true), { do: "ready" });
});

test("Alt and a digit choose the contact type by place on the keyboard", () => {
  assert.deepEqual(meaning(press("¡", { code: "Digit1", altKey: true }), true), { do: "type", value: "CT01" });
  assert.deepEqual(meaning(press("8", { code: "Digit8", altKey: true }), false), { do: "type", value: "CT08" });
  assert.deepEqual(meaning(press("9", { code: "Digit9", altKey: true }), false), { do: "quick", value: "9" });
  assert.equal(meaning(press("1", { code: "Digit1", altKey: true, shiftKey: true }), false), null);
  assert.equal(meaning(press("1", { code: "Digit1", altKey: true, ctrlKey: true }), false), null);
});

test("letters are text while writing", () => {
  assert.equal(meaning(press("/"), true), null);
  assert.equal(meaning(press("?"), true), null);
  assert.deepEqual(meaning(press("/"), false), { do: "search" });
  assert.equal(meaning(press("Enter"), false), null);
  assert.deepEqual(meaning(press("Enter", { ctrlKey: true }), true), { do: "next" });
});

test("no key both ends a call and saves a ticket", () => {
  const keys = ["F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "Enter", "Escape", "s", "/"];
  const meant = keys.flatMap((key) => [press(key), press(key, { ctrlKey: true })]).map((event) => meaning(event, false));
  assert.equal(meant.filter((one) => one?.value === "hang-up").length, 1);
  assert.equal(meant.filter((one) => one?.do === "next").length, 1);
  assert.equal(meant.filter((one) => one?.value === "hang-up" && one?.do === "next").length, 0);
});

test("a category is found by code, word or group, every word counting", () => {
  const search = "vio.01 家庭暴力、身体虐待 暴力侵害";
  for (const typed of ["VIO.01", "家庭", "虐待 家庭", "vio 虐待", ""]) assert.equal(matches(search, typed), true, typed);
  assert.equal(matches(search, "自杀"), false);
});

test("a caller's number is masked, a short one wholly", () => {
  assert.deepEqual(["13800138000", "02886681234", "3334444", "66681234", "110", "anonymous", ""].map(mask), [
    "138****8000", "028****1234", "****", "****", "****", "anonymous", "",
  ]);
});

test("nothing is counted on beyond the moment of which something is known", () => {
  assert.equal(known(9000, null, null), 9000);
  assert.equal(known(9000, 4000, null), 4000);
  assert.equal(known(9000, 4000, 3000), 3000);
  assert.equal(known(9000, null, Number.NaN), 9000);
});

test("a word goes on for a second after its last letter, and as long as an input method holds it", () => {
  assert.deepEqual([1000, 1999, 2000].map((now) => isGoing(now, 1000, false)), [true, true, false]);
  assert.equal(isGoing(99000, 1000, true), true);
  assert.equal(isGoing(0, -Infinity, false), false);
});
