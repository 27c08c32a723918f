"""The dialplan's text, from menus and opening hours. Pure but for reading the template; telephony.asterisk writes."""

import re

from hotline.errors import StartupError
from hotline.ivr.hours import Hours
from hotline.ivr.menu import SPOKEN, VOICEMAIL_S
from hotline.settings import Settings
from hotline.telephony.asterisk import DIALPLAN, environment
from hotline.telephony.install import places

_NUMBER = re.compile(r"[0-9]{2,20}")


def texts(settings: Settings) -> dict[str, str]:
    """File name → text. Raises StartupError for a value that a dialplan cannot carry."""
    for number in settings.line_channels:
        if not _NUMBER.fullmatch(number):
            raise StartupError(f"HOTLINE_LINES: {number!r} is no telephone number")
    values = {
        "lines": settings.line_channels,
        "hours": Hours(settings).rules(),
        "spoken": SPOKEN,
        "voicemail_s": VOICEMAIL_S,
        "max_wait_s": settings.max_wait_s,
        "wrap_up_s": settings.wrap_up_s,
        "recordings": places(settings).recordings,
        "node": settings.node,
    }
    return {DIALPLAN: environment().get_template(f"{DIALPLAN}.j2").render(values)}
