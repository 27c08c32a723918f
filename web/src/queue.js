// What was typed and is not yet on the server. Pure but for the storage it is given; used by autosave.js.
// An entry: {ref, field, value, base, sent, tried, theirs, refused, shown}. `base`: the field's version that the text was written
// on; `sent`: the text that is under way; `tried`: texts that were sent and of which nothing was heard, so the server may
// have them; `theirs`: {value, version} when somebody else was faster; `refused`: why not;
// `shown`: {field, value} of a choice in the person's words, when its form is gone.

const TRIED = 8;

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

  // How a choice reads to the person.
  name(entry, shown) {
    entry.shown = shown;
    this.#keep();
  }

  // Texts that may be sent now: not under way, no conflict to decide, not refused as they stand.
  due() {
    return this.all().filter((entry) => entry.sent === null && !entry.theirs && !entry.refused);
  }

  sending(entry) {
    entry.sent = entry.value;
    this.#try(entry);
  }

  // Sent with the page's last breath: nobody will hear the answer.
  leaving(entry) {
    this.#try(entry);
  }

  #try(entry) {
    if (entry.tried?.at(-1) === entry.value) return;
    entry.tried = [...(entry.tried ?? []), entry.value].slice(-TRIED);
    this.#keep();
  }

  // The server has it. True when nothing newer was typed meanwhile.
  saved(entry, version) {
    const isWhole = entry.value === entry.sent;
    entry.sent = null;
    entry.base = version;
    entry.tried = [];
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

  // What was refused may be taken now: it goes once more.
  again(entry) {
    entry.refused = null;
    this.#keep();
  }

  // The server has another text than the one this was written on. "same": it is this one; "ours": an earlier one of
  // ours, whose answer was lost, so that this one may follow it; "theirs": somebody else's, for the person to decide.
  conflict(entry, theirs, version) {
    entry.sent = null;
    entry.refused = null;
    const isOurs = (entry.tried ?? []).includes(theirs);
    if (theirs === entry.value) {
      this.entries.delete(name(entry.ref, entry.field));
    } else if (isOurs) {
      entry.base = version;
      entry.tried = [];
    } else {
      entry.theirs = { value: theirs, version };
    }
    this.#keep();
    return theirs === entry.value ? "same" : isOurs ? "ours" : "theirs";
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

  // Takes over what another page left. Returns the texts for which there is no room, because this page has its own.
  adopt(entries) {
    const over = [];
    for (const entry of entries) {
      const mine = this.get(entry.ref, entry.field);
      if (!mine) this.entries.set(name(entry.ref, entry.field), { ...entry, sent: null });
      else if (mine.value !== entry.value) over.push(entry);
    }
    this.#keep();
    return over;
  }

  drop(entry) {
    this.entries.delete(name(entry.ref, entry.field));
    this.#keep();
  }

  #keep() {
    const kept = this.all().map(({ sent, ...entry }) => entry);
    try {
      if (kept.length) this.storage.setItem(this.key, JSON.stringify(kept));
      else this.storage.removeItem(this.key);
    } catch {
      // storage full or refused: the text is still in the page and on its way
    }
  }
}

// Pure. Whether what the server refused was written on an older version than the field has now.
export function isOutdated({ refused, base }, version) {
  return Boolean(refused) && base < version;
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
