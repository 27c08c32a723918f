// Times that run: data-since counts up, data-left counts down, bars fill from data-from to data-until, data-late shows
// itself from a time on, data-clock is the wall clock. One timer for all of them.

import { clock } from "./words.js";

export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function level(seconds, warn, alarm) {
  if (alarm && seconds >= alarm) return "alarm";
  return warn && seconds >= warn ? "warn" : "";
}

// The share of time gone, 0 to 1, and whether the last fifth has begun.
export function share(from, until, now) {
  const part = until > from ? Math.min(1, Math.max(0, (now - from) / (until - from))) : 1;
  return { part, late: part >= 0.8 };
}

function mark(element, value) {
  if (value) element.dataset.level = value;
  else delete element.dataset.level;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let cutAt = null;

// From when on nothing is known of what the server told (milliseconds; null: it tells). How long somebody waits or talks
// is not counted on then: they may be gone.
export function hold(at) {
  cutAt = at;
  tick();
}

export function known(now, ...limits) {
  return Math.min(now, ...limits.filter((limit) => limit !== null && !Number.isNaN(limit)));
}

export function tick(root = document, now = Date.now()) {
  const stale = document.querySelector("#stale [data-stale-since]");
  const until = known(now, cutAt, stale ? Date.parse(stale.dataset.staleSince) : null);
  document.documentElement.toggleAttribute("data-old", until < now);
  for (const element of root.querySelectorAll("[data-since]")) {
    const seconds = (until - Date.parse(element.dataset.since)) / 1000;
    say(element, span(seconds));
    mark(element, level(seconds, Number(element.dataset.warn), Number(element.dataset.alarm)));
  }
  for (const element of root.querySelectorAll("[data-left]")) {
    const seconds = (Date.parse(element.dataset.left) - now) / 1000;
    say(element, span(Math.ceil(seconds)));
    mark(element, seconds < 15 ? "warn" : "");
  }
  for (const bar of root.querySelectorAll("progress[data-until]")) {
    const { part, late } = share(Date.parse(bar.dataset.from), Date.parse(bar.dataset.until), now);
    bar.value = part;
    mark(bar, late ? "warn" : "");
  }
  for (const element of root.querySelectorAll("[data-late]")) {
    element.hidden = now < Date.parse(element.dataset.late);
  }
  for (const element of root.querySelectorAll("[data-clock]")) {
    say(element, clock(new Date(now)));
  }
}

export function start() {
  tick();
  setInterval(tick, 1000);
  document.addEventListener("htmx:afterSwap", () => tick());
}
