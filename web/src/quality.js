// How a call sounds, from WebRTC's own figures. Pure: no page, no clock. Fed once a second by health.js.
// A reading: loss in percent, jitter and rtt in milliseconds; null where nobody knows.

// Loss is looked at over so many seconds: one lost packet is no fault, a bad second is heard at once.
export const WINDOW = 5;
// Seconds that the plot shows.
export const SHOWN = 60;
const WORSE = { good: 0, fair: 1, bad: 2 };

// What a getStats() report says of the sound, as counts that only grow, and the present delay. `at`: milliseconds.
export function sample(report, at) {
  const found = { at, received: null, lost: 0, discarded: 0, jitter: null, rtt: null, sentLoss: null };
  let path = null;
  for (const part of report.values()) {
    if (part.type === "inbound-rtp" && part.kind === "audio") {
      found.received = part.packetsReceived ?? 0;
      found.lost = Math.max(0, part.packetsLost ?? 0);
      found.discarded = part.packetsDiscarded ?? 0; // came too late to be heard
      found.jitter = milliseconds(part.jitter);
    } else if (part.type === "remote-inbound-rtp" && part.kind === "audio") {
      found.rtt = milliseconds(part.roundTripTime);
      found.sentLoss = part.fractionLost === undefined ? null : part.fractionLost * 100;
    } else if (part.type === "candidate-pair" && part.nominated && part.state === "succeeded") {
      path = milliseconds(part.currentRoundTripTime);
    }
  }
  // Asterisk reports back every few seconds only; the network path itself is measured all the time.
  found.rtt = path ?? found.rtt;
  return found;
}

function milliseconds(seconds) {
  return seconds === undefined || seconds === null ? null : seconds * 1000;
}

// One figure against its pair of limits. What nobody knows is no reason to worry.
export function grade(value, [fair, bad]) {
  if (value === null) return "good";
  return value >= bad ? "bad" : value >= fair ? "fair" : "good";
}

export function worst(grades) {
  return grades.reduce((found, one) => (WORSE[one] > WORSE[found] ? one : found), "good");
}

// A call's line. `limits`: { loss, jitter, rtt }, each [fair, bad].
export class Line {
  constructor(limits) {
    this.limits = limits;
    this.samples = [];
    this.readings = [];
  }

  // Takes a sample, returns the reading of now: { loss, jitter, rtt, from, sound }. `from`: where sound is lost: in, out.
  add(now) {
    this.samples.push(now);
    while (this.samples.length > WINDOW + 1) this.samples.shift();
    const lossIn = this.#lossIn(now);
    const lossOut = now.sentLoss;
    const loss = lossIn === null && lossOut === null ? null : Math.max(lossIn ?? 0, lossOut ?? 0);
    const { jitter, rtt } = now;
    const by = { loss: grade(loss, this.limits.loss), jitter: grade(jitter, this.limits.jitter), rtt: grade(rtt, this.limits.rtt) };
    const reading = { loss, jitter, rtt, by, from: (lossOut ?? 0) > (lossIn ?? 0) ? "out" : "in", sound: worst(Object.values(by)) };
    this.readings.push(reading);
    while (this.readings.length > SHOWN) this.readings.shift();
    return reading;
  }

  #lossIn(now) {
    const before = this.samples[0];
    if (before === now || now.received === null || before.received === null) return null;
    const missing = Math.max(0, now.lost - before.lost);
    const came = now.received - before.received;
    if (came + missing <= 0) return null;
    const late = Math.max(0, now.discarded - before.discarded);
    return Math.min(100, ((missing + late) / (came + missing)) * 100);
  }
}

// How far a reading is on the way to red: 1 is the limit. What the plot's bars show, whatever the figure's unit.
export function strain({ loss, jitter, rtt }, limits) {
  return Math.max((loss ?? 0) / limits.loss[1], (jitter ?? 0) / limits.jitter[1], (rtt ?? 0) / limits.rtt[1]);
}

// The plot as paths, one a grade, newest at the right; `height` is twice the limit, so that the limit is its middle.
export function plot(readings, limits, width, height) {
  const slot = width / SHOWN;
  const paths = { good: "", fair: "", bad: "" };
  readings.forEach((reading, index) => {
    const x = width - (readings.length - index) * slot;
    const tall = Math.max(1, Math.min(1, strain(reading, limits) / 2) * height);
    paths[reading.sound] += `M${fixed(x)} ${height}h${fixed(slot * 0.75)}v${fixed(-tall)}h${fixed(-slot * 0.75)}z`;
  });
  return paths;
}

const fixed = (value) => String(Math.round(value * 100) / 100);

// "1,3" as the server writes a pair of limits.
export function pair(text) {
  return text.split(",").map(Number);
}
