"""What callers hear and in which order, as data. Pure. Rendered into the dialplan by ivr.render."""

from typing import Final

# Way through the call → prompts, one after the other. `practice`: to whoever answers an emergency number.
SPOKEN: Final[dict[str, tuple[str, ...]]] = {
    "greeting": ("P01", "P02"),
    "again": ("P27",),
    "waiting": ("P03", "P10", "P12"),
    "danger": ("P04",),
    "talk": ("P05",),
    "any": ("P06",),
    "call_back": ("P14", "P17"),
    "closed": ("P20", "P02", "P21"),
    "emergency": ("P50", "P02", "P21"),
    "no_duty": ("P24",),
    "leave": ("P22",),
    "nobody": ("P26", "P22"),
    "failed": ("P50", "P22"),
    "thanks": ("P23",),
    "broken": ("P50",),
    "practice": ("P51",),
}
# What an agent's key plays into their talk; after the second kind it is over.
SAID: Final[dict[str, tuple[str, ...]]] = {"plain": ("P30", "P31", "P40"), "ending": ("P32", "P41")}
# Round the number that is read back digit by digit, and what asks for another one.
NUMBER: Final[dict[str, tuple[str, ...]]] = {
    "call_back_number": ("P13-before", "P13-after"),
    "other_number": ("P18",),
}
# Who comes to the recorder, and how that begins.
RECORDER: Final[dict[str, str]] = {"closed": "leave", "emergency": "leave", "nobody": "nobody", "failed": "failed"}
VOICEMAIL_S: Final = 180
DUTY_RING_S: Final = 30
