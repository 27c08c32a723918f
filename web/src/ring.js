// The tone of a ringing phone, made in the page: two soft notes every two and a half seconds, until stopped. It may sound
// where the conversation does not: on a loudspeaker while the headset lies on the table (devices.js).

const NOTES = [659.26, 523.25];
const EVERY_MS = 2500;

let context;
let outlet; // where the notes go when the browser's sound cannot be sent elsewhere by itself
let sink = "";
let timer;

// Browsers let a page sound only after a click; called from one.
export function unlock() {
  if (!context) {
    context = new AudioContext();
    if (sink) use(sink).catch(() => use(""));
  }
  if (context.state === "suspended") context.resume().catch(() => {});
}

// Where it sounds: a device's id, "" for the system's own. Throws when there is no such device; then it sounds where it did.
export async function use(id) {
  sink = id;
  if (!context) return;
  if (context.setSinkId) {
    await context.setSinkId(id);
    return;
  }
  if (!id) {
    outlet = undefined;
    return;
  }
  const player = new Audio();
  await player.setSinkId(id);
  const stream = new MediaStreamAudioDestinationNode(context);
  player.srcObject = stream.stream;
  await player.play();
  outlet = stream;
}

// Once: what a ring sounds like on the chosen device.
export function strike() {
  if (context?.state !== "running") return;
  NOTES.forEach((pitch, index) => {
    const begin = context.currentTime + index * 0.28;
    const tone = new OscillatorNode(context, { frequency: pitch, type: "triangle" });
    const loudness = new GainNode(context, { gain: 0 });
    loudness.gain.setValueAtTime(0, begin);
    loudness.gain.linearRampToValueAtTime(0.22, begin + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.001, begin + 0.9);
    tone.connect(loudness).connect(outlet ?? context.destination);
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

// Not a call: somebody asks for this person.
export function once() {
  unlock();
  strike();
}

export function stop() {
  clearInterval(timer);
  timer = undefined;
}
