// The agent's phone in the page: SIP straight to Asterisk, never through our server, so it rings, answers and hangs up
// with /live dead. What it knows is shown at once by data-phone and data-call on #softphone:
//   data-phone  off asking connecting registered elsewhere refused lost outside (another telephone rings: outside.js)
//   data-call   none ringing answering talking
//   data-held   false holding true resuming: this phone's own hold, as far as Asterisk has agreed to it
// The only module that touches SIP. One tab owns the phone, by a Web Lock.
import JsSIP from "jssip";
import { allAddresses } from "./candidates.js";
import * as keypad from "./keypad.js";
import * as microphone from "./microphone.js";
import { send, why } from "./net.js";
import { OneTab } from "./onetab.js";
import * as ring from "./ring.js";
import { span } from "./tick.js";
import { isMidWord } from "./typing.js";
import { mask, toast, word } from "./words.js";

const LOCK = "hotline-phone";
const REGISTER_S = 60;
const ANSWER_MS = 4000;
const READY_MS = 20000;
const REGISTER_AGAIN_MS = 700;
const RECLAIM_AFTER = 8;
const EXPECTED_MS = 10000;
const FOLLOW_AGAIN_MS = 2000;

let box;
let tab;
let ua = null;
let used = null; // the credentials in use
let followTimer;
let session = null;
let refusals = 0;
let wasRegistered = false;
let answerTimer;
let clockTimer;
let statsTimer;
let title = "";
let wanted = null; // {call, until}: the leg that was asked for here
let about = {}; // the call on the phone: the name that Asterisk told, the number as far as it is shown

const phone = () => box.dataset.phone;
const isInCall = () => box.dataset.call !== "none";

function setPhone(state) {
  if (box.dataset.phone === state) return;
  box.dataset.phone = state;
  document.dispatchEvent(new CustomEvent("hotline:phone", { detail: { state } }));
}

function setCall(state) {
  box.dataset.call = state;
  document.title = { ringing: `● ${word("ringing")} ${title}`, talking: `● ${word("inCall")} ${title}` }[state] ?? title;
  if (about.isElsewhere) return;
  const { call, number } = box.dataset.call === "none" ? {} : about;
  document.dispatchEvent(new CustomEvent("hotline:call", { detail: { state, call, number } }));
}

// -- which tab

async function own() {
  if (await tab.own()) return true;
  setPhone("elsewhere");
  return false;
}

async function takeOver() {
  if (await tab.takeOver()) await connect();
  else toast(word("busyElsewhere"), true);
}

function letGo() {
  stop();
  setPhone("elsewhere");
}

// -- connecting

// Until calls can ring here; throws an Error whose message is for the person.
export async function ensure() {
  ring.unlock();
  if (document.getElementById("phone")?.dataset.outside) return rest();
  if (phone() === "registered" && microphone.current()) return;
  if (!(await own())) throw new Error(word("noPhone"));
  await connect();
}

async function connect() {
  await askMicrophone();
  if (phone() === "registered") return;
  setPhone("connecting");
  if (!ua) await claim();
  await registered();
}

async function askMicrophone() {
  if (microphone.current()) return;
  if (phone() !== "registered") setPhone("asking");
  try {
    const stream = await microphone.open();
    stream.getAudioTracks()[0].addEventListener("ended", () => askMicrophone().catch((error) => toast(error.message, true)));
  } catch (error) {
    const text = word(error.name === "NotFoundError" ? "noDevice" : "noMicrophone");
    box.querySelector("[data-why]").textContent = text;
    setPhone("refused");
    throw new Error(text);
  }
}

// A fresh secret for this sign-in, then a user agent with it.
async function claim() {
  let answer = null;
  try {
    answer = await send("POST", "/me/phone");
  } catch {
    // no network: said below
  }
  if (!answer?.ok) {
    setPhone("lost");
    throw new Error(word("failed", { why: why(answer, word("noAnswer")) }));
  }
  begin(answer.body);
}

