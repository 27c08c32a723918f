// The phone's keypad: buttons, and while it is open the keyboard's own digits, wherever nothing is being written.

let box;
let press;

const pad = () => box.querySelector("#keypad");
const opener = () => box.querySelector("[data-phone-do=keypad]");

export function show(isShown) {
  if (!isShown && pad().contains(document.activeElement)) opener().focus();
  pad().hidden = !isShown;
  opener().setAttribute("aria-expanded", String(isShown));
}

export function toggle() {
  show(pad().hidden);
  if (!pad().hidden) pad().querySelector("[data-digit]").focus();
}

function typed(event) {
  if (pad().hidden || event.altKey || event.ctrlKey || event.metaKey || !/^[\d*#]$/.test(event.key)) return;
  event.preventDefault();
  press(event.key);
}

// `act`: what a digit does. `phone`: the element that has the keypad and its opener.
export function start(phone, act) {
  box = phone;
  press = act;
  box.addEventListener("keydown", typed);
  box.addEventListener("click", ({ target }) => {
    const { digit } = target.closest("[data-digit]")?.dataset ?? {};
    if (digit) press(digit);
  });
}
