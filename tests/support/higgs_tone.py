"""Higgs Audio's own process with a model that is a tone: the real wire, no weights.

Run as a program in place of ``resources/engines/higgs_process.py``. What it was asked
is kept beside the model, for the test to read.
"""

import array
import json
import math
import sys
import types
import wave
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    stand_in = types.ModuleType("resources")
    stand_in.__path__ = [str(Path(__file__).resolve().parents[2] / "resources")]
    sys.modules["resources"] = stand_in

from resources.engines.higgs_process import Higgs
from resources.engines.resident_server import serve

RATE_HZ = 24_000


class Tone:
    """Says every text as a tone of its length, or misbehaves as the text says."""

    def __init__(self, folder: Path, tokenizer_folder: Path, device: str) -> None:
        if (folder / "broken").exists():
            raise OSError("the weights are gone")
        self._folder = folder

    def speak(
        self, turns: list[dict[str, str]], *, sampling: Any, max_new_tokens: int
    ) -> bytes:
        """Note what was asked, and return a tone."""
        text = turns[-1]["text"]
        told = [
            {"role": turn["role"], "text": turn.get("text"), "seconds": _seconds(turn)}
            for turn in turns
        ]
        with (self._folder / "asked.jsonl").open("a") as file:
            note = {"turns": told, "sampling": sampling, "most": max_new_tokens}
            file.write(json.dumps(note) + "\n")
        if "Crash." in text:
            sys.exit(7)
        seconds = max(0.4, len(text) / 14) * (8 if "Too long." in text else 1)
        loud = 0 if "Silent." in text else 8000
        step = 2 * math.pi * 440 / RATE_HZ
        samples = (
            int(loud * math.sin(step * n)) for n in range(int(seconds * RATE_HZ))
        )
        return array.array("h", samples).tobytes()


def _seconds(turn: dict[str, str]) -> float | None:
    if "sound" not in turn:
        return None
    with wave.open(turn["sound"], "rb") as file:
        assert file.getframerate() == RATE_HZ
        return file.getnframes() / RATE_HZ


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    serve(int(sys.argv[2]), Higgs(options, Tone), processes=1, idle_seconds=60)
