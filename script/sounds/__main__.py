"""Commands of script/prompts: render what changed, adopt a real recording, compose the music, measure the result."""

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

from hotline.ivr import levels
from sounds import manifest, music
from sounds.manifest import CALLERS, PROMPTS, ROOT, Entry, Manifest

MUSIC = ROOT / "asterisk-config" / "sounds" / "moh" / "waiting.wav"
LISTS = (PROMPTS, CALLERS)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def render(names: list[str], again: bool) -> None:
    """Speaks every entry (or the named ones) whose text, reading, voice or level changed."""
    for path in LISTS:
        book = manifest.load(path)
        for entry in book.entries:
            if (names and entry.id not in names) or entry.made == "recorded":
                continue
            fingerprint = _fingerprint(entry, book.level_dbfs)
            has_narrow = entry.made_from == fingerprint and book.file(entry).is_file()
            has_wide = path == CALLERS or book.wide(entry).is_file()
            if not again and has_narrow and has_wide:
                continue
            _speak(book, entry, keeps_narrow=has_narrow and not again)
            entry.made_from = fingerprint
            book.save()
            say(f"{entry.id} {entry.duration_s:.2f} s {entry.text}")


def adopt(name: str, recording: Path, who: str) -> None:
    """Takes a person's recording for an entry; render leaves it alone from then on."""
    for path in LISTS:
        book = manifest.load(path)
        for entry in book.entries:
            if entry.id == name:
                try:
                    sound, rate = levels.read_wav(recording)
                except ValueError as error:
                    raise SystemExit(f"{recording}: {error}") from None
                _finish(book, entry, sound, rate)
                entry.made, entry.voice, entry.made_from = "recorded", who, ""
                book.save()
                say(f"{entry.id} {entry.duration_s:.2f} s, spoken by {who}")
                return
    raise SystemExit(f"no entry {name} in {', '.join(path.name for path in LISTS)}")


def measure(hear: bool) -> None:
    """A Markdown table of the figures, with --hear also what Whisper understood."""
    extra = " characters wrong | syllables wrong | heard as |" if hear else ""
    say("| id | seconds | speech dBFS | peak dBFS | first sound ms | sounding |" + extra)
    say("|---|--:|--:|--:|--:|--:|" + ("--:|--:|---|" if hear else ""))
    for path in LISTS:
        book = manifest.load(path)
        for entry in book.entries:
            row = levels.figures(book.file(entry))
            line = f"| {entry.id} | {row.seconds:.2f} | {row.active_dbfs:.1f} | {row.peak_dbfs:.1f} "
            line += f"| {row.first_sound_ms:.0f} | {row.sounding:.0%} |"
            say(line + (_heard(book, entry) if hear else ""))


def _heard(book: Manifest, entry: Entry) -> str:
    from sounds import hear  # noqa: PLC0415 (loads a second model; only this command needs it)

    heard = hear.write_down(book.file(entry), Path(os.environ["KOKORO_JA_CACHE"]))
    meant = entry.reading()
    return f" {hear.character_errors(meant, heard):.0%} | {hear.syllable_errors(meant, heard):.0%} | {heard} |"


def _fingerprint(entry: Entry, level_dbfs: float) -> str:
    from sounds import speech  # noqa: PLC0415 (loads the voice model's libraries)

    said = [speech.phonemes(entry.reading()), entry.voice, entry.speed, entry.pause_s, entry.tail_s]
    whole = json.dumps([speech.ENGINE, level_dbfs, *said], ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _speak(book: Manifest, entry: Entry, *, keeps_narrow: bool) -> None:
    from sounds import speech  # noqa: PLC0415 (loads the voice model's libraries)

    if book.file(entry).is_file() and entry.sha256 and manifest.digest(book.file(entry)) != entry.sha256:
        raise SystemExit(f"{entry.file} was changed by hand; take it in with: script/prompts adopt {entry.id} FILE.wav")
    sound = speech.speak(entry.reading(), entry.voice, entry.speed, entry.pause_s)
    _finish(book, entry, sound, speech.MODEL_RATE, keeps_narrow=keeps_narrow)


def _finish(book: Manifest, entry: Entry, sound: levels.Samples, rate: int, *, keeps_narrow: bool = False) -> None:
    if book.path != CALLERS:
        wide = book.wide(entry)
        levels.write_wav(wide, _made(book, entry, sound, rate, levels.WIDE_RATE), levels.WIDE_RATE)
        entry.sha256_wide = manifest.digest(wide)
    if keeps_narrow:
        return
    target = book.file(entry)
    finished = _made(book, entry, sound, rate, levels.RATE)
    levels.write_wav(target, finished)
    if book.path == CALLERS:
        target.with_suffix(".al").write_bytes(levels.alaw(finished))
    entry.sha256, entry.duration_s = manifest.digest(target), round(len(finished) / levels.RATE, 3)


def _made(book: Manifest, entry: Entry, sound: levels.Samples, rate: int, to: int) -> levels.Samples:
    return levels.tightened(
        levels.at_level(levels.telephone_band(sound, rate, to), book.level_dbfs, to), entry.tail_s, to
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/prompts", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    rendering = commands.add_parser("render", help="speak what changed (the default)")
    rendering.add_argument("ids", nargs="*")
    rendering.add_argument("--again", action="store_true", help="also what did not change")
    adopting = commands.add_parser("adopt", help="use a person's recording (16-bit WAV, any rate) for a prompt")
    adopting.add_argument("id")
    adopting.add_argument("file", type=Path)
    adopting.add_argument("--who", required=True, help="who speaks, as it shall stand in the manifest")
    commands.add_parser("music", help="compose the waiting music anew")
    measuring = commands.add_parser("measure", help="print the figures of every file")
    measuring.add_argument("--hear", action="store_true", help="let Whisper write down what it understands")
    chosen = parser.parse_args()
    match chosen.command:
        case "adopt":
            adopt(chosen.id, chosen.file, chosen.who)
        case "music":
            levels.write_wav(MUSIC, music.compose())
        case "measure":
            measure(chosen.hear)
        case _:
            render(getattr(chosen, "ids", []), getattr(chosen, "again", False))


if __name__ == "__main__":
    main()