function begin(credentials) {
  const { uri, secret, ws, others = [] } = credentials;
  used = credentials;
  ua?.stop();
  ua = new JsSIP.UA({
    uri,
    password: secret,
    // Where there are two Asterisks: the one that has the agents, and one for when it dies.
    sockets: [ws, ...others].map((url, place) => ({ socket: new JsSIP.WebSocketInterface(url), weight: place ? 0 : 1 })),
    register_expires: REGISTER_S,
    connection_recovery_min_interval: 1,
    connection_recovery_max_interval: 5,
    user_agent: "Hotline",
  });
  const mine = ua;
  const only = (act) => (event) => mine === ua && act(event);
  mine.on("registered", only(onRegistered));
  mine.on("registrationFailed", only(onRefused));
  mine.on("unregistered", only(onLost));
  mine.on("connected", only(({ socket }) => {
    waitForRegistration(credentials);
    if (socket.url !== ws) follow(socket.url);
  }));
  mine.on("disconnected", only(onCut));
  mine.on("newRTCSession", only(onSession));
  refusals = 0;
  mine.start();
}

// Of two Asterisks to the one that has the agents, which the server knows. JsSIP itself goes to the other one when a socket
// ends; whether the agents went there too is asked then (`at`: where it is now), and whenever screens start over. Not in a
// call, and not away from one that answers to one that does not.
async function follow(at) {
  if (!ua || !used?.others?.length || session) return;
  const mine = ua;
  clearTimeout(followTimer);
  const answer = await send("GET", "/me/phone/where").catch(() => null);
  const isReached = answer?.ok && (answer.body.ws === at || (await opens(answer.body.ws)));
  if (mine !== ua || session) return;
  if (!isReached) followTimer = setTimeout(() => mine === ua && follow(at), FOLLOW_AGAIN_MS);
  else if (answer.body.ws === at) used = { ...used, ...answer.body };
  else begin({ ...used, ...answer.body });
}

function opens(url) {
  return new Promise((done) => {
    const probe = new WebSocket(url, "sip");
    const tell = (isOpen) => {
      clearTimeout(timer);
      probe.close();
      done(isOpen);
    };
    const timer = setTimeout(() => tell(false), FOLLOW_AGAIN_MS);
    probe.onopen = () => tell(true);
    probe.onerror = () => tell(false);
  });
}

// An Asterisk that is just starting may take the socket and swallow the request, whose answer JsSIP awaits for 32 s.
function waitForRegistration(credentials) {
  const mine = ua;
  clearTimeout(answerTimer);
  answerTimer = setTimeout(() => {
    if (mine === ua && ua?.isConnected() && !ua.isRegistered() && !session) begin(credentials);
  }, ANSWER_MS);
}

function registered() {
  if (phone() === "registered") return Promise.resolve();
  return new Promise((done, fail) => {
    const listen = () => {
      if (phone() === "registered") finish(done);
    };
    const timer = setTimeout(() => finish(() => fail(new Error(word("noPhone")))), READY_MS);
    const finish = (act) => {
      clearTimeout(timer);
      document.removeEventListener("hotline:phone", listen);
      act();
    };
    document.addEventListener("hotline:phone", listen);
  });
}

function onRegistered() {
  refusals = 0;
  if (phone() === "lost") askWhetherItGoesOn();
  wasRegistered = true;
  setPhone("registered");
}

// An answer could not reach Asterisk any more; JsSIP itself would ring on for a minute, or wait for ever for what comes of
// an answer that was on its way.
function onCut() {
  if (session && box.dataset.call !== "talking") session.terminate();
  onLost();
}

// A talk outlives its socket, but not Asterisk's death, of which the page hears nothing: while it believes to be talking it
// would refuse every ring.
function askWhetherItGoesOn() {
  const mine = session;
  const over = () => mine === session && mine.terminate();
  mine?.sendRequest("OPTIONS", { eventHandlers: { onDialogError: over, onRequestTimeout: over } });
}

// Asterisk may not have the new secret yet: ask again soon; after several times, for a new secret.
function onRefused() {
  if (wasRegistered) onLost();
  refusals += 1;
  if (refusals > RECLAIM_AFTER) {
    claim().catch(() => setTimeout(onRefused, 5000));
    return;
  }
  const mine = ua;
  setTimeout(() => mine === ua && ua?.isConnected() && !ua.isRegistered() && ua.register(), REGISTER_AGAIN_MS);
}

