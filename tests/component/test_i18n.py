"""What people read: nothing untranslated, every code has its word, times as they are written in China."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from hotline import i18n
from hotline.access.permissions import ROLES
from hotline.labels import LABELS, SENTENCES
from hotline.tickets import forms, taxonomy
from hotline.tickets.workflows.general import GENERAL
from web.problems import _PLAIN

CHECKOUT = Path(__file__).parents[2]
THURSDAY = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
SHANGHAI = "Asia/Shanghai"


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with (i18n.CATALOGUES / "zh_CN/LC_MESSAGES/hotline.po").open("rb") as file:
        return read_po(file, locale="zh_CN")


@pytest.fixture(scope="module")
def in_use(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every sentence of code and templates, as script/messages finds them."""
    target = tmp_path_factory.mktemp("messages") / "hotline.pot"
    subprocess.run([CHECKOUT / "script/messages", "extract", target], check=True, capture_output=True, cwd=CHECKOUT)
    with target.open("rb") as file:
        return read_po(file)


def said(catalog: Catalog) -> dict[object, Message]:
    return {message.id: message for message in catalog if message.id}


def test_every_sentence_in_use_has_a_chinese_one(chinese: Catalog, in_use: Catalog) -> None:
    translated = {key for key, message in said(chinese).items() if message.string and all(message.string)}
    assert [key for key in said(in_use) if key not in translated] == [], "run script/messages, then fill in the .po"


def test_no_translation_is_a_guess_or_left_over(chinese: Catalog, in_use: Catalog) -> None:
    assert [key for key, message in said(chinese).items() if message.fuzzy] == []
    assert [key for key in said(chinese) if key not in said(in_use)] == []


def test_translations_use_the_same_named_values(chinese: Catalog) -> None:
    for message in said(chinese).values():
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for pattern in (r"%\((\w+)\)s", r"\{(\w+)\}"):
            wanted = [set(re.findall(pattern, text)) for text in ids][-1]
            assert {frozenset(re.findall(pattern, text)) for text in strings} == {frozenset(wanted)}, message.id


def test_sentences_outside_gettext_are_in_the_catalogue(chinese: Catalog) -> None:
    loose = [sentence for _, sentence in _PLAIN.values()]
    loose += forms.problems(forms.FIELDS, {}).values()
    loose += forms.problems(forms.FIELDS, {"summary": "a", "answer": "b"}).values()
    assert [text for text in (*loose, *SENTENCES) if text not in said(chinese)] == []


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("role", ROLES),
        ("contact_type", taxonomy.CONTACT_TYPES),
        ("category", {*taxonomy.CATEGORIES, *taxonomy.CATEGORY_CODES}),
        ("urgency", taxonomy.URGENCY),
        ("urgency_means", taxonomy.URGENCY),
        ("ticket_state", GENERAL.states),
        ("step", {step.code for step in GENERAL.steps}),
        ("field", set(forms.FIELDS)),
        ("agent_state", ("offline", "ready", "ringing", "on_call", "wrap_up", "paused")),
        ("pause", ("ACW", "LUNCH", "BREAK", "TRAINING", "DEBRIEF", "OTHER", "PHONE", "RNA")),
        ("phase", ("greeting", "waiting", "ringing", "talking", "recorder")),
        (
            "outcome",
            ("answered", "abandoned", "callback", "voicemail", "duty", "closed", "blocked", "overflowed", "failed"),
        ),
    ],
)
def test_every_code_has_a_word(kind: str, codes: set[str]) -> None:
    assert sorted(code for code in codes if not LABELS[kind].get(code)) == []


def test_labels_are_translated_and_unknown_codes_shown_as_they_are() -> None:
    assert i18n.label("urgency", "U0", "zh_CN") == "特急"
    assert i18n.label("urgency", "U0", "en") == "Extremely urgent"
    assert i18n.label("urgency", "U9", "zh_CN") == "U9"
    assert i18n.label("urgency", None, "zh_CN") == "—"
    assert i18n.label("ticket_state", "accepted", "zh_CN") == "已受理"


def test_times_are_local_and_written_out() -> None:
    assert i18n.localtime(THURSDAY, "zh_CN", SHANGHAI) == "2026年3月12日 周四 17:00"
    assert i18n.localtime(THURSDAY, "en", SHANGHAI) == "Thu 12 Mar 2026 17:00"
    assert i18n.shortdate(THURSDAY, "zh_CN", SHANGHAI) == "3月12日"
    # an evening in UTC is the next day, and the next weekday, in Shanghai
    assert i18n.localdate(datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "zh_CN", SHANGHAI) == "2027年1月1日 周五"


def test_durations_and_shares() -> None:
    assert [i18n.duration(value) for value in (None, 0, 41.9, 725, 3723)] == ["—", "0:00", "0:41", "12:05", "1:02:03"]
    assert i18n.ratio(41, 48) == "85.4%"
    assert i18n.ratio(0, 0) == "—"


def test_a_sentence_carries_its_values() -> None:
    sentence = "The text has %(count)s characters, at most %(most)s fit; nothing was stored."
    assert (
        i18n.translate(sentence, "zh_CN", {"count": 9, "most": 5}) == "内容有 9 个字符，最多 5 个；没有保存任何内容。"
    )
    assert i18n.translate("Something nobody translated.", "zh_CN") == "Something nobody translated."


def test_an_unknown_locale_is_the_default() -> None:
    assert [i18n.known(code) for code in ("en", "zh_CN", "fr", None, "")] == ["en", "zh_CN", "zh_CN", "zh_CN", "zh_CN"]
