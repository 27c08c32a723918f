"""What every prompt says, by id, and whether its sound is there (asterisk-config/sounds/zh/<id>.wav, docs/prompts.md).

Only prompts that callers can meet stand here; a test finds a sound for each, with the same words.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotline.ivr.menu import SPOKEN
from hotline.telephony.install import config_home


@dataclass(frozen=True, slots=True)
class Prompt:
    """`text`: the words; `{…}` in them were filled in when the sound was made."""

    id: str
    text: str
    when: str


_ALL: Final = (
    Prompt("P01", "你好，这里是困境未成年人服务热线，别着急，我们马上来帮你。", "the call is answered while open"),
    Prompt("P02", "为了更好地帮助你，通话会录音，我们会替你保密。", "after P01 and P20"),
    Prompt("P20", "你好，这里是困境未成年人服务热线。现在是休息时间，工作日{hours}有老师接听。", "closed"),
    Prompt("P22", "你也可以在“嘀”声后留言，告诉我们你的名字、电话和发生的事，下一个工作日我们会联系你。", "recorder"),
    Prompt("P23", "留言收到了，谢谢你愿意告诉我们。", "after a message"),
    Prompt("P26", "现在所有老师都在忙，暂时没有人能接听。", "open, and nobody can answer"),
    Prompt("P27", "请稍等，马上为你接通。", "the agent's phone was lost, the next one is rung"),
    Prompt("P50", "系统正在维护。紧急情况请拨打110或120。", "something broke"),
    Prompt("P51", "这里是未成年人保护三方通话，请警官接听。", "somebody answers an emergency number"),
)
PROMPTS: Final[dict[str, Prompt]] = {prompt.id: prompt for prompt in _ALL}


def used() -> tuple[str, ...]:
    """Ids that the dialplan plays, each once, in order of appearance."""
    return tuple(dict.fromkeys(prompt for way in SPOKEN.values() for prompt in way))


def missing(sounds: Path | None = None) -> list[str]:
    """Ids without a sound, and `music` if there is none to wait with. `sounds`: where ours are, if not told."""
    home = sounds or config_home() / "sounds"
    found = [prompt for prompt in used() if not (home / "zh" / f"{prompt}.wav").is_file()]
    has_music = all(any((home / name).glob("*.wav")) for name in ("moh", "moh-again"))
    return found if has_music else [*found, "music"]
