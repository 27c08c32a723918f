"""Every screen renders in both languages with nothing undefined, nothing inline, and a label on every input."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import Environment

from hotline.i18n import LOCALES
from hotline.settings import Settings
from tests.e2e import board_samples, gallery, samples, ticket_samples
from web import render
from web.render import Renderer

TEMPLATES = sorted((gallery.CHECKOUT / "web/templates").rglob("*.html"))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", samples.SCREENS)
def test_screen_renders(name: str, locale: str) -> None:
    page = gallery.render(name, locale)
    assert f'lang="{"zh-CN" if locale == "zh_CN" else "en"}"' in page
    # a raw code instead of its word, or a sentence of the other language
    assert not re.search(r">\s*(CT\d\d|[A-Z]{3}\.\d\d|wrap_up|on_call|None)\s*<(?!/code)", page)
    for tag in re.findall(r"<(?:input|textarea|select)\b[^>]*>", page):
        if 'type="hidden"' in tag or 'type="radio"' in tag:
            continue
        given = re.search(r'\bid="([^"]+)"', tag)
        assert "aria-label=" in tag or (given and f'for="{given[1]}"' in page), tag


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_has_no_inline_code_or_style(path: object) -> None:
    text = path.read_text()  # type: ignore[attr-defined]
    assert not re.search(r"""\s(style|on[a-z]+|hx-on[^=]*)\s*=\s*["']""", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|javascript:|js:", text)
    assert not re.search(r'(?:src|href)="https?://', text)
    assert not re.search(r"^(?:<{7}|={7}|>{7})", text, re.MULTILINE), "left of a merge"


def test_a_second_start_compiles_no_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path)
    monkeypatch.setattr(render, "_CODE", {})
    Renderer(settings).warm()
    monkeypatch.setattr(render, "_CODE", {})
    monkeypatch.setattr(Environment, "compile", None)
    Renderer(settings).warm()


def test_what_is_left_of_compiled_templates_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path)
    monkeypatch.setattr(render, "_CODE", {})
    Renderer(settings).warm()
    for kept in (tmp_path / "templates").iterdir():
        kept.write_bytes(kept.read_bytes()[:20])
    monkeypatch.setattr(render, "_CODE", {})
    Renderer(settings).warm()
    monkeypatch.setattr(render, "_CODE", {})
    Renderer(Settings(data_dir=tmp_path / "no" / "such")).warm()


def test_what_callers_and_colleagues_typed_is_escaped() -> None:
    field = ticket_samples.fields(summary="<script>alert(1)</script>")
    ticket = replace(ticket_samples.TICKET, fields=field, number='"><img src=x>')
    context = {**samples.SCREENS["console-talking"][1], "ticket": ticket}
    base = {
        "board_bar": board_samples.BOARD,
        "csrf": "c5rf",
        "locale": "en",
        "live": None,
        "demo": False,
        "open_mode": "calendar",
        "practice": True,
        "places": [("police", "<b>110</b>", "110")],
    }
    page = gallery.environment("en").get_template("console/index.html").render(base | context)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<img src=x" not in page
