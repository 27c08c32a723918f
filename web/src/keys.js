// Keys, as the help lists them. No key both ends a call and saves a ticket.

// What a key press means; null: not ours. Pure. `isTyping`: the focus is where letters are text.
export function meaning({ code, key, altKey, ctrlKey, metaKey, shiftKey }, isTyping) {
  if (metaKey) return null;
  if (ctrlKey) return !altKey && key === "Enter" ? { do: "next" } : null;
  if (altKey) {
    if (shiftKey) return null;
    const digit = /^Digit([1-8])$/.exec(code);
    if (digit) return { do: "type", value: `CT0${digit[1]}` };
    const quick = { Digit9: "9", Digit0: "0", Minus: "-", Equal: "=", BracketLeft: "[" }[code];
    if (quick) return { do: "quick", value: quick };
    const place = { KeyS: "summary", KeyC: "category", KeyU: "urgency", KeyR: "reveal", KeyZ: "restore", KeyJ: "conference", KeyP: "pen", KeyB: "call-back", KeyN: "dial", KeyK: "silent", KeyW: "warn", KeyE: "end-abuse" }[code];
    return place ? { do: place } : null;
  }
  const phone = { F2: "answer", F3: "hold", F4: "mute", F6: "transfer", F8: "hang-up" }[key];
  if (phone) return { do: "phone", value: phone };
  if (key === "F7") return { do: "ask-help" };
  if (key === "F9") return { do: "ready" };
  if (key === "Escape") return { do: "close" };
  if (isTyping) return null;
  return { "/": { do: "search" }, "?": { do: "help" } }[key] ?? null;
}

function isTyping(element) {
  return Boolean(element?.matches?.("textarea, select, input:not([type=radio]):not([type=checkbox]), [contenteditable]"));
}

const click = (selector) => {
  const button = document.querySelector(selector);
  if (!button || button.disabled) return false;
  button.click();
  return true;
};

const focus = (selector) => {
  const element = document.querySelector(selector);
  element?.focus();
  return Boolean(element);
};

function choose(value) {
  const input = document.querySelector(`#panel:not([data-other-call]) #ticket-form input[name=contact_type][value="${value}"]`);
  if (!input || input.matches(":disabled")) return false;
  input.checked = true;
  input.focus();
  input.dispatchEvent(new Event("input", { bubbles: true }));
  return true;
}

function close() {
  const menus = [...document.querySelectorAll("details[data-menu][open]")];
  for (const menu of menus) {
    menu.open = false;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  }
  const keypad = document.getElementById("keypad");
  if (!menus.length && !click("#picker:not([hidden]) [data-picker-close]") && keypad && !keypad.hidden) {
    document.querySelector("[data-phone-do=keypad]").click();
  }
  return false;
}

const ACTIONS = {
  next: () => click("[data-next]"),
  type: choose,
  quick: (value) => click(`#panel:not([data-other-call]) [data-quick="${CSS.escape(value)}"]`),
  summary: () => focus("#call-note:not([hidden])[data-state=writing] textarea") || focus("#field-summary:not([readonly])") || focus("#addition") || focus("#field-summary"),
  category: () => focus("[data-category-find]"),
  urgency: () => focus("[data-field=urgency] input:checked") || focus("[data-field=urgency] input"),
  reveal: () => click("[data-reveal]:not([hidden])"),
  "call-back": () => click("[data-dial][data-due]"),
  dial: () => focus("#dial-to"),
  restore: () => click("[data-step=restore]"),
  conference: () => click("#talk [data-move=conference]"),
  silent: () => click("#say:not([hidden]) [data-silent]"),
  warn: () => click("#say:not([hidden]) [data-say=P40]"),
  "end-abuse": () => click("#say:not([hidden]) [data-say=P41]"),
  pen: () => click("#panel:not([data-other-call]) [data-pen]"),
  "ask-help": () => click("[data-key=F7]") || click("#help-asked:not([hidden]) [data-supervise]"),
  ready: () => click("[data-key=F9]"),
  search: () => focus("[data-search-box]") || focus("[data-category-find]"),
  help: () => document.getElementById("keys")?.showModal() ?? true,
  close,
};

export function start(phone) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.repeat) return;
    const meant = meaning(event, isTyping(event.target));
    if (!meant) return;
    if (meant.do === "phone") {
      event.preventDefault();
      phone(meant.value);
    } else if (ACTIONS[meant.do](meant.value) !== false) {
      event.preventDefault();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-keys]")) document.getElementById("keys").showModal();
  });
}
