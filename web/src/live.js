// Live screens: one socket a browser. The tab that holds the Web Lock reads it and tells the others by BroadcastChannel;
// every tab applies the patches it has a place for and turns events into DOM events named hotline:TYPE.
import { Idiomorph } from "idiomorph";
import { adopt, page } from "./net.js";
import { afterClose, delay, History, Place, slot } from "./stream.js";
import { hold, tick } from "./tick.js";
import { clock, word } from "./words.js";

const SILENT_MS = 26000; // the server says something every 10 s
const QUIET_MS = 1200;
const SIGNED_OUT_MS = 15000;
const SHARED = [".bar-live", "#stale", "#totals", ".board-lines", "[data-list]"];

Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
  !(name === "open" && element.matches("details")) && !(name === "value" && element.matches("progress")) && name !== "data-level";

let place;
let history;
let socket;
let channel;
let since = null;
let bannerTimer;
let isSignedOut = false;
let other = ""; // who is signed in in this browser instead: nothing of theirs belongs on this page
const me = Math.random().toString(36).slice(2);
let retry;
let retryAt = null;
let leads = false;

function put(patch) {
  const old = document.getElementById(patch.key);
  const list = patch.list ? document.querySelector(`[data-list="${CSS.escape(patch.list)}"]`) : null;
  if (old && (!list || old.dataset.order === String(patch.order))) {
    Idiomorph.morph(old, patch.html, { morphStyle: "outerHTML" });
    return;
  }
  if (!list) return;
  const holder = document.createElement("template");
  holder.innerHTML = patch.html.trim();
  const row = holder.content.firstElementChild;
  old?.remove();
  const rows = [...list.children];
  const index = slot(rows.map((other) => other.dataset.order ?? ""), String(patch.order));
  list.insertBefore(row, rows[index] ?? null);
}

function apply(frame) {
  for (const patch of frame.patches ?? []) {
    if (patch.op === "del") document.getElementById(patch.key)?.remove();
    else put(patch);
  }
  if (frame.patches?.length) tick();
  for (const event of frame.events ?? []) {
    document.dispatchEvent(new CustomEvent(`hotline:${event.type}`, { detail: event }));
  }
}

// Everything live on this page anew, without reloading it: a call and a half-written text live here.
async function resync() {
  try {
    const fresh = await page(location.href);
    if (fresh.body.dataset.user !== document.body.dataset.user) return;
    adopt(fresh);
    for (const selector of SHARED) {
      const news = fresh.querySelectorAll(selector);
      document.querySelectorAll(selector).forEach((element, index) => {
        if (news[index]) Idiomorph.morph(element, news[index].outerHTML, { morphStyle: "outerHTML" });
      });
    }
    place.seq = Math.max(place.seq, Number(fresh.body.dataset.seq) || 0);
    tick();
    document.dispatchEvent(new CustomEvent("hotline:resync"));
  } catch {
    setTimeout(resync, delay(4));
  }
}

function receive(frame) {
  const verdict = place.take(frame);
  if (verdict === "apply") apply(frame);
  else if (verdict === "resync") resync();
}

function banner() {
  const line = document.getElementById("offline");
  clearTimeout(bannerTimer);
  if (!line) return;
  if (since === null) {
    line.hidden = true;
    delete document.documentElement.dataset.cut;
    hold(null);
    return;
  }
  const show = () => {
    const says = other ? "otherUser" : isSignedOut ? "signedOut" : "offline";
    line.querySelector("[data-text]").textContent = word(says, { time: clock(new Date(since)), name: other, me: document.body.dataset.user });
    line.querySelector("[data-sign-in]").hidden = !isSignedOut;
    line.querySelector("[data-reconnect]").hidden = isSignedOut;
    line.hidden = false;
    document.documentElement.dataset.cut = "";
    hold(since);
  };
  announceTry();
  if (Date.now() - since > QUIET_MS) show();
  else bannerTimer = setTimeout(show, QUIET_MS);
}

// When it is tried next; nothing while a try is under way.
function announceTry() {
  const line = document.querySelector("#offline [data-retry]");
  if (!line) return;
  line.hidden = retryAt === null || isSignedOut;
  if (retryAt !== null) line.querySelector("[data-left]").dataset.left = new Date(retryAt).toISOString();
  tick();
}

function setSince(value, signedOut = false, next = null, instead = other) {
  other = value === null ? "" : instead;
  if (value === null && isSignedOut) resync();
  retryAt = next;
  since = value;
  isSignedOut = signedOut;
  banner();
  document.dispatchEvent(new CustomEvent(value === null ? "hotline:connected" : "hotline:disconnected"));
}

function tell(message) {
  channel?.postMessage(message);
}

