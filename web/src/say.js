// What the hotline says into the call at the agent's key, and the answers of a caller who cannot speak. The server's word alone
// is shown; a prompt that ends the call is asked for twice within some seconds.
import { Idiomorph } from "idiomorph";
import * as autosave from "./autosave.js";
import { drawn, page, send, why } from "./net.js";
import { toast, word } from "./words.js";

const SURE_MS = 4000;
const box = () => document.getElementById("say");
let sure = { prompt: "", until: 0 };
let asked = 0;

export async function refresh() {
  if (!box()) return;
  const mine = (asked += 1);
  try {
    const fresh = (await page("/console/say")).getElementById("say");
    if (mine !== asked || !fresh) return;
    Idiomorph.morph(box(), fresh.outerHTML, { morphStyle: "outerHTML" });
    drawn("say");
  } catch {
    // asked again with the next event
  }
}

async function post(url, fields) {
  let answer = null;
  try {
    answer = await send("POST", url, fields);
  } catch {
    // said below
  }
  if (!answer?.ok) toast(word("failed", { why: why(answer, word("noAnswer")) }), true);
  return Boolean(answer?.ok);
}

export async function say(prompt, isEnd) {
  if (!box() || box().hidden) return false;
  if (isEnd && !(sure.prompt === prompt && Date.now() < sure.until)) {
    sure = { prompt, until: Date.now() + SURE_MS };
    toast(word("sayAgain"));
    return true;
  }
  sure = { prompt: "", until: 0 };
  if (isEnd) await autosave.flushFirst();
  if (await post("/me/call/say", { prompt })) toast(word("isSaid"));
  return true;
}

async function silent(on) {
  if (await post("/me/call/silent", { on })) await refresh();
  document.querySelector("#say [data-say=P30], #say [data-silent]")?.focus();
}

export function start() {
  if (!box()) return;
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("#say [data-say], #say [data-silent]");
    if (!button) return;
    if (button.dataset.say) say(button.dataset.say, "ends" in button.dataset);
    else silent(button.dataset.silent);
  });
  for (const type of ["CallMoved", "CallerKeyed", "SilentSwitched", "AgentChanged", "resync", "connected"]) {
    document.addEventListener(`hotline:${type}`, refresh);
  }
}
