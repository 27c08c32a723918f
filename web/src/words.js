// The sentences that JavaScript says, translated by the server (template#words), and short notes to the person.

export function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function word(name, values) {
  const text = document.getElementById("words")?.dataset[name] ?? name;
  return fill(text, values);
}

// The time of day as the hotline's people have it, wherever the browser thinks it is.
export function clock(date, timeZone = document.body.dataset.zone) {
  return date.toLocaleTimeString("en-GB", { timeZone: timeZone || undefined, hourCycle: "h23" });
}

export function toast(text, bad = false) {
  const line = document.createElement("p");
  line.className = bad ? "toast-line toast-bad" : "toast-line";
  line.textContent = text;
  document.getElementById("toasts")?.append(line);
  setTimeout(() => line.remove(), bad ? 12000 : 5000);
}

// As web/board.py masks: enough to tell callers apart, too little to call them. Numbers of a town's own hide wholly.
export function mask(number) {
  const digits = number.replace(/\D/g, "");
  if (!digits) return number;
  return digits.length > 9 ? `${digits.slice(0, 3)}****${digits.slice(-4)}` : "****";
}
