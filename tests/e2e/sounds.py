"""Who hears whom: every voice is a tone of its own, made in the page in place of its microphone, found by its pitch."""

import asyncio

import numpy as np
from playwright.async_api import BrowserContext, Page

from tests.e2e.caller import Caller
from tests.e2e.house import until
from tests.integration.sound import RATE
from tests.integration.voice import Voice

# Far apart, none a multiple of another, all inside what a telephone carries: a caller, two agents, what practice 110
# sounds like, who answers outside, and a supervisor.
CALLER_HZ, FIRST_HZ, SECOND_HZ, PRACTICE_HZ, PLACE_HZ, SUPERVISOR_HZ = 440, 1430, 1810, 1100, 700, 2450
_VOICES = (CALLER_HZ, FIRST_HZ, SECOND_HZ, PRACTICE_HZ, PLACE_HZ, SUPERVISOR_HZ)
_CLEAR = 0.12  # of the whole sound's strength: a voice among three has a third, leakage beside it below a twentieth
_SILENT = 100  # of 32767: below is silence
_SPEAK = """
(hertz) => {
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext();
    await context.resume();
    const voice = context.createMediaStreamDestination();
    const tone = new OscillatorNode(context, {frequency: hertz});
    tone.connect(new GainNode(context, {gain: 0.25})).connect(voice);
    tone.start();
    return voice.stream;
  };
  const kind = RTCPeerConnection.prototype, { setRemoteDescription } = kind;
  kind.setRemoteDescription = function (...args) {
    window.connected = this;
    return setRemoteDescription.apply(this, args);
  };
}
"""
# What the browser counts of the sound that comes in, a stream each.
_COUNTED = """
async () => {
  const found = [];
  for (const row of (await window.connected?.getStats() ?? new Map()).values()) {
    if (row.type !== 'inbound-rtp') continue;
    const names = ['ssrc', 'packetsReceived', 'packetsLost', 'packetsDiscarded', 'concealedSamples', 'audioLevel'];
    found.push(Object.fromEntries(names.map((name) => [name, row[name]])));
  }
  return JSON.stringify(found);
}
"""
# The last second of what arrives, as 16-bit samples at the telephone's rate.
_HEAR = """
async () => {
  const stream = document.querySelector('#phone-audio').srcObject;
  if (!stream?.getAudioTracks().length) return [];
  const context = new AudioContext({sampleRate: 8000});
  await context.resume();
  const analyser = new AnalyserNode(context, {fftSize: 8192, smoothingTimeConstant: 0});
  context.createMediaStreamSource(stream).connect(analyser);
  const wave = new Float32Array(4096);
  await new Promise((done) => setTimeout(done, 700));
  analyser.getFloatTimeDomainData(wave);
  await context.close();
  return Array.from(wave, (x) => Math.round(x * 32767));
}
"""


async def speaks(context: BrowserContext, hertz: int) -> None:
    """Every page of this browser says a tone instead of what its microphone would."""
    await context.add_init_script(f"({_SPEAK})({hertz})")


def pitches(heard: np.ndarray) -> set[int]:
    """Which of the voices are in it."""
    samples = heard.astype(float)
    if len(samples) < RATE // 4 or np.sqrt(np.mean(samples**2)) < _SILENT:
        return set()
    strength = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    whole = strength[(hertz > 200) & (hertz < 3600)].sum()
    return {voice for voice in _VOICES if strength[np.abs(hertz - voice) < 12].sum() > _CLEAR * whole}


async def page_wave(page: Page) -> list[int]:
    wave: list[int] = await page.evaluate(_HEAR)
    return wave


async def page_hears(page: Page) -> set[int]:
    return pitches(np.array(await page_wave(page)))


async def hear(voices: dict[Page | Caller | Voice, set[int]]) -> None:
    """Each hears exactly these voices, within the usual patience. Raises AssertionError."""

    now: dict[Page | Caller | Voice, set[int]] = {}

    async def right() -> bool:
        now.update(zip(voices, await asyncio.gather(*map(_heard_by, voices)), strict=True))
        return now == voices

    try:
        await until(right)
    except AssertionError:
        said = [f"{found} ({await _arrived(who)})" for who, found in now.items()]
        raise AssertionError(f"who hears whom: {', '.join(said)}, not {list(voices.values())}") from None


async def _arrived(who: Page | Caller | Voice) -> str:
    """How loud it is, and its strongest pitch: silence, something else, and a voice in pieces are different faults."""
    if isinstance(who, Voice):
        return who.arrived()
    samples = (np.array(await page_wave(who)) if isinstance(who, Page) else who.heard(0.7)).astype(float)
    if not len(samples):
        return "no track"
    strength = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    loud = np.sqrt(np.mean(samples**2))
    said = f"{loud:.0f} loud, most at {np.fft.rfftfreq(len(samples), 1 / RATE)[strength.argmax()]:.0f} Hz"
    return f"{said}; {await who.evaluate(_COUNTED)}" if isinstance(who, Page) else said


async def _heard_by(who: Page | Caller | Voice) -> set[int]:
    if isinstance(who, Voice):
        return {voice for voice in _VOICES if who.hears(voice, 0.7)}
    return pitches(who.heard(0.7)) if isinstance(who, Caller) else await page_hears(who)
