// What the test of phone and headset means, and which devices a list offers. Pure: no page, no device, no clock.
import { grade, worst } from "./quality.js";

// Loudness of what the microphone gives while somebody speaks, of 1: below the first nobody would be heard.
export const HEARD = { bad: 0.001, fair: 0.01 };

// How loud a piece of sound is, of 1.
export function loudness(wave) {
  return Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length);
}

// How much of a pitch is in a piece of sound (Goertzel), of 1.
export function pitch(wave, hertz, rate) {
  const k = 2 * Math.cos((2 * Math.PI * hertz) / rate);
  let one = 0;
  let two = 0;
  for (const x of wave) [one, two] = [x + k * one - two, one];
  return (2 * Math.sqrt(Math.max(0, one * one + two * two - k * one * two))) / wave.length;
}

// What the figures mean. `level`: loudest of the microphone; `echo`: milliseconds there and back, null: nothing came.
export function judge({ level, echo, line }, limits) {
  const checks = {
    microphone: level < HEARD.bad ? "bad" : level < HEARD.fair ? "fair" : "good",
    echo: echo === null ? "bad" : grade(echo, limits.rtt),
    network: line,
  };
  return { ...checks, all: worst(Object.values(checks)) };
}

// Whether a kept result still counts.
export function counts(kept, now, hours, fingerprint) {
  return hours === 0 || (kept?.isGood === true && kept.devices === fingerprint && now - kept.at < hours * 3600000);
}

// What a list offers. `kept`: { id, label } or null. A kept device that is not there stays chosen, marked as absent.
export function options(devices, kind, kept) {
  const found = devices
    .filter((one) => one.kind === kind && one.deviceId && !["default", "communications"].includes(one.deviceId))
    .map((one) => ({ id: one.deviceId, label: one.label, isAbsent: false }));
  if (kept?.id && !found.some((one) => one.id === kept.id)) found.push({ id: kept.id, label: kept.label, isAbsent: true });
  return found;
}
