// Before calls: is the microphone heard, does sound reach Asterisk and come back, is the network good enough. The phone calls
// Asterisk's echo (hl-test) with the microphone and a short tone that only the test hears; what comes back is timed.
import { allAddresses } from "./candidates.js";
import * as devices from "./devices.js";
import * as microphone from "./microphone.js";
import { Line, pair, sample } from "./quality.js";
import * as softphone from "./softphone.js";
import { counts, judge, loudness, pitch } from "./soundcheck.js";
import { word } from "./words.js";

const KEY = "hotline-phone-test";
const ECHO = "hl-test";
const CONNECT_MS = 8000;
const TONE_HZ = 1000;
const TONE_MS = 400;
const PINGS = 3;
const PING_MS = 1200;
let box;
let running = null;
let hasWarned = false;

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

// Before ready: nothing when a good test still counts; else the test. Throws an Error for the person when it went badly, once:
// who presses again goes on.
export async function before() {
  const hours = Number(box?.dataset.testHours ?? 0);
  if (!box || counts(kept(), Date.now(), hours, devices.fingerprint()) || softphone.callState() !== "none") return;
  if (document.getElementById("phone")?.dataset.outside) return;
  if (hasWarned) {
    hasWarned = false;
    return;
  }
  box.open = true;
  const found = await run();
  hasWarned = found.all === "bad";
  if (hasWarned) throw new Error(word("testFailed"));
}

export function run() {
  running ??= test().finally(() => (running = null));
  return running;
}

async function test() {
  show({ state: "running" });
  const limits = { loss: pair(box.dataset.limitLoss), jitter: pair(box.dataset.limitJitter), rtt: pair(box.dataset.limitRtt) };
  let found;
  try {
    await softphone.ensure();
    found = await measure(limits);
  } catch (error) {
    found = { microphone: microphone.current() ? "good" : "bad", echo: "bad", network: "bad", all: "bad", why: error.message };
  }
  try {
    const result = { at: Date.now(), isGood: found.all !== "bad", devices: devices.fingerprint() };
    localStorage.setItem(KEY, JSON.stringify(result));
  } catch {
    // this browser keeps nothing: tested again the next time
  }
  show({ state: "done", ...found });
  return found;
}

async function measure(limits) {
  const context = new AudioContext();
  await context.resume();
  const call = new EchoCall(context, await microphone.open());
  try {
    await call.connected();
    const line = new Line(limits);
    const echoes = [];
    let level = 0;
    let reading = null;
    let sampled = 0;
    const each = async () => {
      level = Math.max(level, call.level());
      show({ state: "running", level });
      if (performance.now() - sampled < 1000) return;
      sampled = performance.now();
      const report = await call.report();
      if (report) reading = line.add(sample(report, sampled));
    };
    for (let turn = 0; turn < PINGS; turn += 1) echoes.push(await call.ping(each));
    const heard = echoes.filter((ms) => ms !== null).sort((a, b) => a - b);
    const echo = heard.length ? heard[Math.floor(heard.length / 2)] : null;
    return { ...judge({ level, echo, line: reading?.sound ?? "bad" }, limits), level, ms: echo, reading };
  } finally {
    call.end();
    context.close();
  }
}

class EchoCall {
  constructor(context, voice) {
    this.context = context;
    this.mic = new AnalyserNode(context, { fftSize: 1024 });
    this.back = new AnalyserNode(context, { fftSize: 1024 });
    this.out = new MediaStreamAudioDestinationNode(context);
    this.gate = new GainNode(context, { gain: 0 });
    this.tone = new OscillatorNode(context, { frequency: TONE_HZ });
    const source = new MediaStreamAudioSourceNode(context, { mediaStream: voice });
    source.connect(this.mic);
    source.connect(this.out);
    this.tone.connect(this.gate).connect(this.out);
    this.tone.start();
    this.wave = new Float32Array(this.mic.fftSize);
    // A ring comes first: Asterisk gives none to a phone that is in use, a colleague's transfer might.
    this.stop = ({ detail }) => detail.state === "ringing" && this.end();
    document.addEventListener("hotline:call", this.stop);
  }

  connected() {
    const ua = softphone.userAgent();
    if (!ua) throw new Error(word("noPhone"));
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(word("noAnswer"))), CONNECT_MS);
      const over = () => {
        clearTimeout(timer);
        this.isOver = true;
        fail(new Error(word("noAnswer")));
      };
      this.session = ua.call(`sip:${ECHO}@${ua.configuration.uri.host}`, {
        mediaStream: this.out.stream,
        pcConfig: { iceServers: [] },
        sessionTimersExpires: 120,
        eventHandlers: {
          icecandidate: allAddresses(),
          ended: over,
          failed: over,
          confirmed: () => {
            clearTimeout(timer);
            this.#hear();
            done();
          },
        },
      });
    });
  }

  #hear() {
    const track = this.session.connection.getReceivers().find((one) => one.track.kind === "audio").track;
    const stream = new MediaStream([track]);
    // Chromium feeds a remote stream to others only while something plays it.
    this.player = new Audio();
    this.player.muted = true;
    this.player.srcObject = stream;
    this.player.play().catch(() => {});
    new MediaStreamAudioSourceNode(this.context, { mediaStream: stream }).connect(this.back);
  }

  level() {
    this.mic.getFloatTimeDomainData(this.wave);
    return loudness(this.wave);
  }

  report() {
    return this.session.connection?.getStats().catch(() => null) ?? null;
  }

  // One tone; milliseconds until it is back, null when it does not come. `each`: called all the while.
  async ping(each) {
    const floor = Math.max(0.02, 3 * this.#back());
    const began = performance.now();
    this.gate.gain.setValueAtTime(0.3, this.context.currentTime);
    this.gate.gain.setValueAtTime(0, this.context.currentTime + TONE_MS / 1000);
    let found = null;
    while (performance.now() - began < PING_MS && !this.isOver) {
      if (found === null && this.#back() > floor) found = performance.now() - began;
      await each();
      await new Promise((done) => setTimeout(done, 10));
    }
    return found;
  }

  #back() {
    this.back.getFloatTimeDomainData(this.wave);
    return pitch(this.wave, TONE_HZ, this.context.sampleRate);
  }

  end() {
    document.removeEventListener("hotline:call", this.stop);
    if (!this.isOver && this.session && !this.session.isEnded()) this.session.terminate();
    this.isOver = true;
    this.player?.pause();
  }
}

function show({ state, level = null, ms = null, reading = null, why = "", all = "", ...checks }) {
  box.dataset.test = state;
  if (level !== null) box.querySelector("[data-level]").value = Math.min(1, level * 5);
  if (state !== "done") return;
  box.dataset.testAll = all;
  for (const name of ["microphone", "echo", "network"]) box.querySelector(`[data-check=${name}]`).dataset.grade = checks[name];
  const text = (value, unit, digits = 0) => (value === null || value === undefined ? "" : `${value.toFixed(digits)} ${unit}`);
  box.querySelector("[data-check=echo] b").textContent = text(ms, "ms");
  box.querySelector("[data-check=network] b").textContent = [text(reading?.loss, "%", 1), text(reading?.rtt, "ms")].filter(Boolean).join(" · ");
  box.querySelector("[data-test-why]").textContent = why;
}

export function start() {
  box = document.getElementById("headset");
  box?.querySelector("[data-test-phone]").addEventListener("click", () => {
    if (softphone.callState() === "none") run();
  });
}
