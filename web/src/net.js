// Requests of our own modules: form-encoded, with the CSRF token, errors as problem documents.

export const TIMEOUT_MS = 10000;

// The same person may have signed in again in another tab: this page, with its call and its text, goes on under that session.
export async function send(method, url, fields = {}, options = {}) {
  const answer = await ask(method, url, fields, options);
  const isOld = answer.status === 403 && answer.body?.code === "csrf";
  return isOld && (await renew()) ? ask(method, url, fields, options) : answer;
}

async function ask(method, url, fields, { keepalive = false }) {
  const headers = { "X-CSRF-Token": document.querySelector("meta[name=csrf]")?.content ?? "", Accept: "application/json" };
  const response = await fetch(url, {
    method, headers, keepalive,
    body: method === "GET" ? undefined : new URLSearchParams(fields),
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const isJson = response.status !== 204 && /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, ok: response.ok, body: isJson ? await response.json() : null };
}

// Fetches this page's token anew. False: nobody, or somebody else, is signed in now.
export async function renew() {
  try {
    return adopt(await page(location.href));
  } catch {
    return false;
  }
}

export function adopt(fresh) {
  const token = fresh.querySelector("meta[name=csrf]")?.content;
  if (!token || fresh.body.dataset.user !== document.body.dataset.user) return false;
  document.querySelector("meta[name=csrf]").content = token;
  document.body.setAttribute("hx-headers", fresh.body.getAttribute("hx-headers"));
  for (const input of document.querySelectorAll("input[name=csrf]")) input.value = token;
  return true;
}

export async function page(url) {
  const response = await fetch(url, { headers: { "HX-Request": "true" }, redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// A part of the page came anew from the server: its links open beside the call (console.js), not in its place.
export function drawn(id) {
  document.dispatchEvent(new CustomEvent("hotline:drawn", { detail: { id } }));
}

export function why(answer, fallback) {
  return answer?.body?.detail || answer?.body?.title || fallback;
}
