// What was typed and is not yet on the server. Pure but for the storage it is given; used by autosave.js.
// An entry: {ref, field, value, base, sent, theirs, refused}. `base`: the field's version that the text was written on;
// `sent`: the text that is under way; `theirs`: {value, version} when somebody else was faster; `refused`: why not.

export class Queue {
  constructor(storage, key) {
    this.storage = storage;
    this.key = key;
    this.entries = new Map(read(storage, key).map((entry) => [name(entry.ref, entry.field), { ...entry, sent: null }]));
  }

  get(ref, field) {
    return this.entries.get(name(ref, field));
  }

  all() {
    return [...this.entries.values()];
  }

  // Typed: the newest text counts; the version it began on stays, so that a change by somebody else is noticed.
  note(ref, field, value, version) {
    const old = this.get(ref, field);
    const entry = old ?? { ref, field, base: version, sent: null };
    entry.value = value;
    entry.refused = null;
    this.entries.set(name(ref, field), entry);
    this.#keep();
    return entry;
  }

  // Texts that may be sent now: not under way, no conflict to decide, not refused as they stand.
  due() {
    return this.all().filter((entry) => entry.sent === null && !entry.theirs && !entry.refused);
  }

  sending(entry) {
    entry.sent = entry.value;
  }

  // The server has it. True when nothing newer was typed meanwhile.
  saved(entry, version) {
    const isWhole = entry.value === entry.sent;
    entry.sent = null;
    entry.base = version;
    if (isWhole) this.entries.delete(name(entry.ref, entry.field));
    this.#keep();
    return isWhole;
  }

  // The server did not answer: stays, to be sent again.
  failed(entry) {
    entry.sent = null;
  }

  refused(entry, why) {
    entry.sent = null;
    entry.refused = why;
    this.#keep();
  }

  conflict(entry, theirs, version) {
    entry.sent = null;
    if (theirs === entry.value) {
      this.entries.delete(name(entry.ref, entry.field));
    } else {
      entry.theirs = { value: theirs, version };
    }
    this.#keep();
    return Boolean(entry.theirs);
  }

  // The person chose: their own text goes over the other one, or gives way to it.
  resolve(entry, keepMine) {
    if (keepMine) {
      entry.base = entry.theirs.version;
      entry.theirs = null;
    } else {
      this.entries.delete(name(entry.ref, entry.field));
    }
    this.#keep();
  }

  adopt(entries) {
    for (const entry of entries) {
      if (!this.get(entry.ref, entry.field)) this.entries.set(name(entry.ref, entry.field), { ...entry, sent: null });
    }
    this.#keep();
  }

  #keep() {
    const kept = this.all().map(({ ref, field, value, base, theirs, refused }) => ({ ref, field, value, base, theirs, refused }));
    try {
      if (kept.length) this.storage.setItem(this.key, JSON.stringify(kept));
      else this.storage.removeItem(this.key);
    } catch {
      // storage full or refused: the text is still in the page and on its way
    }
  }
}

function name(ref, field) {
  return `${ref}/${field}`;
}

export function read(storage, key) {
  try {
    const entries = JSON.parse(storage.getItem(key) ?? "[]");
    return Array.isArray(entries) ? entries.filter((entry) => entry && entry.ref && entry.field && typeof entry.value === "string") : [];
  } catch {
    return [];
  }
}
