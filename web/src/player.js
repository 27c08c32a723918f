// A mark in a recording: listening begins there.
export function start() {
  document.addEventListener("click", ({ target }) => {
    const mark = target.closest("[data-seek]");
    const audio = mark?.closest(".recording")?.querySelector("audio");
    if (!audio) return;
    audio.currentTime = Number(mark.dataset.seek);
    audio.play().catch(() => {});
  });
}
