"""Words and times as people read them: gettext catalogues, labels of codes, local dates. English is the msgid.

The web asks `template_functions` once a locale and hands the result to its templates.
"""

import gettext
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from hotline import clock
from hotline.labels import english

LOCALES: Mapping[str, str] = {"zh_CN": "中文", "en": "English"}
DEFAULT = "zh_CN"
CATALOGUES = Path(__file__).parent / "locale"
_ZH_WEEKDAYS = "一二三四五六日"
_EN_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EN_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache
def translations(locale: str) -> gettext.NullTranslations:
    """The catalogue of a locale. Raises FileNotFoundError when it was not compiled (script/messages)."""
    if locale == "en":
        return gettext.NullTranslations()
    return gettext.translation("hotline", CATALOGUES, [locale])


def known(locale: str | None) -> str:
    """A locale that exists: the given one or the default."""
    return locale if locale is not None and locale in LOCALES else DEFAULT


def translate(message: str, locale: str, values: Mapping[str, Any] | None = None) -> str:
    """A whole sentence with its named values, as `hotline.errors` carries them."""
    text = translations(locale).gettext(message) if message else ""
    return text % values if values else text


def label(kind: str, code: str | None, locale: str) -> str:
    """What people read for a code; the code itself when it has no label, an em dash for None."""
    if code is None:
        return "—"
    text = english(kind, code)
    return translations(locale).gettext(text) if text else code


def localdate(value: datetime, locale: str, timezone: str) -> str:
    """2026年3月12日 周四 / Thu 12 Mar 2026."""
    day = clock.local(value, timezone)
    if locale == "zh_CN":
        return f"{day.year}年{day.month}月{day.day}日 周{_ZH_WEEKDAYS[day.weekday()]}"
    return f"{_EN_WEEKDAYS[day.weekday()]} {day.day} {_EN_MONTHS[day.month - 1]} {day.year}"


def localtime(value: datetime, locale: str, timezone: str) -> str:
    """2026年3月12日 周四 17:00 / Thu 12 Mar 2026 17:00."""
    return f"{localdate(value, locale, timezone)} {clock.local(value, timezone):%H:%M}"


def shortdate(value: datetime, locale: str, timezone: str) -> str:
    """3月12日 / 12 Mar, for places where the year is plain."""
    day = clock.local(value, timezone)
    return f"{day.month}月{day.day}日" if locale == "zh_CN" else f"{day.day} {_EN_MONTHS[day.month - 1]}"


def duration(seconds: float | None) -> str:
    """0:41, 12:05, 1:02:03; an em dash for None. Part seconds are dropped, as a running clock shows them."""
    if seconds is None:
        return "—"
    minutes, second = divmod(max(int(seconds), 0), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def ratio(part: int, whole: int) -> str:
    """A share in per cent, one decimal; an em dash when there is nothing to share."""
    return f"{100 * part / whole:.1f}%" if whole else "—"


def template_functions(locale: str, timezone: str) -> dict[str, Any]:
    """What templates call, bound to a person's locale, and the name of the time zone for the page's own clocks."""

    def clock_time(value: datetime) -> str:
        return f"{clock.local(value, timezone):%H:%M:%S}"

    return {
        "label": lambda kind, code: label(kind, code, locale),
        "localtime": lambda value: localtime(value, locale, timezone),
        "localdate": lambda value: localdate(value, locale, timezone),
        "shortdate": lambda value: shortdate(value, locale, timezone),
        "clock": clock_time,
        "duration": duration,
        "ratio": ratio,
        "iso": clock.iso,
        "timezone": timezone,
        "parse_time": datetime.fromisoformat,
    }