// Tickets shown in this browser's tabs: the server tells of their changes too.
const watched = new Map();

function watch() {
  const refs = [...new Set([...watched.values()].flat())];
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ watch: refs }));
}

function announce() {
  const refs = [...document.querySelectorAll("#panel[data-ref]")].map((panel) => panel.dataset.ref);
  watched.set(me, refs);
  if (history) watch();
  else tell({ kind: "watch", from: me, refs });
}

// A wall display shows less than who signed it in may see: it shares no socket with their other tabs.
const isWall = () => "wall" in document.body.dataset;

function connect(attempt = 0) {
  clearTimeout(retry);
  retryAt = null;
  announceTry();
  const url = new URL(document.body.dataset.live, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("after", place.seq);
  if (isWall()) url.searchParams.set("wall", "true");
  socket = new WebSocket(url);
  let tries = attempt;
  let silence;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => socket.close(), SILENT_MS);
  };
  heard();
  socket.onmessage = (message) => {
    heard();
    const frame = JSON.parse(message.data);
    if (frame.hello && frame.user !== undefined && frame.user !== document.body.dataset.user) {
      other = frame.user;
      socket.close();
      return;
    }
    if (frame.hello) other = "";
    if (since !== null) {
      setSince(null);
      tellState();
    }
    if (frame.hello) {
      tries = 0;
      watch();
    } else {
      history.add(frame);
    }
    tell({ kind: "frame", frame });
    receive(frame);
  };
  socket.onclose = ({ code }) => {
    clearTimeout(silence);
    const next = other ? "signed-out" : afterClose(code);
    const wait = { "at-once": 0, "signed-out": SIGNED_OUT_MS, again: delay(tries) }[next];
    setSince(since ?? Date.now(), next === "signed-out", wait === undefined ? null : Date.now() + wait);
    tellState();
    if (wait !== undefined) retry = setTimeout(connect, wait, tries + 1);
  };
}

function tellState() {
  tell({ kind: "state", since, signedOut: isSignedOut, retryAt, other });
}

// Now, not when it is due: somebody pressed for it, or has just signed in.
function hurry() {
  if (!leads) tell({ kind: "hurry" });
  else if (since !== null && socket?.readyState !== WebSocket.CONNECTING) connect();
}

function lead() {
  history = new History(place.seq);
  tell({ kind: "lead" });
  announce();
  channel?.addEventListener("message", ({ data }) => {
    if (data.kind === "watch") {
      watched.set(data.from, data.refs);
      watch();
    }
    if (data.kind === "hurry") hurry();
    if (data.kind !== "joined") return;
    tell({ kind: "caught-up", to: data.from, frames: history.since(data.seq) });
    tellState();
  });
  connect();
  return new Promise(() => {});
}

function follow() {
  channel.addEventListener("message", ({ data }) => {
    if (data.kind === "frame") {
      if (since !== null) setSince(null);
      receive(data.frame);
    } else if (data.kind === "lead") announce();
    else if (data.kind === "state") setSince(data.since, data.signedOut, data.retryAt, data.other);
    else if (data.kind === "caught-up" && data.to === me) data.frames ? data.frames.forEach(receive) : resync();
  });
  tell({ kind: "joined", from: me, seq: place.seq });
  announce();
}

export function start() {
  document.addEventListener("hotline:panel", announce);
  addEventListener("pagehide", () => tell({ kind: "watch", from: me, refs: [] }));
  const { live, seq, epoch } = document.body.dataset;
  if (!live) return;
  place = new Place(Number(seq), Number(epoch));
  document.addEventListener("click", (event) => event.target.closest("[data-reconnect]") && hurry());
  document.addEventListener("hotline:signed-in", hurry);
  // A request learned it first: the socket is asked by the server every few seconds only.
  document.addEventListener("hotline:signed-out", () => setSince(since ?? Date.now(), true, retryAt));
  document.addEventListener("hotline:unsent", ({ detail }) => {
    const line = document.querySelector("#offline [data-unsent]");
    if (line) line.textContent = detail.count ? word("unsent", { count: detail.count }) : "";
  });
  if (!navigator.locks || !window.BroadcastChannel || isWall()) {
    leads = true;
    lead();
    return;
  }
  // A page of somebody who was signed in here before shares nothing with those of who is now.
  const name = `hotline-live/${document.body.dataset.user}`;
  channel = new BroadcastChannel(name);
  navigator.locks.request(name, () => {
    leads = true;
    return lead();
  });
  follow();
  addEventListener("offline", () => setSince(since ?? Date.now()));
  addEventListener("online", () => leads && socket?.readyState === WebSocket.CLOSED && connect());
}
