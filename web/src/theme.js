// Light or dark, before the first paint: the person's choice, else the system's. Loaded as a classic script in the head.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("hotline-theme");
    } catch {
      return null;
    }
  };
  const apply = () => root.setAttribute("data-bs-theme", chosen() || (system.matches ? "dark" : "light"));
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("hotline-theme", next);
    } catch {
      // private windows may refuse; the switch still works for this page
    }
    root.setAttribute("data-bs-theme", next);
  });
})();
