"""How Chromium is started here: Debian's own, headless, with a microphone that says a test tone."""

import os
import shutil

FLAGS = (
    "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip


def executable() -> str:
    """The browser's path. Raises FileNotFoundError when none is installed."""
    path = (
        os.environ.get("CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if not path:
        raise FileNotFoundError("chromium is not installed: apt-get install chromium")
    return path
