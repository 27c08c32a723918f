// Help on a live call. The agent asks by F7; a supervisor sees and hears it, and takes part from here: the dialog says how
// and why, #help says what is so now. Only Asterisk's own word changes what is shown.
import { Idiomorph } from "idiomorph";
import { drawn, page, send, why } from "./net.js";
import * as ring from "./ring.js";
import * as softphone from "./softphone.js";
import { tick } from "./tick.js";
import { toast, word } from "./words.js";

const LOOK_AGAIN_MS = 2500;
let again;

const dialog = () => document.getElementById("supervise");

async function refresh() {
  const now = document.getElementById("help");
  if (!now) return;
  clearTimeout(again);
  try {
    const fresh = (await page("/console/help")).getElementById("help");
    const isFocused = now.contains(document.activeElement) ? document.activeElement : null;
    Idiomorph.morph(now, fresh.outerHTML, { morphStyle: "outerHTML" });
    drawn("help");
    if (isFocused && !isFocused.isConnected) document.querySelector("#help button:not(:disabled)")?.focus();
    tick();
  } catch {
    // looked at again below
  }
  const { mode, pending } = document.getElementById("help")?.dataset ?? {};
  // What nobody confirms is given up by the server after some seconds.
  if (pending || mode === "") again = setTimeout(refresh, LOOK_AGAIN_MS);
}

async function ask(url, fields = {}) {
  let answer = null;
  try {
    answer = await send("POST", url, fields);
  } catch {
    // said below
  }
  if (!answer?.ok) toast(word("failed", { why: why(answer, word("noAnswer")) }), true);
  refresh();
  return Boolean(answer?.ok);
}

function open(button) {
  const box = dialog();
  if (!box || box.open) return;
  box.dataset.agent = button.dataset.supervise;
  box.querySelector("[data-agent-name]").textContent = button.dataset.name;
  box.querySelector("[data-needs-phone]").hidden = Boolean(document.getElementById("softphone"));
  if (button.dataset.reason) box.querySelector(`[name=reason][value="${CSS.escape(button.dataset.reason)}"]`).checked = true;
  box.showModal();
  box.querySelector("[name=mode]").focus();
}

// The phone is in this page or in another tab's: here it is connected first, there it must be already.
async function begin(mode) {
  const box = dialog();
  const { agent } = box.dataset;
  const reason = box.querySelector("[name=reason]:checked")?.value ?? "";
  box.close();
  try {
    if (document.getElementById("softphone")) await softphone.ensure();
  } catch (error) {
    toast(error.message, true);
    return;
  }
  await ask(`/agents/${encodeURIComponent(agent)}/supervision`, { mode, reason });
}

function clicked(event) {
  const button = event.target.closest("[data-supervise], #help button");
  if (!button || button.disabled) return;
  const { supervise, help, mode } = button.dataset;
  if (supervise) open(button);
  else if (help) ask(help === "ask" ? "/me/call/help" : "/me/call/help/end");
  else if (mode) ask("/me/supervision", { mode });
  else if ("takeOver" in button.dataset) ask("/me/supervision/take-over");
  else if ("leave" in button.dataset) ask("/me/supervision/leave");
}

export function start() {
  document.addEventListener("click", clicked);
  dialog()?.querySelector("#supervise-form").addEventListener("submit", (event) => {
    event.preventDefault();
    begin(event.submitter?.value ?? "listen");
  });
  for (const type of ["HelpEnded", "SupervisionChanged", "AgentChanged", "resync"]) {
    document.addEventListener(`hotline:${type}`, refresh);
  }
  document.addEventListener("hotline:HelpAsked", () => {
    if (dialog()) ring.once();
    refresh();
  });
}
