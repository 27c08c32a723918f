"""An own prompt lies where Asterisk plays it within one look, and is gone again when ours is chosen."""

from pathlib import Path

from hotline.db import Database
from hotline.ivr import laying, prompts, versions
from hotline.ivr.studio import Sound
from hotline.telephony import sounds
from hotline.telephony.install import config_home
from tests import factories

OWN = Sound(b"narrow, as recorded", b"wide, as recorded", 1200)
OURS = config_home() / "sounds"
GREETING = prompts.catalogue()["P01"]


async def test_what_is_chosen_lies_there_after_a_look_and_ours_after_it_is_taken_back(
    db: Database, tmp_path: Path
) -> None:
    folder = sounds.lay(tmp_path, OURS / "zh")
    played = [(folder / GREETING.stem).with_suffix(kind) for kind in (".wav", ".wav16")]
    ours = [file.read_bytes() for file in played]
    actor = factories.actor("administrator")
    async with db.write() as tx:
        await versions.add(tx, GREETING.id, OWN, "recorded", actor=actor, at=factories.T0)
    seen = await laying.look(db, tmp_path, OURS, 0o640)
    assert seen == {GREETING.stem: 1}
    assert [file.read_bytes() for file in played] == [OWN.narrow, OWN.wide]
    assert (played[0].stat().st_mode & 0o777) == 0o640

    # A worker that begins anew finds it as it lies, and a prompt that nobody chose is untouched.
    assert await laying.look(db, tmp_path, OURS, 0o640) == {GREETING.stem: 1}
    assert (folder / prompts.catalogue()["P02"].stem).with_suffix(".wav").is_symlink()

    async with db.write() as tx:
        await versions.choose(tx, GREETING.id, versions.OURS, actor, factories.T0)
    assert await laying.look(db, tmp_path, OURS, 0o640, seen) == {}
    assert [file.read_bytes() for file in played] == ours
