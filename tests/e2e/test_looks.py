"""Every screen from samples: nothing sticks out, the policy is kept, nothing serious for axe, console quiet.

The many states of the phone are drawn once each, by turns in one language, light and height or the other.
"""

import subprocess
import sys

import pytest

from tests.e2e import samples
from tests.e2e.gallery import CHECKOUT, OF_THE_PHONE
from tests.integration.deployment import once

pytestmark = once("pictures")


@pytest.mark.timeout(610)
@pytest.mark.parametrize(("locale", "scheme", "size"), [("zh_CN", "light", "1366x768"), ("en", "dark", "1366x640")])
def test_every_screen_is_in_order(locale: str, scheme: str, size: str) -> None:
    command = [sys.executable, "-m", "tests.e2e.gallery", "--axe"]
    phone = OF_THE_PHONE[locale == "en" :: 2]
    command += ["--only", *(name for name in samples.SCREENS if name in phone or name not in OF_THE_PHONE)]
    command += ["--locales", locale, "--schemes", scheme, "--size", size]
    done = subprocess.run(command, check=False, cwd=CHECKOUT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
