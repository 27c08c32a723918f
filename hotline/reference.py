"""docs/settings.md and docs/events.md, made from the code by `python -m hotline.reference`; a test compares."""

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

from hotline.events import CATALOGUE
from hotline.settings import CHECKOUT, Settings


def settings_page() -> str:
    """A table of every HOTLINE_* variable with its default."""
    lines = [
        "# Settings",
        "",
        "Environment variables, read once at start. Made from `hotline/settings.py` by `python -m hotline.reference`.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = _default(field.default)
        lines.append(f"| `HOTLINE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    if isinstance(value, Path):
        value = value.relative_to(CHECKOUT) if value.is_absolute() else value
    return f"`{value}`" if str(value) else "empty"


def events_page() -> str:
    """Every domain event with its fields; personal ones never reach the log."""
    lines = [
        "# Domain events",
        "",
        "What `event_log.type` can be. Made from `hotline/events.py` by `python -m hotline.reference`.",
        "Fields in italics are personal: handlers see them, the log does not keep them.",
        "",
        "| event | fields | meaning |",
        "|---|---|---|",
    ]
    for name, cls in CATALOGUE.items():
        own = [f for f in fields(cls) if f.name not in {"at", "dedupe_key"}]
        shown = ", ".join(f"*{f.name}*" if f.metadata.get("pii") else f"`{f.name}`" for f in own)
        meaning = " ".join(inspect.cleandoc(cls.__doc__ or "").split())
        lines.append(f"| `{name}` | {shown} | {meaning} |")
    return "\n".join(lines) + "\n"


PAGES = {"docs/settings.md": settings_page, "docs/events.md": events_page}

if __name__ == "__main__":
    for target, page in PAGES.items():
        (CHECKOUT / target).write_text(page(), encoding="utf-8")
