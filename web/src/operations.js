// A page of figures that nobody announces asks for them anew: every ten seconds while somebody looks, and after a cut.
// Where no answer comes the figures stay: "as of" says how old they are, and the notices above what is away.
import { Idiomorph } from "idiomorph";
import { page } from "./net.js";
import { tick } from "./tick.js";

const EVERY_MS = 10000;
let isAsking = false;

async function ask() {
  const isCut = document.getElementById("offline")?.hidden === false;
  if (isAsking || isCut || document.hidden) return;
  isAsking = true;
  try {
    const place = document.querySelector("[data-refresh]");
    const fresh = (await page(place.dataset.refresh)).querySelector("[data-refresh]");
    if (fresh) Idiomorph.morph(place, fresh.outerHTML, { morphStyle: "outerHTML" });
    tick();
  } catch {
    // asked again in ten seconds
  } finally {
    isAsking = false;
  }
}

export function start() {
  if (!document.querySelector("[data-refresh]")) return;
  setInterval(ask, EVERY_MS);
  for (const type of ["hotline:resync", "hotline:connected", "visibilitychange"]) document.addEventListener(type, ask);
}
