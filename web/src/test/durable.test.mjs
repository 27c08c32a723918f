// What was written is in both places; what only one of them has comes back, the newer wins.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Durable } from "../durable.js";

class Local {
  getItem(key) {
    return key in this ? this[key] : null;
  }
  setItem(key, value) {
    this[key] = value;
  }
  removeItem(key) {
    delete this[key];
  }
}

// As much of IndexedDB as is asked of it: one store that outlives its connections.
class Factory {
  rows = new Map();
  durabilities = new Set();
  open() {
    const later = (result) => {
      const request = {};
      queueMicrotask(() => {
        request.result = result();
        request.onsuccess?.();
      });
      return request;
    };
    const store = {
      put: (item) => this.rows.set(item.key, structuredClone(item)),
      delete: (key) => this.rows.delete(key),
      getAll: () => later(() => [...this.rows.values()]),
    };
    const transaction = (_name, mode, options) => {
      if (options?.durability) this.durabilities.add(options.durability);
      const made = { objectStore: () => store };
      queueMicrotask(() => queueMicrotask(() => made.oncomplete?.()));
      return made;
    };
    return later(() => ({ transaction }));
  }
}

test("what the browser had not yet brought to the disk comes back from the database", async () => {
  const factory = new Factory();
  const first = await Durable.open(new Local(), factory);
  first.setItem("hotline-unsent/a/1", "打人");
  await first.flushed();
  assert.deepEqual([...factory.durabilities], ["strict"]);
  const second = await Durable.open(new Local(), factory);
  assert.equal(second.getItem("hotline-unsent/a/1"), "打人");
  assert.ok(second.keys().includes("hotline-unsent/a/1"));
});

test("what was removed does not come back from a disk that had not heard of it", async () => {
  const factory = new Factory();
  const local = new Local();
  const first = await Durable.open(local, factory);
  first.setItem("k", "old");
  const onDisk = Object.assign(new Local(), local);
  await new Promise((done) => setTimeout(done, 2));
  first.removeItem("k");
  await first.flushed();
  const second = await Durable.open(onDisk, factory);
  assert.equal(second.getItem("k"), null);
});

test("a page that went before the database had its last word keeps what localStorage has", async () => {
  const factory = new Factory();
  const local = new Local();
  const first = await Durable.open(local, factory);
  first.setItem("k", "one");
  await first.flushed();
  local.setItem("k", "two");
  local.setItem("hotline-stamp/k", String(Date.now() + 5));
  const second = await Durable.open(local, factory);
  assert.equal(second.getItem("k"), "two");
});

test("without a database it is localStorage", async () => {
  const local = new Local();
  const kept = await Durable.open(local, { open: () => { throw new Error("denied"); } });
  kept.setItem("k", "v");
  await kept.flushed();
  assert.equal(local.getItem("k"), "v");
});
