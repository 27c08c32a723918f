// A prompt recorded in the browser, or read from any sound file that the browser can decode: heard first, then sent as 16 kHz
// 16-bit mono WAV. The server checks it, sets its loudness and answers with the page's part anew.
import { Idiomorph } from "idiomorph";
import { adopt, page, renew, why } from "./net.js";
import { toast, word } from "./words.js";
import { wav } from "./wav.js";

const RATE = 16000;
const LONGEST_S = 30;
const MOST_BYTES = 64 * 1024 * 1024; // as a file; what is sent is under 1 MB
const SEND_MS = 30000;
let recording = null;
let trial = null; // {blob, made}

const box = () => document.querySelector("[data-recorder]");
const part = (name) => box()?.querySelector(`[data-${name}]`);

function say(text, isBad = false) {
  const line = part("said");
  if (!line) return;
  line.textContent = text;
  line.classList.toggle("is-bad", isBad);
}

function show() {
  part("idle").hidden = recording !== null;
  part("recording").hidden = recording === null;
  part("trial").hidden = trial === null;
}

async function decoded(data) {
  const context = new OfflineAudioContext(1, 1, RATE);
  const sound = await context.decodeAudioData(data); // resampled to RATE
  const mixed = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const samples = sound.getChannelData(channel);
    for (let at = 0; at < samples.length; at += 1) mixed[at] += samples[at] / sound.numberOfChannels;
  }
  return mixed;
}

async function take(blob, made) {
  let samples;
  try {
    if (blob.size > MOST_BYTES) throw new Error(word("soundTooLong"));
    samples = await decoded(await blob.arrayBuffer()).catch(() => {
      throw new Error(word("noSound"));
    });
    if (samples.length > LONGEST_S * RATE) throw new Error(word("soundTooLong"));
  } catch (error) {
    drop();
    say(error.message, true);
    return;
  }
  drop();
  trial = { blob: new Blob([wav(samples, RATE)], { type: "audio/wav" }), made };
  part("trial-sound").src = URL.createObjectURL(trial.blob);
  say(word("hearFirst"));
  show();
  part("trial-sound").focus();
}

function drop() {
  const sound = part("trial-sound");
  if (sound?.src) URL.revokeObjectURL(sound.src);
  sound?.removeAttribute("src");
  trial = null;
  say("");
  show();
}

async function record() {
  if (recording) return recording.recorder.stop();
  let stream;
  try {
    if (!navigator.mediaDevices) throw new DOMException("no secure origin", "NotAllowedError");
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: true, autoGainControl: false } });
  } catch {
    say(word("noMicrophone"), true);
    return undefined;
  }
  drop();
  const pieces = [];
  const recorder = new MediaRecorder(stream);
  const began = Date.now();
  const clock = setInterval(() => {
    const seconds = Math.floor((Date.now() - began) / 1000);
    part("seconds").textContent = `${seconds} s`;
    if (seconds >= LONGEST_S) recorder.stop();
  }, 250);
  recording = { recorder };
  recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data));
  recorder.addEventListener("stop", () => {
    clearInterval(clock);
    for (const track of stream.getTracks()) track.stop();
    recording = null;
    part("seconds").textContent = "";
    show();
    take(new Blob(pieces, { type: recorder.mimeType }), "recorded");
  });
  recorder.start();
  show();
  return undefined;
}

async function post(url) {
  const headers = { "X-CSRF-Token": document.querySelector("meta[name=csrf]").content, "Content-Type": "audio/wav", "HX-Request": "true", Accept: "application/json" };
  return fetch(url, { method: "POST", headers, body: trial.blob, redirect: "error", signal: AbortSignal.timeout(SEND_MS) });
}

async function send() {
  const prompt = document.getElementById("prompt").dataset.prompt;
  const url = `/prompts/${prompt}/sounds?made=${trial.made}`;
  const button = part("send");
  button.disabled = true;
  let answer = null;
  try {
    answer = await post(url);
    if (answer.status === 403 && (await renew())) answer = await post(url);
  } catch {
    // said below
  }
  button.disabled = false;
  if (!answer?.ok) {
    const body = await answer?.json().catch(() => null);
    say(word("failed", { why: why(body && { body }, word("noAnswer")) }), true);
    return;
  }
  drop();
  await refresh();
  toast(word("promptSent"));
}

// The list names what is an own version, so the whole page comes anew.
async function refresh() {
  const fresh = await page(location.href);
  adopt(fresh);
  Idiomorph.morph(document.getElementById("main"), fresh.getElementById("main").outerHTML, { morphStyle: "outerHTML" });
}

export function start() {
  if (document.body.dataset.page !== "prompts") return;
  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-record]")) record();
    else if (target.closest("[data-send]")) send();
    else if (target.closest("[data-drop]")) drop();
  });
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-file]") || !target.files.length) return;
    take(target.files[0], "uploaded");
    target.value = "";
  });
  document.querySelector(".prompt-list [aria-current]")?.scrollIntoView({ block: "center" });
}
