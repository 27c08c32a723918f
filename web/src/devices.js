// Which microphone, where the conversation sounds and where it rings: chosen on the screen, kept in this browser. A device
// that is not plugged in is shown as such and replaced by the system's own until it is back.
import * as microphone from "./microphone.js";
import * as ring from "./ring.js";
import * as softphone from "./softphone.js";
import { options } from "./soundcheck.js";
import { toast, word } from "./words.js";

const KEY = "hotline-devices";
const KINDS = { microphone: "audioinput", talk: "audiooutput", ring: "audiooutput" };

let box;

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

function keep(name, device) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...read(), [name]: device }));
  } catch {
    // this browser keeps nothing: it counts until the page is closed
  }
}

// What tells one set of devices from another: a test of one says nothing of the other.
export function fingerprint() {
  const kept = read();
  return Object.keys(KINDS).map((name) => kept[name]?.id ?? "").join(" ");
}

async function list() {
  if (!navigator.mediaDevices?.enumerateDevices) return;
  const devices = await navigator.mediaDevices.enumerateDevices();
  const kept = read();
  for (const select of box.querySelectorAll("[data-device]")) {
    const name = select.dataset.device;
    const canChoose = name !== "talk" || "setSinkId" in HTMLMediaElement.prototype;
    const found = canChoose ? options(devices, KINDS[name], kept[name]) : [];
    const own = select.querySelector("option[value='']");
    select.replaceChildren(own, ...found.map(({ id, label, isAbsent }, index) => {
      const text = label || word("device", { number: index + 1 });
      return new Option(isAbsent ? word("deviceAbsent", { name: text }) : text, id);
    }));
    select.value = kept[name]?.id ?? "";
    select.disabled = found.length === 0;
  }
}

async function apply() {
  const kept = read();
  const audio = document.getElementById("phone-audio");
  const tries = {
    microphone: async (id) => {
      microphone.choose(id);
      await microphone.swap(softphone.connection());
    },
    talk: async (id) => audio.setSinkId?.(id),
    ring: (id) => ring.use(id),
  };
  const missing = [];
  for (const [name, use] of Object.entries(tries)) {
    try {
      await use(kept[name]?.id ?? "");
    } catch {
      missing.push(name);
      await use("").catch(() => {});
    }
  }
  return missing;
}

async function changed() {
  await apply();
  await list();
}

async function choose(select) {
  const label = select.selectedOptions[0]?.textContent ?? "";
  keep(select.dataset.device, select.value ? { id: select.value, label } : null);
  if ((await apply()).includes(select.dataset.device)) toast(word("deviceFailed", { name: label }), true);
}

// A short sound where the conversation would be.
async function listen() {
  const context = new AudioContext();
  const stream = new MediaStreamAudioDestinationNode(context);
  const tone = new OscillatorNode(context, { frequency: 440 });
  tone.connect(new GainNode(context, { gain: 0.2 })).connect(stream);
  const player = new Audio();
  player.srcObject = stream.stream;
  await player.setSinkId?.(read().talk?.id ?? "").catch(() => {});
  tone.start();
  await player.play();
  tone.stop(context.currentTime + 0.8);
  tone.addEventListener("ended", () => context.close());
}

export function start() {
  box = document.getElementById("headset");
  if (!box) return;
  changed();
  navigator.mediaDevices?.addEventListener?.("devicechange", changed);
  // Names of devices are told only once the microphone was allowed.
  document.addEventListener("hotline:phone", ({ detail }) => detail.state === "registered" && list());
  box.addEventListener("toggle", () => box.open && list());
  box.addEventListener("change", ({ target }) => target.matches("[data-device]") && choose(target));
  box.addEventListener("click", ({ target }) => {
    const sound = target.closest("[data-listen]")?.dataset.listen;
    if (sound === "talk") listen().catch(() => toast(word("deviceFailed", { name: "" }), true));
    if (sound === "ring") {
      ring.unlock();
      ring.strike();
    }
  });
}
