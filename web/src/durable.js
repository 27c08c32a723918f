// What must outlive the browser itself. localStorage is exact while the browser lives, in all its tabs and at once, but
// reaches the disk when the browser sees fit, up to a minute late. So each write also goes to IndexedDB, whose strict
// durability means on the disk, and what is newer there comes back at the next start. Each value has a stamp beside it
// (Unix ms); a removal is a null with one.
const NAME = "hotline";
const STORE = "kept";
const STAMP = "hotline-stamp/";
const OPEN_MS = 1000;
const FORGET_MS = 86400000;

const settled = (request) => new Promise((done, fail) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => fail(request.error);
});

function open(factory) {
  const request = factory.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
  const late = new Promise((_, fail) => setTimeout(fail, OPEN_MS, new Error("no answer from IndexedDB")));
  return Promise.race([settled(request), late]);
}

// Storage's four methods, by which keys are read and written; `flushed` resolves once the disk has all of it.
export class Durable {
  #local;
  #database = null;
  #waiting = new Map();
  #writing = null;

  constructor(local) {
    this.#local = local;
  }

  // Without IndexedDB (a private window, a full disk) it is localStorage alone.
  static async open(local, factory) {
    const made = new Durable(local);
    try {
      made.#database = await open(factory);
      await made.#bringBack();
    } catch (error) {
      console.info("kept in localStorage alone:", error?.message);
    }
    return made;
  }

  getItem(key) {
    return this.#local.getItem(key);
  }

  keys() {
    return Object.keys(this.#local);
  }

  setItem(key, value) {
    this.#write(key, value);
  }

  removeItem(key) {
    if (this.getItem(key) !== null) this.#write(key, null);
  }

  flushed() {
    return this.#writing ?? Promise.resolve();
  }

  #write(key, value) {
    const at = Date.now();
    this.#waiting.set(key, { key, value, at });
    this.#writing ??= this.#drain();
    this.#put(key, value, at); // throws when there is no room
  }

  #put(key, value, at) {
    if (value === null) this.#local.removeItem(key);
    else this.#local.setItem(key, value);
    this.#local.setItem(STAMP + key, String(at));
  }

  // One transaction at a time, each with the newest of every key: fast typing costs no more than the disk can take.
  async #drain() {
    await null;
    try {
      while (this.#database && this.#waiting.size) {
        const items = [...this.#waiting.values()];
        this.#waiting.clear();
        const transaction = this.#database.transaction(STORE, "readwrite", { durability: "strict" });
        const done = new Promise((resolve, reject) => {
          transaction.oncomplete = resolve;
          transaction.onabort = () => reject(transaction.error);
        });
        const store = transaction.objectStore(STORE);
        for (const item of items) store.put(item);
        await done;
      }
    } catch {
      // the disk is full or the database was closed under us: localStorage has it
    } finally {
      this.#waiting.clear();
      this.#writing = null;
    }
  }

  async #bringBack() {
    const store = this.#database.transaction(STORE, "readwrite").objectStore(STORE);
    for (const { key, value, at } of await settled(store.getAll())) {
      if (at > Number(this.#local.getItem(STAMP + key) ?? 0)) this.#put(key, value, at);
      if (this.#local.getItem(key) === null && at < Date.now() - FORGET_MS) {
        store.delete(key);
        this.#local.removeItem(STAMP + key);
      }
    }
  }
}

let only = null;

// The page's own, the same for all who ask.
export function durable() {
  only ??= Durable.open(localStorage, globalThis.indexedDB);
  return only;
}
