// As much of a page as a module needs to run without a browser: elements whose parts are named by the selectors that find
// them, a store, a server that answers as the test says. Importing it sets the globals.
export class Element extends EventTarget {
  constructor(parts = {}, data = {}) {
    super();
    Object.assign(this, { parts, dataset: { ...data }, children: [], hidden: false, disabled: false, value: "", textContent: "" });
    this.attributes = {};
    this.classList = { toggle() {} };
  }
  querySelectorAll(selector) {
    const found = this.parts[selector] ?? [];
    return Array.isArray(found) ? found : [found];
  }
  querySelector(selector) {
    return this.querySelectorAll(selector)[0] ?? null;
  }
  getElementById(id) {
    return this.querySelector(`#${id}`);
  }
  createElement() {
    return new Element();
  }
  closest(selector) {
    return (this.is ?? []).includes(selector) ? this : null;
  }
  append(...added) {
    this.children.push(...added);
  }
  replaceChildren(...fresh) {
    this.children = fresh;
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  getAttribute(name) {
    return this.attributes[name] ?? null;
  }
  removeAttribute(name) {
    delete this.attributes[name];
  }
  contains() {
    return false;
  }
  toggleAttribute() {}
  scrollIntoView() {}
  focus() {}
  remove() {}
}

class Storage {
  getItem(key) {
    return this[key] ?? null;
  }
  setItem(key, value) {
    this[key] = value;
  }
  removeItem(key) {
    delete this[key];
  }
}

export const sent = []; // [method, url, fields] of each request, in order
export const toasts = new Element();
let answer = () => ({ status: 204 });

// What the server says to a request: {status, body}, or a promise of it.
export function answers(how) {
  answer = how;
}

async function fetchFrom(url, { method = "GET", body } = {}) {
  const fields = Object.fromEntries(body ?? []);
  sent.push([method, url, fields]);
  const { status, body: said } = await answer(method, url, fields);
  return {
    status, ok: status < 400, headers: new Map([["content-type", said ? "application/json" : "text/html"]]),
    json: async () => said, text: async () => "",
  };
}

// What the page's script heard: `target` is where it happened, `at` what listens.
export function happens(at, type, target, more = {}) {
  const event = Object.assign(new Event(type), more);
  Object.defineProperty(event, "target", { value: target });
  at.dispatchEvent(event);
}

export function tells(type, detail = {}) {
  document.dispatchEvent(new CustomEvent(`hotline:${type}`, { detail }));
}

const HASTE = 50; // so many times faster than a clock goes the page's time
const { setTimeout: later, setInterval: often } = globalThis;
export const passes = (ms) => new Promise((done) => later(done, ms / HASTE));

Object.assign(globalThis, {
  document: new Element({ "#toasts": toasts }), localStorage: new Storage(), fetch: fetchFrom, addEventListener() {},
  CSS: { escape: (text) => text }, DOMParser: class { parseFromString = () => new Element(); },
  setTimeout: (act, ms, ...rest) => later(act, ms / HASTE, ...rest).unref(),
  setInterval: (act, ms) => often(act, ms / HASTE).unref(),
});
Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
document.body = new Element({}, { user: "agent1", page: "console" });
document.documentElement = new Element();
