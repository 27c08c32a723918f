// The focus is never lost: a button of the phone column that goes away under somebody's fingers (the call began, ended, was
// given on; a movement is under way) leaves it with the phone, so that the next Tab goes on from there. Presses nothing.

let was = null; // what of the phone column has, or had, the focus

const isThere = (element) => element.isConnected && !element.disabled && element.getClientRects().length > 0;

function check() {
  const now = document.activeElement;
  if (!was || (now !== document.body && now !== was) || isThere(was)) return;
  was = null;
  document.getElementById("softphone").focus({ preventScroll: true });
}

export function start() {
  const column = document.querySelector(".col-phone");
  if (!column) return;
  document.addEventListener("focusin", ({ target }) => (was = column.contains(target) ? target : null));
  // A press beside everything lets go of the focus on purpose.
  document.addEventListener("pointerdown", () => (was = null), { capture: true });
  const seen = { subtree: true, childList: true, attributeFilter: ["hidden", "disabled", "data-call", "data-talk", "data-phone", "data-asked"] };
  new MutationObserver(check).observe(column, seen);
}
