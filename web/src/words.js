// The sentences that JavaScript says, translated by the server (template#words), and short notes to the person.

export function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function word(name, values) {
  const text = document.getElementById("words")?.dataset[name] ?? name;
  return fill(text, values);
}

export function clock(date) {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}

export function toast(text, bad = false) {
  const line = document.createElement("p");
  line.className = bad ? "toast-line toast-bad" : "toast-line";
  line.textContent = text;
  document.getElementById("toasts")?.append(line);
  setTimeout(() => line.remove(), bad ? 12000 : 5000);
}
