"""What people have before them, as page objects: the agent's console and the others' pages, by keyboard."""

from typing import Any

from playwright.async_api import Page, expect

from tests.e2e.house import WAIT_S, House, until

PATIENT = WAIT_S * 1000
FIELDS = ("contact_type", "category", "summary", "urgency")
# The received sound as the page's own ears have it: loudness, and the loudest pitch.
_LISTEN = """
async (ms) => {
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, {fftSize: 8192, smoothingTimeConstant: 0});
  context.createMediaStreamSource(document.querySelector('#phone-audio').srcObject).connect(analyser);
  const wave = new Float32Array(analyser.fftSize), bins = new Float32Array(analyser.frequencyBinCount);
  const best = {rms: 0, hertz: 0};
  for (const end = performance.now() + ms; performance.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    analyser.getFloatTimeDomainData(wave);
    analyser.getFloatFrequencyData(bins);
    const rms = Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length);
    const hertz = bins.indexOf(Math.max(...bins)) * context.sampleRate / analyser.fftSize;
    if (rms > best.rms) Object.assign(best, {rms, hertz});
  }
  await context.close();
  return best;
}
"""


class Screen:
    """A page of somebody who signed in. `complaints`: uncaught errors and answers of 500 and above."""

    def __init__(self, house: House, page: Page, name: str) -> None:
        self.house, self.page, self.name = house, page, name
        self.complaints: list[str] = []
        self.has_crashed = False
        page.on("crash", self._crashed)
        page.on("pageerror", lambda error: self.complaints.append(f"{name}: {error}"))
        page.on("response", self._heard)

    def _crashed(self, _page: Page) -> None:
        self.has_crashed = True

    def _heard(self, response: Any) -> None:
        if response.status >= 500:
            self.complaints.append(f"{self.name}: {response.status} {response.url}")

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def tab_to(self, selector: str) -> None:
        """By the Tab key alone, from where the focus is."""
        for _ in range(150):
            if await self.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
            await self.press("Tab")
        raise AssertionError(f"the Tab key does not reach {selector}")

    async def has(self, selector: str, timeout_s: float = WAIT_S) -> None:
        await self.page.wait_for_selector(selector, state="attached", timeout=timeout_s * 1000)

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.house.url}{path}")

    async def api(self, path: str) -> dict[str, Any]:
        """The programming interface, as this person."""
        answer = await self.page.request.get(f"{self.house.url}{path}")
        assert answer.ok, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    async def record_of(self, ref: str) -> dict[str, Any]:
        """The record of a ticket's call, once the call has ended."""
        (call_id,) = (await self.api(f"/api/v1/tickets/{ref}"))["calls"]

        async def ended() -> dict[str, Any] | None:
            record = await self.api(f"/api/v1/calls/{call_id}")
            return record if record["ended_at"] else None

        found: dict[str, Any] = await until(ended, what="the call ends")
        return found

    async def overflow(self) -> list[str]:
        """Whether the page scrolls sideways, and what sticks out of the window."""
        found: list[str] = await self.page.evaluate(
            """() => {
              const root = document.documentElement, out = [];
              if (root.scrollWidth > root.clientWidth) out.push('page scrolls sideways');
              for (const e of document.querySelectorAll('main *, header *')) {
                const r = e.getBoundingClientRect();
                if (r.width && r.right > innerWidth + 1 && !e.closest('.visually-hidden, .table-card'))
                  out.push(e.className || e.tagName);
              }
              return out;
            }"""
        )
        return found


class AgentPage(Screen):
    """The console. The phone's own state is `data-call` of #softphone, what Asterisk says of the agent `#phone`."""

    async def is_ready(self) -> None:
        """Press ready, with the microphone's and the phone's way before it."""
        await self.has("html[data-started]")
        await self.press("F9")
        await self.is_in("ready")

    async def is_in(self, state: str, timeout_s: float = WAIT_S) -> None:
        await self.has(f"#phone[data-state={state}]:not([data-pending])", timeout_s)

    async def phone_is(self, call: str, timeout_s: float = WAIT_S) -> None:
        """none, ringing, answering, talking."""
        await self.has(f"#softphone[data-call={call}]", timeout_s)

    async def answer(self) -> None:
        await self.press("F2")
        await self.phone_is("talking")

    async def hang_up(self) -> None:
        await self.press("F8")
        await self.phone_is("none")

    async def ref(self) -> str:
        """Of the ticket before the agent."""
        found = await self.page.get_attribute("#panel", "data-ref", timeout=PATIENT)
        assert found, "no ticket is open"
        return found

    async def popped(self) -> str:
        await self.has("#panel[data-ref] #ticket-form")
        return await self.ref()

    def box(self, field: str) -> Any:
        return self.page.locator(f"[data-field={field}]")

    async def is_saved(self, field: str) -> None:
        await expect(self.box(field).locator("[data-status]")).to_have_attribute("data-kind", "saved", timeout=PATIENT)

    async def write(self, text: str) -> None:
        """Into the summary, as typed, once it may be written into."""
        await self.has("#field-summary:read-write")
        await self.press("Alt+s")
        await self.page.keyboard.press("Control+End")
        await self.page.keyboard.type(text)

    async def summary(self) -> str:
        return await self.page.input_value("#field-summary")

    async def fill_in(self, summary: str, *, category: str = "vio.01", urgency: str = "ArrowRight") -> None:
        """The four fields, by keyboard alone. `urgency`: from the most urgent to the right, or around to the least."""
        await self.press("Alt+2", "Alt+c")
        await self.page.keyboard.type(category)
        await self.press("Enter")
        await self.write(summary)
        await self.press("Alt+u", urgency)
        for field in FIELDS:
            await self.is_saved(field)

    async def hears(self, ms: int = 1000) -> dict[str, float]:
        """`rms` (of 1) and `hertz` of what the caller's voice is in this page."""
        found: dict[str, float] = await self.page.evaluate(_LISTEN, ms)
        return found

    async def count(self, name: str) -> float:
        """A figure of the phone: packetsIn, packetsOut, energyIn, energyOut."""
        value = await self.page.evaluate("(name) => document.querySelector('#softphone').dataset[name]", name)
        return float(value or 0)

    async def sound_flows(self) -> None:
        """Packets go and come, from now on."""
        before = [await self.count(name) for name in ("packetsIn", "packetsOut")]

        async def more() -> bool:
            now = [await self.count(name) for name in ("packetsIn", "packetsOut")]
            return all(later > earlier + 20 for earlier, later in zip(before, now, strict=True))

        await until(more, what="packets both ways")
