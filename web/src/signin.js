// A session that ended while the page was open: the same person signs in again here, and call and text stay as they are.
import { renew, send, why } from "./net.js";
import { word } from "./words.js";

let box;
let before = null;

export function isOpen() {
  return Boolean(box?.open);
}

function open() {
  if (!box || box.open) return;
  before = document.activeElement;
  say("");
  box.show();
  box.querySelector("[name=password]").focus();
}

function close() {
  box.querySelector("[name=password]").value = "";
  box.close();
  if (before?.isConnected) before.focus();
}

function say(text) {
  const line = box.querySelector("[role=alert]");
  line.querySelector("span").textContent = text;
  line.hidden = !text;
}

async function signIn(event) {
  event.preventDefault();
  const button = box.querySelector("button.btn-primary");
  button.disabled = true;
  say("");
  try {
    const { name, password } = Object.fromEntries(new FormData(event.target));
    const answer = await send("POST", "/sign-in", { name, password });
    if (!answer.ok) say(why(answer, word("failed", { why: answer.status })));
    else if (!(await renew())) say(word("noAnswer"));
    else {
      close();
      document.dispatchEvent(new CustomEvent("hotline:signed-in"));
    }
  } catch {
    say(word("noAnswer"));
  } finally {
    button.disabled = false;
  }
}

export function start() {
  box = document.getElementById("sign-in-here");
  if (!box) return;
  box.querySelector("form").addEventListener("submit", signIn);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    close();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-sign-in]")) open();
    else if (event.target.closest("[data-sign-in-later]")) close();
  });
  document.addEventListener("hotline:signed-in", () => box.open && close());
}
