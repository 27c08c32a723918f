"""The dialplan's text, from menus and opening hours. Pure but for reading the template; telephony.asterisk writes."""

import hashlib
import re

from hotline.calls import directory
from hotline.errors import StartupError
from hotline.ivr import opening
from hotline.ivr.menu import DUTY_RING_S, NUMBER, RECORDER, SAID, SPOKEN, VOICEMAIL_S
from hotline.settings import Settings
from hotline.telephony.asterisk import DIALPLAN, HOURS
from hotline.telephony.files import environment
from hotline.telephony.install import places

_NUMBER = re.compile(r"[0-9]{2,20}")
# Hertz: who hears one knows which practice extension answered.
PRACTICE_TONES = {"110": 1100, "119": 1900, "120": 1200, "122": 2200}
PRACTICE_TONE = 1500


def texts(settings: Settings) -> dict[str, str]:
    """File name → text. Raises StartupError for a value that a dialplan cannot carry."""
    for number in settings.line_channels:
        if not _NUMBER.fullmatch(number):
            raise StartupError(f"HOTLINE_LINES: {number!r} is no telephone number")
    values = {
        "lines": settings.line_channels,
        "spoken": SPOKEN | NUMBER,
        "recorder": RECORDER,
        "duty": settings.duty_numbers,
        "origin": [name for name in settings.origin_headers.split(",") if name],
        "duty_ring_s": DUTY_RING_S,
        "said": SAID,
        "voicemail_s": VOICEMAIL_S,
        "max_wait_s": settings.max_wait_s,
        "wrap_up_s": settings.wrap_up_s,
        "park_s": settings.park_s,
        "consult_ring_s": settings.consult_ring_s,
        "transfer_ring_s": settings.transfer_ring_s,
        "recordings": places(settings).recordings,
        "node": settings.node,
        "has_standby": len(settings.manager_ports) > 1,
        "out": _out(settings),
        "switch": {"number": settings.switch_number, "pins": settings.pins, "timezone": settings.timezone},
    }
    return {DIALPLAN: environment().get_template(f"{DIALPLAN}.j2").render(values), HOURS: hours_text(settings)}


def hours_text(settings: Settings) -> str:
    """When the lines are open, with a version that tells these rules from others."""
    rules = opening.hours(settings).rules()
    template = environment().get_template(f"{HOURS}.j2")
    digest = hashlib.sha256(template.render(hours=rules, version="").encode()).hexdigest()
    return template.render(hours=rules, version=digest[:16])


def _out(settings: Settings) -> dict[str, object]:
    """The ways out. Without a trunk there are none but the practice extensions."""
    found = directory.places(settings).values()
    emergency = directory.emergency_numbers(settings)
    listed = [place.number for place in found if place.kind != "emergency" and place.number not in emergency]
    has_trunk = bool(settings.outbound_trunk)
    return {
        "emergency": emergency,
        "production": settings.production,
        "listed": tuple(dict.fromkeys([*listed, *settings.duty_numbers])) if has_trunk else (),
        "allowed": directory.patterns(settings) if has_trunk else (),
        "privileged": tuple(dict.fromkeys(place.number for place in found if place.privileged)),
        "first_line": directory.first_line(settings),
        "ring_s": settings.outbound_ring_s,
        "tones": {number: PRACTICE_TONES.get(number, PRACTICE_TONE) for number in emergency},
    }