function onLost() {
  if (!ua || !wasRegistered || phone() === "lost") return;
  setPhone("lost");
  send("POST", "/me/phone/lost").catch(() => {
    // Asterisk itself notices a phone that is gone within seconds
  });
}

export function stop() {
  const old = ua;
  ua = null;
  wasRegistered = false;
  old?.stop();
  microphone.close();
  if (phone() !== "elsewhere") setPhone("off");
}

// Calls ring on another telephone: this page is none.
export function rest() {
  stop();
  setPhone("outside");
}

// -- calls

function onSession({ originator, session: incoming, request }) {
  if (originator !== "remote") return;
  const call = request.getHeader("X-Hotline-Call") ?? "";
  // The same call rings anew (a colleague passed it on without waiting for us): the ring before it is being taken back.
  const isSameRing = session && call && about.call === call && !session.isEstablished();
  if (session && !isSameRing) {
    incoming.terminate({ status_code: 486 });
    return;
  }
  session = incoming;
  const from = request.from?.display_name || request.from?.uri?.user || "";
  // A supervisor's leg on an agent's call is no call of theirs: nothing else in the page need know.
  about = { call, number: mask(from), isElsewhere: request.getHeader("X-Hotline-Asked") === "supervise" };
  box.querySelector("[data-phone-number]").textContent = about.number.replace(/^\*+$/, "");
  session.on("icecandidate", allAddresses());
  session.on("peerconnection", ({ peerconnection }) => {
    peerconnection.addEventListener("track", ({ streams, track }) => {
      box.querySelector("audio").srcObject = streams[0] ?? new MediaStream([track]);
    });
  });
  const mine = (act) => () => incoming === session && act();
  session.on("confirmed", mine(onTalking));
  session.on("ended", mine(onOver));
  session.on("failed", mine(onOver));
  box.dataset.asked = request.getHeader("X-Hotline-Asked") ?? "";
  setCall("ringing");
  startClock();
  // Asked for by ourselves a moment ago, and only Asterisk says so: no second key.
  if (box.dataset.asked) {
    answer();
    return;
  }
  ring.start();
  if (!isMidWord()) box.querySelector("[data-phone-do=answer]").focus();
  if (wanted && wanted.call === call && Date.now() < wanted.until) answer();
}

// A leg that this page has just asked for needs no second key: it is answered when it comes.
export function expect(call) {
  wanted = { call, until: Date.now() + EXPECTED_MS };
}

function startClock() {
  const began = Date.now();
  clearInterval(clockTimer);
  const show = () => (box.querySelector("[data-phone-since]").textContent = span((Date.now() - began) / 1000));
  show();
  clockTimer = setInterval(show, 500);
}

async function answer() {
  if (!session || box.dataset.call !== "ringing") return;
  ring.stop();
  setCall("answering");
  const mine = session;
  try {
    const mediaStream = await microphone.open();
    if (mine !== session) return;
    microphone.unmute();
    mine.answer({ mediaStream, pcConfig: { iceServers: [] }, sessionTimersExpires: 120 });
  } catch {
    mine.terminate({ status_code: 480 });
    toast(word("noMicrophone"), true);
  }
}

function onTalking() {
  ring.stop();
  wanted = null;
  startClock();
  setCall("talking");
  const mine = session;
  clearInterval(statsTimer);
  statsTimer = setInterval(() => measure(mine), 1000);
}

function onOver() {
  ring.stop();
  clearInterval(clockTimer);
  clearInterval(statsTimer);
  session = null;
  microphone.unmute();
  setMuted(false);
  setHeld("false");
  keypad.show(false);
  delete box.dataset.silent;
  box.dataset.asked = "";
  box.querySelector("audio").srcObject = null;
  setCall("none");
  follow(ua?.transport?.url);
}

// What comes and goes, for the person (no sound arrives) and for whoever measures.
async function measure(call) {
  const report = await call.connection?.getStats().catch(() => null);
  for (const part of report?.values() ?? []) {
    if (part.type === "inbound-rtp" && part.kind === "audio") {
      box.dataset.silent = String(part.packetsReceived === Number(box.dataset.packetsIn ?? -1));
      box.dataset.packetsIn = part.packetsReceived;
      box.dataset.packetsLost = part.packetsLost;
      box.dataset.energyIn = part.totalAudioEnergy ?? "";
    } else if (part.type === "outbound-rtp" && part.kind === "audio") {
      box.dataset.packetsOut = part.packetsSent;
    } else if (part.type === "media-source" && part.kind === "audio") {
      box.dataset.energyOut = part.totalAudioEnergy ?? "";
    }
  }
}

