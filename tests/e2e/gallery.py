"""Draws every screen from sample views, in both languages, light and dark, for looking at and for axe.

    python -m tests.e2e.gallery [--only NAME] [--shots DIR] [--axe] [--size 1366x768] [--zoom 2]

Serves the pages on a free loopback port with the same Content-Security-Policy as the real thing.
"""

import argparse
import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from playwright.sync_api import ConsoleMessage, Page, WebSocketRoute, sync_playwright

from hotline import i18n
from hotline.agents.supervision import REASONS
from hotline.tickets import taxonomy
from tests.e2e import board_samples, phone_samples, samples
from tests.e2e.chromium import FLAGS, executable
from web.render import Kept

CHECKOUT = Path(__file__).resolve().parents[2]
STATIC = CHECKOUT / "web" / "static"
CSP = "default-src 'self'; connect-src 'self' ws:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
# What only the real server answers.
ABSENT = ("/live", "/me/", "/fields/", "/console/")
BAD = ("serious", "critical")
WHERE_PHONES_DIFFER = (".col-phone", "#help-asked", "dialog[open]", "#toasts")
TALKS = ("calling", "consult", "conference", "asked", "not-reached", "on-hold", "picker")
# These differ from another screen by their phone alone.
OF_THE_PHONE = (*phone_samples.ATTRIBUTES, *(f"console-{name}" for name in (*TALKS, "headset", "bad-sound")))


