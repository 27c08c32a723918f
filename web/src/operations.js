// A page of figures that nobody announces asks for them anew: every ten seconds while somebody looks, and after a cut.
import htmx from "htmx.org";

const EVERY_MS = 10000;

// Not behind other windows, and not while the server does not answer anyway.
function ask() {
  const place = document.querySelector("[data-refresh]");
  const isCut = document.getElementById("offline")?.hidden === false;
  if (place && !document.hidden && !isCut) htmx.trigger(place, "refresh");
}

export function start() {
  if (!document.querySelector("[data-refresh]")) return;
  setInterval(ask, EVERY_MS);
  for (const type of ["hotline:resync", "hotline:connected", "visibilitychange"]) document.addEventListener(type, ask);
}
