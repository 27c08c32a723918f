"""The real screens in the middle of a call: all fits the window, English is whole, and axe finds nothing serious."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from hotline.settings import CHECKOUT
from tests.e2e.conftest import WINDOW, People
from tests.e2e.house import House
from tests.e2e.screens import PATIENT, AgentPage, Screen

AXE = (CHECKOUT / "node_modules" / "axe-core" / "axe.min.js").read_text()
CHINESE = re.compile(r"[\u3400-\u9fff]+")
# Everything a person reads or hears read out, but for what people wrote and the switch to the other language.
_WORDS = """
() => {
  const said = [document.title];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walk.currentNode; node; node = walk.nextNode()) {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (element.closest("script, style, template, form[action='/locale'], textarea, .work-what, td .clip")) continue;
    if (node.nodeType === Node.TEXT_NODE) said.push(node.data);
    else for (const name of ["aria-label", "title", "placeholder", "alt"]) said.push(node.getAttribute(name) ?? "");
  }
  return said.filter((text) => text.trim());
}
"""


async def serious(page: Page) -> list[str]:
    """axe's serious and critical findings."""
    await page.evaluate(AXE)
    found: dict[str, Any] = await page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


async def fits(agent: AgentPage, moment: str) -> None:
    """Nothing sticks out, and the next step is in sight without scrolling."""
    assert await agent.overflow() == [], moment
    box = await agent.page.locator("[data-next]").bounding_box()
    assert box is not None, moment
    assert box["y"] >= 0, moment
    assert box["y"] + box["height"] <= WINDOW["height"], moment
    assert box["x"] + box["width"] <= WINDOW["width"], moment


async def speaks_english(screen: Screen) -> None:
    await expect(screen.page.locator("html")).to_have_attribute("lang", "en", timeout=PATIENT)
    said = [text for text in await screen.page.evaluate(_WORDS) if CHINESE.search(text)]
    assert said == [], screen.page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_console_fits_its_window_at_every_moment_of_a_call(
    hotline: House, people: People, scheme: str
) -> None:
    agent = await people.agent(hotline, color_scheme=scheme)
    ground = await agent.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    shade = sum(int(part) for part in re.findall(r"\d+", ground)[:3])
    assert shade < 200 if scheme == "dark" else shade > 600
    async with hotline.caller("13800138500"):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await fits(agent, "ringing")
        assert await serious(agent.page) == []
        await agent.answer()
        await agent.fill_in("班主任来电，说学生三天没有到校，家里电话没有人接。")
        await fits(agent, "talking")
        assert await serious(agent.page) == []
        await agent.hang_up()
    await agent.is_in("wrap_up")
    await fits(agent, "wrap-up")
    assert await serious(agent.page) == []
    record = await agent.record_of(ref)
    for path in ("/board", "/tickets?filter=all", f"/tickets/{ref}", "/calls", f"/calls/{record['id']}"):
        await agent.open(path)
        assert await serious(agent.page) == [], path
        assert await agent.overflow() == [], path
    await agent.page.context.clear_cookies()
    await agent.open("/sign-in")
    assert await serious(agent.page) == []
    assert await agent.overflow() == []


async def test_english_is_whole_on_every_screen(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    try:
        await agent.page.locator("summary:has(.bar-name)").press("Enter")
        await agent.page.locator("form[action='/locale'] button").press("Enter")
        await agent.has("html[lang=en][data-started]")
        await agent.has("#softphone[data-phone=registered]")
        await agent.is_in("ready")
        async with hotline.caller("13800138501"):
            await agent.phone_is("ringing")
            ref = await agent.popped()
            await speaks_english(agent)
            await agent.answer()
            await agent.fill_in("A neighbour calls about two children who are alone at night.")
            await speaks_english(agent)
            await agent.hang_up()
        await agent.is_in("wrap_up")
        await speaks_english(agent)
        assert await agent.overflow() == []
        record = await agent.record_of(ref)
        for path in ("/board", "/tickets?filter=all", f"/tickets/{ref}", "/calls", f"/calls/{record['id']}"):
            await agent.open(path)
            await speaks_english(agent)
    finally:
        hotline.write("update account set locale = 'zh_CN' where name = ?", agent.name)
