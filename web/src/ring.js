// The tone of a ringing phone, made in the page: two soft notes every two and a half seconds, until stopped.

const NOTES = [659.26, 523.25];
const EVERY_MS = 2500;

let context;
let timer;

// Browsers let a page sound only after a click; called from one.
export function unlock() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume().catch(() => {});
}

function strike() {
  if (context?.state !== "running") return;
  NOTES.forEach((pitch, index) => {
    const begin = context.currentTime + index * 0.28;
    const tone = new OscillatorNode(context, { frequency: pitch, type: "triangle" });
    const loudness = new GainNode(context, { gain: 0 });
    loudness.gain.setValueAtTime(0, begin);
    loudness.gain.linearRampToValueAtTime(0.22, begin + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.001, begin + 0.9);
    tone.connect(loudness).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + 0.95);
  });
}

export function start() {
  stop();
  unlock();
  strike();
  timer = setInterval(strike, EVERY_MS);
}

export function stop() {
  clearInterval(timer);
  timer = undefined;
}