@lru_cache
def environment(locale: str) -> Environment:
    """Jinja as the web sets it up."""
    env = Environment(
        loader=FileSystemLoader(CHECKOUT / "web" / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_translations(i18n.translations(locale), newstyle=True)  # type: ignore[attr-defined]
    manifest_file = STATIC / "manifest.json"
    manifest = json.loads(manifest_file.read_text()) if manifest_file.exists() else {}
    env.globals.update(i18n.template_functions(locale, "Asia/Shanghai"))
    env.globals.update(asset=lambda name: "/static/" + manifest.get(name, name), taxonomy=taxonomy)
    env.globals.update(supervision_reasons=REASONS, supervision_shown=True, kept=Kept())
    env.globals.update(phone_test_h=12, phone_limits={"loss": "1,3", "jitter": "30,50", "rtt": "300,800"})
    return env


def render(name: str, locale: str) -> str:
    """One screen as HTML. Raises KeyError for an unknown name."""
    template, context = samples.SCREENS[name]
    base: dict[str, Any] = {
        "me": None,
        "board_bar": context.get("board", board_samples.BOARD),
        "csrf": "c5rf",
        "locale": locale,
        "live": SimpleNamespace(seq=1, epoch=1),
        "as_of": board_samples.NOW,
        "demo": True,
        "open_mode": "always",
        "practice": False,
        "places": [("police", "公安 110", "110"), ("youth", "青少年服务台 12355", "12355")],
        "page": name,
    }
    return environment(locale).get_template(template).render(base | context)


class Handler(BaseHTTPRequestHandler):
    """/NAME?locale=… draws a screen; everything else under /static is the build."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.startswith("/static/"):
            file = STATIC / path.removeprefix("/static/")
            body, kind = (
                (file.read_bytes(), KINDS.get(file.suffix, "application/octet-stream")) if file.is_file() else (b"", "")
            )
        else:
            body, kind = (
                self._screen(path.strip("/"), "en" if "locale=en" in query else "zh_CN"),
                "text/html; charset=utf-8",
            )
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(BrokenPipeError):
            self.wfile.write(body)

    def _screen(self, name: str, locale: str) -> bytes:
        return render(name, locale).encode() if name in samples.SCREENS else b""

    def do_POST(self) -> None:
        self.send_error(503)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@contextmanager
def served() -> Iterator[str]:
    """The gallery on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def greets(socket: WebSocketRoute) -> None:
    """The server is there."""
    socket.send('{"hello": true, "epoch": 1}')


def away(socket: WebSocketRoute) -> None:
    """It is not."""
    socket.close()


def settle(page: Page) -> None:
    """The screens' clocks stand at the samples' time, so that every picture is the same."""
    page.clock.install(time=board_samples.NOW)


def show(page: Page, base: str, name: str, locale: str) -> list[str]:
    """Opens a screen; gives what the browser complained of."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        is_ours = not any(path in message.location["url"] + message.text for path in ABSENT)
        if message.type in {"error", "warning"} and is_ours:
            said.append(f"{message.type}: {message.text} {message.location['url']}")

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(f"pageerror: {error}"))
    # The server's letters go on coming, and the phone asks for its secret and waits.
    page.route_web_socket(re.compile("/live"), away if name in UNREACHED else greets)
    page.route("**/me/phone", lambda _route: None)
    page.add_init_script(NO_PHONE)
    page.goto(f"{base}/{name}?locale={locale}")
    page.wait_for_load_state("load")
    page.clock.run_for(1200)
    page.evaluate(PHONE, STATES.get(name, {}))
    if name in BROKEN:
        page.wait_for_selector("html[data-started]", state="attached")  # all of its parts listen
        page.evaluate(BROKEN[name])
        page.clock.run_for(2500)
        page.evaluate(PHONE, STATES.get(name, {}))
    return said


# The page's own phone would begin to connect: what it says is the sample's to choose.
NO_PHONE = "navigator.permissions.query = async () => ({ state: 'prompt' });"
PHONE = """(states) => {
  const box = document.querySelector("#softphone");
  if (!box) return;
  for (const [name, value] of Object.entries(states)) box.setAttribute(name, value);
  const press = (name, is) => box.querySelector(`[data-phone-do=${name}]`).setAttribute("aria-pressed", String(is));
  press("mute", states["data-muted"] === "true");
  if (["true", "resuming"].includes(states["data-held"])) press("hold", true);
  box.querySelector("[data-phone-do=hold]").toggleAttribute("data-pending", /ing$/.test(states["data-held"] ?? ""));
  if ((states["data-call"] ?? "none") === "none") return;
  const asked = states["data-asked"] === "dial" && document.querySelector("[data-leg=caller] .leg-who");
  box.querySelector("[data-phone-number]").textContent = asked ? asked.textContent.trim() : "138****1234";
  box.querySelector("[data-phone-since]").textContent = states["data-call"] === "ringing" ? "0:06" : "3:12";
}"""


STATES: Mapping[str, Mapping[str, str]] = {
    "console-idle": {"data-phone": "registered"},
    "console-ringing": {"data-phone": "registered", "data-call": "ringing"},
    "console-talking": {"data-phone": "registered", "data-call": "talking"},
    **{
        f"console-{name}": {"data-phone": "registered", "data-call": "talking", "data-talk": name}
        for name in TALKS
        if name != "on-hold"
    },
    "console-headset": {"data-phone": "registered"},
    "console-bad-sound": {"data-phone": "registered", "data-call": "talking"},
    "console-on-hold": {"data-phone": "registered", "data-call": "talking", "data-held": "true"},
    "console-wrap-up": {"data-phone": "registered"},
    "console-void": {"data-phone": "elsewhere"},
    "console-lost": {"data-phone": "lost"},
    "console-closed": {"data-phone": "registered"},
    "console-unreached": {"data-phone": "registered", "data-call": "talking"},
    "console-note": {"data-phone": "registered", "data-call": "talking"},
    "console-signed-out": {"data-phone": "registered", "data-call": "talking"},
    "console-offline": {"data-phone": "registered", "data-call": "talking"},
    "console-store-away": {"data-phone": "registered", "data-call": "talking"},
    **phone_samples.ATTRIBUTES,
}
_CALL = """() => {
  const tell = (type, detail) => document.dispatchEvent(new CustomEvent(`hotline:${type}`, { detail }));
  const keep = (notes) => localStorage.setItem(`hotline-notes/${document.body.dataset.user}`, JSON.stringify(notes));
  const ring = () => tell("call", { state: "ringing", call: "1773295402.9", number: "138****8000" });
  const write = (text) => {
    const area = document.querySelector("#call-note textarea");
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  };
  const other = { call: "1.5", at: "2026-03-12T05:58:40Z", number: "139****8820", ref: "H-2031-7", isMine: false };
  const mine = { ...other, call: "1773295100.7", at: "2026-03-12T06:01:02Z", ref: "H-2031-8", isMine: true };
"""
_TYPES = """() => {
  const write = (text) => {
    const area = document.querySelector("[data-field=summary] textarea");
    area.value += text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  };
"""
# Screens whose socket to us is cut.
UNREACHED = {"console-offline"}
# What happens on the screen after it is drawn: only a page that lives has these states.
BROKEN: Mapping[str, str] = {
    "console-unreached": _CALL + """ring(); setTimeout(() => write("他说有人跟着他回家，已经三天。"), 2000); }""",
    "console-note": _CALL
    + """
      keep([
        { ...other, text: "他说有人跟着他回家，已经三天。母亲晚上七点才下班，可以先联系班主任。" },
        { ...mine, text: "孩子现在在奶奶家。" },
      ]);
      dispatchEvent(new StorageEvent("storage", { key: `hotline-notes/${document.body.dataset.user}` })); }""",
    "console-headset": """() => {
      const box = document.querySelector("#headset");
      Object.assign(box.dataset, { test: "done", testAll: "bad" });
      box.open = true;
      for (const [name, grade] of [["microphone", "bad"], ["echo", "good"], ["network", "fair"]])
        box.querySelector(`[data-check=${name}]`).dataset.grade = grade;
      box.querySelector("[data-check=echo] b").textContent = "84 ms";
      box.querySelector("[data-check=network] b").textContent = "1.4 % · 38 ms";
      box.scrollIntoView(); }""",
    "console-bad-sound": """() => {
      const box = document.querySelector("#sound");
      box.hidden = false;
      Object.assign(box.dataset, { sound: "bad", from: "in" });
      const texts = { loss: ["4.2 %", "bad"], jitter: ["31 ms", "fair"], rtt: ["48 ms", "good"] };
      for (const [name, [text, grade]] of Object.entries(texts)) {
        const part = box.querySelector(`[data-figure=${name}]`);
        part.dataset.grade = grade;
        part.querySelector("b").textContent = text;
      }
      const bar = (x, tall) => `M${x} 24h3v-${tall}h-3z`;
      const draw = (grade, bars) => box.querySelector(`.plot-${grade}`).setAttribute("d", bars.join(""));
      draw("good", Array.from({ length: 48 }, (_, i) => bar(i * 4, 1 + (i % 5) / 2)));
      draw("fair", [192, 196, 200].map((x) => bar(x, 9)));
      draw("bad", [204, 208, 212, 216, 220, 224, 228, 232, 236].map((x) => bar(x, 15))); }""",
    "console-offline": _TYPES + """write("孩子说晚上不敢回家，想先去同学家。"); }""",
    "console-store-away": _TYPES + """write("孩子说晚上不敢回家，想先去同学家。"); }""",
    "console-picker": "() => document.querySelector('[data-phone-do=transfer]').click()",
    "console-signed-out": _CALL
    + """
      tell("signed-out"); setTimeout(() => document.querySelector("[data-sign-in]").click(), 1500); }""",
    **phone_samples.DOES,
}


def overflow(page: Page) -> list[str]:
    """Elements that stick out of the window, and whether the page itself scrolls sideways."""
    found: list[str] = page.evaluate(
        """() => {
          const out = [];
          if (document.documentElement.scrollWidth > innerWidth) out.push('page scrolls sideways');
          for (const e of document.querySelectorAll('main *, header *')) {
            const r = e.getBoundingClientRect();
            if (r.width && r.right > innerWidth + 1 && !e.closest('.visually-hidden, .table-card'))
              out.push(e.className || e.tagName);
          }
          return out.slice(0, 8);
        }"""
    )
    return found


def axe(page: Page, name: str) -> list[str]:
    """Serious and critical findings of axe-core. Injected through the debugger, which the policy does not bind.

    Of a screen that differs from another by its phone column alone, only that is looked through.
    """
    only = ", ".join(WHERE_PHONES_DIFFER) if name in OF_THE_PHONE else "html"
    page.evaluate((CHECKOUT / "node_modules/axe-core/axe.min.js").read_text())
    result: dict[str, Any] = page.evaluate(
        "(only) => axe.run([...document.querySelectorAll(only)], {preload: false, resultTypes: ['violations']})", only
    )
    return [
        f"{found['impact']} {found['id']}: {node['target']} {node.get('failureSummary', '')[:160]!r}"
        for found in result["violations"]
        if found["impact"] in BAD
        for node in found["nodes"][:4]
    ]


def look(
    names: list[str],
    shots: Path | None,
    with_axe: bool,
    size: tuple[int, int],
    locales: list[str],
    schemes: list[str],
    zoom: float = 1,
) -> int:
    """Draws, checks and photographs; gives the number of findings."""
    findings = 0
    with served() as base, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable(), args=[*FLAGS])
        for scheme in schemes:
            for locale in locales:
                for name in names:
                    context = browser.new_context(
                        # A browser's zoom makes its pixels larger and the window smaller by as much.
                        viewport={"width": round(size[0] / zoom), "height": round(size[1] / zoom)},
                        device_scale_factor=zoom,
                        color_scheme=scheme,
                        locale="zh-CN",  # type: ignore[arg-type]
                    )
                    page = context.new_page()
                    settle(page)
                    said = show(page, base, name, locale) + [f"overflow: {what}" for what in overflow(page)]
                    said += axe(page, name) if with_axe else []
                    if shots:
                        shots.mkdir(parents=True, exist_ok=True)
                        page.screenshot(path=shots / f"{name}.{locale}.{scheme}.png")
                    for line in said:
                        sys.stdout.write(f"{name} {locale} {scheme}: {line}\n")
                    findings += len(said)
                    context.close()
        browser.close()
    return findings


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=list(samples.SCREENS))
    parser.add_argument("--shots", type=Path)
    parser.add_argument("--axe", action="store_true")
    parser.add_argument("--size", default="1366x768")
    parser.add_argument("--zoom", type=float, default=1)
    parser.add_argument("--locales", default="zh_CN,en")
    parser.add_argument("--schemes", default="light,dark")
    asked = parser.parse_args()
    width, _, height = asked.size.partition("x")
    began = datetime.now(UTC)
    findings = look(
        asked.only,
        asked.shots,
        asked.axe,
        (int(width), int(height)),
        asked.locales.split(","),
        asked.schemes.split(","),
        asked.zoom,
    )
    sys.stdout.write(f"{findings} findings in {(datetime.now(UTC) - began).total_seconds():.1f} s\n")
    raise SystemExit(1 if findings else 0)


if __name__ == "__main__":
    main()
