"""The generated pages say what the code says."""

import pytest

from hotline.events import CATALOGUE
from hotline.reference import PAGES
from hotline.settings import CHECKOUT, Settings


@pytest.mark.parametrize("target", PAGES)
def test_page_is_what_the_code_says(target: str) -> None:
    assert (CHECKOUT / target).read_text(encoding="utf-8") == PAGES[target](), "run: python -m hotline.reference"


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_event_says_what_happened() -> None:
    assert [name for name, cls in CATALOGUE.items() if not (cls.__doc__ or "").strip()] == []
