// The order of live frames, and where a row belongs. Pure: no page, no socket. Used by live.js.

const HISTORY = 500;

// A stream's place: which frames are new, which were seen, when to start over.
export class Place {
  constructor(seq, epoch) {
    this.seq = seq;
    this.epoch = epoch;
  }

  // "apply", "skip" (older than what is shown), or "resync" (too far behind, or the server started a new epoch).
  // Figures follow at their own pace: several frames may end at the same place, and what they put is whole.
  take(frame) {
    if (frame.reload || (frame.epoch !== undefined && frame.epoch !== this.epoch)) {
      this.epoch = frame.epoch ?? this.epoch;
      this.seq = Math.max(frame.seq ?? 0, 0);
      return "resync";
    }
    if (frame.hello || frame.seq === undefined) return "skip";
    if (frame.seq < this.seq) return "skip";
    this.seq = frame.seq;
    return "apply";
  }
}

// What the tab that holds the socket remembers for tabs that open later.
export class History {
  constructor(seq) {
    this.from = seq;
    this.frames = [];
  }

  add(frame) {
    this.frames.push(frame);
    while (this.frames.length > HISTORY) this.from = this.frames.shift().seq;
  }

  // Frames from `seq` on, or null when some of them are not known here.
  since(seq) {
    return seq < this.from ? null : this.frames.filter((frame) => frame.seq >= seq);
  }
}

// Index at which a row with this order goes among rows with those orders.
export function slot(orders, order) {
  const index = orders.findIndex((other) => other > order);
  return index === -1 ? orders.length : index;
}

// Milliseconds until the next try: doubling from 250, at most 8 s, spread so that not all pages return at once.
export function delay(attempt, random = Math.random) {
  const most = Math.min(8000, 250 * 2 ** Math.min(attempt, 10));
  return Math.round(most / 2 + (most / 2) * random());
}

// What a close code means for us: "again", "at-once", "signed-out" or "never".
export function afterClose(code) {
  if (code === 4001 || code === 4003) return "signed-out";
  if (code === 4008) return "at-once";
  return code === 4010 || code === 1008 ? "never" : "again";
}
