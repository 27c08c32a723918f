// The problem category: what is chosen, and finding one by typing. Menus close when one leaves them.

function chosen(box) {
  const input = box.querySelector("input[name=category]:checked");
  const line = box.querySelector("[data-chosen]");
  line.replaceChildren();
  if (!input) return;
  const code = document.createElement("code");
  code.textContent = input.value;
  line.append(code, ` ${input.nextElementSibling.textContent}`);
  const group = box.querySelector(`input[name=category_group][value="${input.value.slice(0, 3)}"]`);
  if (group) group.checked = true;
}

// Every word must be found in the code, the label or its group.
export function matches(search, typed) {
  return typed.toLowerCase().split(/\s+/).filter(Boolean).every((part) => search.includes(part));
}

function find(box, typed) {
  const isFinding = typed.trim() !== "";
  box.toggleAttribute("data-finding", isFinding);
  let count = 0;
  for (const face of box.querySelectorAll("[data-search]")) {
    face.hidden = isFinding && !matches(face.dataset.search, typed);
    if (!face.hidden) count += 1;
  }
  box.querySelector("[data-category-none]").hidden = !isFinding || count > 0;
}

function choose(box) {
  const face = [...box.querySelectorAll("[data-search]")].find((one) => !one.hidden);
  const input = face?.querySelector("input");
  if (!input) return;
  input.checked = true;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function clear(box) {
  const input = box.querySelector("[data-category-find]");
  if (input) input.value = "";
  find(box, "");
}

export function start() {
  document.addEventListener("input", (event) => {
    const box = event.target.closest("[data-category]");
    if (!box) return;
    if ("categoryFind" in event.target.dataset) find(box, event.target.value);
    else if (event.target.name === "category") {
      chosen(box);
      clear(box);
    }
  });
  document.addEventListener("hotline:value-set", ({ target }) => target.matches("[data-category]") && chosen(target));
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.("[data-category]");
    if (!box || !("categoryFind" in event.target.dataset) || event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      if (event.target.value.trim()) choose(box);
    } else if (event.key === "Escape" && event.target.value) {
      event.stopPropagation();
      clear(box);
    }
  });
  // Enter in a form of our kind never sends it: steps have their own keys.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.ctrlKey && event.target.matches?.("[data-ticket-form] input")) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target) || event.target.closest(".menu-item")) menu.open = false;
    }
  });
}
