"""What callers hear and in which order, as data. Pure. Rendered into the dialplan by ivr.render."""

from typing import Final

# Way through the call → prompts, one after the other. `practice`: to whoever answers an emergency number.
SPOKEN: Final[dict[str, tuple[str, ...]]] = {
    "greeting": ("P01", "P02"),
    "again": ("P27",),
    "closed": ("P20", "P02", "P22"),
    "emergency": ("P50", "P22"),
    "nobody": ("P26", "P22"),
    "failed": ("P50", "P22"),
    "thanks": ("P23",),
    "broken": ("P50",),
    "practice": ("P51",),
}
# What an agent's key plays into their talk; after the second kind it is over.
SAID: Final[dict[str, tuple[str, ...]]] = {"plain": ("P30", "P31", "P40"), "ending": ("P32", "P41")}
VOICEMAIL_S: Final = 180
