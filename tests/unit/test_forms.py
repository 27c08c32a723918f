"""Fields: what is refused, what is kept as typed, what a step misses, what logs must not show."""

import pytest
import structlog

from hotline import log
from hotline.errors import Invalid, TooLarge
from hotline.tickets import forms


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("contact_type", " CT01 ", "CT01"),
        ("contact_type", "", ""),
        ("category", "VIO.01", "VIO.01"),
        ("urgency", "U0", "U0"),
        ("summary", "  隔壁又在打那个九岁男孩 \r\n在惨叫\t\r", "  隔壁又在打那个九岁男孩 \n在惨叫\t\n"),
        ("summary", "🧒" * 20_000, "🧒" * 20_000),
    ],
)
def test_what_is_typed_is_kept(name: str, value: str, kept: str) -> None:
    assert forms.clean(name, value) == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contact_type", "CT09"),
        ("category", "VIO"),
        ("category", "VIO.13"),
        ("urgency", "u0"),
        ("urgency", "U4"),
        ("state", "CLOSED"),
        ("__class__", "x"),
        ("summary", "a\x00b"),
        ("summary", "half a pair \ud83d"),
        ("summary", "\x1b[2J"),
    ],
)
def test_what_does_not_exist_is_refused(name: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        forms.clean(name, value)
    assert caught.value.extra == {"field": name}


@pytest.mark.parametrize("size", [20_001, 1024 * 1024])
def test_too_long_a_text_says_how_long_it_may_be(size: int) -> None:
    with pytest.raises(TooLarge) as caught:
        forms.clean("summary", "救" * size)
    error = caught.value
    assert (error.http_status, error.extra, error.values) == (
        413,
        {"field": "summary"},
        {"count": size, "most": 20_000},
    )
    assert f"{size} characters, at most 20000" in error.message % error.values


def test_only_fields_are_taken_from_a_form() -> None:
    assert forms.given({"summary": "x", "csrf": "y", "category_group": "VIO", "urgency": "U1"}) == {
        "summary": "x",
        "urgency": "U1",
    }


def test_problems_are_named_in_form_order() -> None:
    required = ("urgency", "summary", "contact_type", "category")
    assert list(forms.problems(required, {})) == ["contact_type", "category", "summary", "urgency"]
    filled = {"contact_type": "CT01", "category": "PSY.03", "urgency": "U3"}
    assert forms.problems(required, {**filled, "summary": "一二三 四五六 七八九 十"}) == {}
    assert forms.problems(required, {**filled, "summary": "一二三四五六七八九  \n"}) == {
        "summary": "At least ten characters are needed."
    }
    assert forms.problems(required, {**filled, "summary": " \n\t　"}) == {"summary": "This is needed."}


def test_texts_about_people_cannot_reach_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    try:
        structlog.get_logger().info(
            "ticket.saved", summary="小龙在楼顶", answer="已联系学校", fields={"summary": "小龙"}
        )
    finally:
        structlog.reset_defaults()
    printed = capsys.readouterr().err
    assert "ticket.saved" in printed and "小龙" not in printed and "学校" not in printed
