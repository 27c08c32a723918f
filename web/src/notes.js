// Notes on calls whose ticket cannot be reached, because we are down while the call goes on: kept in the browser by the
// call's own name until the person has put them into a ticket or thrown them away. Pure but for the storage it is given.
// A note: {call, text, at, number, ref, isMine}. `call`: Asterisk's name of it; `at`: ISO time of the ring; `number` as
// far as it was shown; `ref`: the call's ticket once we told; `isMine`: whether this person may write that ticket.

export class Notes {
  constructor(storage, key) {
    this.storage = storage;
    this.key = key;
  }

  all() {
    try {
      const found = JSON.parse(this.storage.getItem(this.key) ?? "[]");
      return Array.isArray(found) ? found.filter((note) => note?.call && typeof note.text === "string") : [];
    } catch {
      return [];
    }
  }

  get(call) {
    return this.all().find((note) => note.call === call);
  }

  // As typed. An empty text leaves nothing behind. False: the browser could not keep it.
  write(call, text, facts = {}) {
    const old = this.get(call);
    if (!text.trim()) return this.drop(call);
    return this.#put([...this.all().filter((note) => note.call !== call), { ...facts, ...old, call, text }]);
  }

  // What we say of the call's ticket. A note that was thrown away meanwhile stays so.
  belongs(call, ref, isMine) {
    return this.#put(this.all().map((note) => (note.call === call ? { ...note, ref, isMine } : note)));
  }

  drop(call) {
    return this.#put(this.all().filter((note) => note.call !== call));
  }

  #put(notes) {
    try {
      if (notes.length) this.storage.setItem(this.key, JSON.stringify(notes));
      else this.storage.removeItem(this.key);
      return true;
    } catch {
      return false;
    }
  }
}

// A field's text with a note after it, each in its own paragraph; a note that is there already is not put twice.
export function joined(text, note) {
  const added = note.trim();
  if (text.includes(added)) return text;
  return text.trim() ? `${text.trimEnd()}\n${added}` : added;
}

// Whether a ticket's calls (names with spaces between, as #panel has them) hold this one.
export function isAbout(calls, call) {
  return (calls ?? "").split(" ").includes(call);
}