// The page goes, not the person: the goodbye says so (a cause other than 16), and the caller is first in line again. A ring
// is left without a word: stopping the phone would refuse it, and that is a missed call. Its socket's end says enough.
function leave() {
  if (session && !session.isEstablished()) return;
  session?.terminate({ extraHeaders: ['Reason: Q.850;cause=41;text="page left"'] });
  ua?.stop();
}

function hangUp() {
  session?.terminate();
}

function reject() {
  if (box.dataset.call === "ringing") session?.terminate({ status_code: 486 });
}

function setMuted(isMuted) {
  box.dataset.muted = String(isMuted);
  box.querySelector("[data-phone-do=mute]").setAttribute("aria-pressed", String(isMuted));
}

function mute() {
  if (box.dataset.call !== "talking" || !session) return;
  const isMuted = box.dataset.muted !== "true";
  if (isMuted) session.mute({ audio: true });
  else session.unmute({ audio: true });
  setMuted(isMuted);
}

function setHeld(state) {
  box.dataset.held = state;
  const button = box.querySelector("[data-phone-do=hold]");
  button.setAttribute("aria-pressed", String(state === "true" || state === "resuming"));
  button.toggleAttribute("data-pending", state === "holding" || state === "resuming");
}

// By the phone itself (a re-INVITE), so it works without us: Asterisk gives the other side music. Shown as done only when
// Asterisk has agreed.
function hold() {
  if (box.dataset.call !== "talking" || !session || !["false", "true"].includes(box.dataset.held)) return;
  const mine = session;
  const isHeld = mine.isOnHold().local;
  const done = () => mine === session && setHeld(String(mine.isOnHold().local));
  if (isHeld ? mine.unhold({}, done) : mine.hold({}, done)) setHeld(isHeld ? "resuming" : "holding");
  else toast(word("tryAgain"), true);
}

function digit(value) {
  if (box.dataset.call === "talking") session?.sendDTMF(value, { transportType: JsSIP.C.DTMF_TRANSPORT.RFC2833, duration: 160 });
}

const ACTIONS = {
  answer,
  reject,
  hold,
  mute,
  "hang-up": hangUp,
  keypad: keypad.toggle,
  "take-over": () => takeOver().catch((error) => toast(error.message, true)),
  reconnect: () => ensure().catch((error) => toast(error.message, true)),
};

export function act(name) {
  return ACTIONS[name]?.();
}

// For what measures (health.js, phonetest.js): the connection of the call, and who speaks SIP.
export const connection = () => session?.connection ?? null;
export const userAgent = () => ua;

// A supervisor's leg has become a call of theirs, which everything in the page now needs to know: they have taken it over.
export function isTheirsNow() {
  if (!about.isElsewhere || box.dataset.call !== "talking") return;
  about = { call: about.call, number: "" };
  setCall("talking");
}

export function callState() {
  return box?.dataset.call ?? "none";
}

export function start() {
  box = document.getElementById("softphone");
  if (!box) return;
  title = document.title;
  keypad.start(box, digit);
  tab = new OneTab(LOCK, { isBusy: isInCall, onGone: letGo });
  box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-phone-do]");
    if (button && !button.matches("[data-move]")) act(button.dataset.phoneDo);
  });
  document.addEventListener("click", ring.unlock, { once: true });
  document.addEventListener("hotline:resync", () => follow(ua?.transport?.url));
  addEventListener("offline", onLost);
  addEventListener("online", () => ua && !ua.isRegistered() && ua.register());
  addEventListener("beforeunload", (event) => {
    if (isInCall()) event.preventDefault();
  });
  addEventListener("pagehide", leave);
  resume();
}

// After a reload the phone comes back by itself, when the agent was at work and the microphone is allowed.
async function resume() {
  const state = document.getElementById("phone")?.dataset.state;
  if (!state || state === "offline") return;
  if (await microphone.isGranted()) ensure().catch(() => {});
}
