// Requests of our own modules: form-encoded, with the CSRF token, errors as problem documents.

const TIMEOUT_MS = 10000;

export async function send(method, url, fields = {}, { keepalive = false } = {}) {
  const headers = { "X-CSRF-Token": document.querySelector("meta[name=csrf]")?.content ?? "", Accept: "application/json" };
  const response = await fetch(url, {
    method, headers, keepalive,
    body: method === "GET" ? undefined : new URLSearchParams(fields),
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, ok: response.ok, body: isJson ? await response.json() : null };
}

export async function page(url) {
  const response = await fetch(url, { headers: { "HX-Request": "true" }, redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

export function why(answer, fallback) {
  return answer?.body?.detail || answer?.body?.title || fallback;
}
