// "Call me on this number instead": a broken headset closes no place. The server says on #phone (data-outside) where calls
// ring; this page then is no phone, shows where they ring, and goes on with everything that the server does for a call.
import { send, why } from "./net.js";
import * as softphone from "./softphone.js";
import { toast, word } from "./words.js";

let box;
let was = "";

const phone = () => document.getElementById("phone");
const number = () => phone()?.dataset.outside ?? "";

function follow() {
  const here = document.getElementById("softphone");
  const now = number();
  for (const place of document.querySelectorAll("[data-outside-number]")) {
    if (place.textContent !== now) place.textContent = now; // each change is looked at again
  }
  box.toggleAttribute("data-is-outside", Boolean(now));
  if (now) {
    if (here.dataset.phone !== "outside") softphone.rest();
    // Who is on the call and its movements are the server's, and are shown as for a phone of this page.
    here.dataset.call = phone().dataset.state === "on_call" ? "talking" : "none";
  } else if (was) {
    here.dataset.call = "none";
    if (phone()?.dataset.state !== "offline") softphone.ensure().catch((error) => toast(error.message, true));
    else softphone.stop();
  }
  was = now;
}

async function ask(url, fields) {
  let answer = null;
  try {
    answer = await send("POST", url, fields);
  } catch {
    // no network: said below
  }
  if (!answer?.ok) toast(word("failed", { why: why(answer, word("noAnswer")) }), true);
  return Boolean(answer?.ok);
}

export function start() {
  box = document.getElementById("headset");
  if (!box || !phone()) return;
  const form = box.querySelector("[data-outside-form]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = form.querySelector("[name=number]");
    if (softphone.callState() !== "none") toast(word("busyHere"), true);
    else if (await ask("/me/phone/number", { number: field.value })) field.value = "";
  });
  for (const button of document.querySelectorAll("[data-outside-back]")) {
    button.addEventListener("click", () => ask("/me/phone/browser"));
  }
  new MutationObserver(follow).observe(document.querySelector(".col-phone"), {
    subtree: true, childList: true, attributeFilter: ["data-outside", "data-state"],
  });
  follow();
}
