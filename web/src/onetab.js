// Something that one of a browser's tabs has at a time, by a Web Lock. Another tab may ask for it: who is busy keeps it, and
// from one that does not answer it is taken by force. Without locks (a page that is not secure) every tab has it.
const ANSWER_MS = 1500;

export class OneTab {
  #name;
  #isBusy;
  #onGone;
  #channel = null;
  #release = null;

  // `isBusy`: whether it may not go now; `onGone`: it is another tab's from now on.
  constructor(name, { isBusy, onGone }) {
    this.#name = name;
    this.#isBusy = isBusy;
    this.#onGone = onGone;
    if (!globalThis.BroadcastChannel) return;
    this.#channel = new BroadcastChannel(name);
    this.#channel.addEventListener("message", ({ data }) => data === "release" && this.#asked());
  }

  // Whether it is this tab's: takes it if nobody has it.
  async own() {
    if (!navigator.locks || this.#release) return true;
    return this.#take({ ifAvailable: true });
  }

  // False: the tab that has it is busy.
  async takeOver() {
    const answer = await this.#ask();
    if (answer === "busy") return false;
    await this.#take(answer === "silent" ? { steal: true } : {});
    return true;
  }

  #take(options) {
    return new Promise((got) => {
      const held = navigator.locks.request(this.#name, options, (lock) => {
        got(Boolean(lock));
        return lock ? new Promise((done) => (this.#release = done)) : undefined;
      });
      // the lock was stolen
      held.catch(() => {
        this.#release = null;
        this.#onGone();
      });
    });
  }

  #ask() {
    return new Promise((done) => {
      const timer = setTimeout(() => done("silent"), ANSWER_MS);
      const listen = ({ data }) => {
        if (data !== "busy" && data !== "released") return;
        clearTimeout(timer);
        this.#channel.removeEventListener("message", listen);
        done(data);
      };
      this.#channel.addEventListener("message", listen);
      this.#channel.postMessage("release");
    });
  }

  #asked() {
    if (!this.#release) return;
    if (this.#isBusy()) {
      this.#channel.postMessage("busy");
      return;
    }
    this.#onGone();
    this.#release();
    this.#release = null;
    this.#channel.postMessage("released");
  }
}
