// The page's start: htmx with our rules, then one module a concern.
import htmx from "htmx.org";
import "idiomorph/htmx";
import * as autosave from "./autosave.js";
import * as agentConsole from "./console.js";
import * as dial from "./dial.js";
import * as devices from "./devices.js";
import * as fields from "./fields.js";
import * as health from "./health.js";
import * as keep from "./keep.js";
import * as keys from "./keys.js";
import * as live from "./live.js";
import { renew, TIMEOUT_MS, why } from "./net.js";
import * as operations from "./operations.js";
import * as pen from "./pen.js";
import * as player from "./player.js";
import * as outside from "./outside.js";
import * as phonetest from "./phonetest.js";
import * as recorder from "./recorder.js";
import * as refocus from "./refocus.js";
import * as say from "./say.js";
import * as signIn from "./signin.js";
import * as softphone from "./softphone.js";
import * as supervise from "./supervise.js";
import * as talk from "./talk.js";
import * as tick from "./tick.js";
import * as typing from "./typing.js";
import { toast, word } from "./words.js";

const COME_BACK_MS = 3000;

function problem(xhr) {
  try {
    return { body: JSON.parse(xhr.responseText) };
  } catch {
    return null;
  }
}

function errors() {
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!/json/.test(detail.xhr.getResponseHeader("content-type") ?? "")) return;
    detail.shouldSwap = false;
    if (detail.xhr.status === 422) toast(word("failed", { why: why(problem(detail.xhr), "422") }), true);
  });
  document.addEventListener("htmx:responseError", ({ detail }) => {
    const { status } = detail.xhr;
    if (status === 401) document.dispatchEvent(new CustomEvent("hotline:signed-out"));
    toast(status === 401 ? word("signedOut") : word("failed", { why: why(problem(detail.xhr), String(status)) }), true);
    if (status === 409) agentConsole.refresh();
    if (problem(detail.xhr)?.body.code === "csrf") renew();
  });
  for (const type of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(type, () => toast(word("failed", { why: word("noAnswer") }), true));
  }
}

// Ready needs a phone that can ring: microphone and registration first, then the server is asked.
function ready() {
  document.addEventListener("htmx:confirm", (event) => {
    const form = event.detail.elt;
    if (!form.matches?.("[data-ready]") || !document.getElementById("softphone")) return;
    event.preventDefault();
    const isFit = softphone.ensure().then(() => phonetest.before());
    isFit.then(() => event.detail.issueRequest(true), (error) => toast(error.message, true));
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful && detail.elt.matches?.("[data-log-off]")) softphone.stop();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-sign-out]");
    if (!form || "settled" in form.dataset) return;
    event.preventDefault();
    autosave.flush().finally(() => {
      form.dataset.settled = "";
      form.requestSubmit();
    });
  });
}

// The console's tab must stay: the phone lives in it. Other pages open in a tab of their own, each always the same.
function tabs() {
  const page = document.body.dataset.page;
  const own = { console: "hotline-console", board: "hotline-board", tickets: "hotline-tickets", calls: "hotline-calls", operations: "hotline-operations", prompts: "hotline-prompts" }[page];
  if (own) window.name = own;
  for (const link of document.querySelectorAll("[data-nav] a")) {
    if (link.dataset.window === own) link.setAttribute("aria-current", "page");
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-window]");
    if (link && (page === "console" || link.dataset.window === "hotline-console")) link.target = link.dataset.window;
  });
}

// A page that we could not give comes by itself when we can; asked for here, so that the person sees no flicker.
function comeBack() {
  if (!document.querySelector("[data-come-back]")) return;
  setInterval(async () => {
    try {
      if ((await fetch(location.href, { signal: AbortSignal.timeout(TIMEOUT_MS) })).status < 500) location.reload();
    } catch {
      // still away
    }
  }, COME_BACK_MS);
}

htmx.config.defaultSettleDelay = 0;
htmx.config.timeout = TIMEOUT_MS;
errors();
tabs();
tick.start();
typing.start();
fields.start();
player.start();
recorder.start();
comeBack();
signIn.start();
keep.start().then(autosave.start).finally(() => {
  agentConsole.start();
  pen.start();
  ready();
  softphone.start();
  talk.start();
  say.start();
  refocus.start();
  dial.start();
  health.start();
  devices.start();
  phonetest.start();
  outside.start();
  live.start();
  operations.start();
  supervise.start();
  keys.start(talk.act);
  document.documentElement.dataset.started = "";
});
