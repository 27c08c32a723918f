// How the call sounds, once a second while there is one: shown as a word, three figures and a small plot, red before it is
// heard, and told to the server every ten seconds and at each change, for the board and the figures.
import { send } from "./net.js";
import { Line, pair, plot, sample } from "./quality.js";
import * as softphone from "./softphone.js";

const EVERY_MS = 1000;
const TELL_MS = 10000;
const WIDTH = 240;
const HEIGHT = 24;

let box;
let limits;
let line = null;
let timer;
let toldAt = 0;
let told = "none";

function begin() {
  if (line) return;
  line = new Line(limits);
  toldAt = performance.now();
  timer = setInterval(look, EVERY_MS);
}

function end() {
  if (!line) return;
  line = null;
  clearInterval(timer);
  box.hidden = true;
  if (told === "fair" || told === "bad") tell({ sound: "none" });
  told = "none";
}

async function look() {
  const mine = line;
  const report = await softphone.connection()?.getStats().catch(() => null);
  if (!report || mine !== line) return;
  const reading = line.add(sample(report, performance.now()));
  show(reading);
  const now = performance.now();
  const isNews = reading.sound !== told && !(told === "none" && reading.sound === "good");
  if (isNews || now - toldAt >= TELL_MS) {
    toldAt = now;
    told = reading.sound;
    tell(reading);
  }
}

function tell({ sound, loss = null, jitter = null, rtt = null }) {
  const fields = { sound };
  for (const [name, value] of Object.entries({ loss, jitter, rtt })) if (value !== null) fields[name] = value.toFixed(2);
  send("POST", "/me/phone/health", fields).catch(() => {
    // the next one is ten seconds away; the call itself needs no server
  });
}

function show(reading) {
  box.hidden = false;
  if (box.dataset.sound !== reading.sound) box.dataset.sound = reading.sound;
  box.dataset.from = reading.from;
  const texts = { loss: figure(reading.loss, 1, "%"), jitter: figure(reading.jitter, 0, "ms"), rtt: figure(reading.rtt, 0, "ms") };
  for (const [name, text] of Object.entries(texts)) {
    const part = box.querySelector(`[data-figure=${name}]`);
    part.dataset.grade = reading.by[name];
    part.querySelector("b").textContent = text;
  }
  const paths = plot(line.readings, limits, WIDTH, HEIGHT);
  for (const [grade, path] of Object.entries(paths)) box.querySelector(`.plot-${grade}`).setAttribute("d", path);
}

function figure(value, digits, unit) {
  return value === null ? "–" : `${value.toFixed(digits)} ${unit}`;
}

export function start() {
  box = document.getElementById("sound");
  if (!box) return;
  limits = { loss: pair(box.dataset.limitLoss), jitter: pair(box.dataset.limitJitter), rtt: pair(box.dataset.limitRtt) };
  document.addEventListener("hotline:call", ({ detail }) => (detail.state === "talking" ? begin() : end()));
}
