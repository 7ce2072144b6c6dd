"""The Kokoro side of the fence: run as a program, never imported.

torch and Kokoro weigh 1.5 GB on disk and one in memory, so they live in an
environment and a process of their own. Started by ``resources/engines/kokoro.py`` as
``python -I kokoro_process.py serve OPTIONS DESCRIPTOR`` it stays and speaks
(``resident_server.py`` says how it is asked); with ``probe`` it says what is installed
and ends, with ``locate NAME`` it says where a model of a hub lies on this machine.

It may import the standard library, numpy, torch, kokoro, misaki and spaCy, and those
files of ours that need no more. They are found without their package's environment.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Ours is another interpreter's package; its folder must not be searched for more.
    stand_in = types.ModuleType("resources")
    stand_in.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["resources"] = stand_in

from resources.engines.resident_messages import Header
from resources.engines.resident_server import serve
from resources.engines.resident_work import Refused

WORN_BYTES = 3 * 1024**3
"""A fork that fills so much memory is replaced; a long text leaves it full of holes."""
PACKAGES = ("kokoro", "misaki", "torch", "espeakng-loader", "spacy")
HUB_FILES = ["config.json", "*.pth", "voices/*.pt"]


class Kokoro:
    """Speaks texts."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._spellers: dict[str, Any] = {}
        self._model: Any = None

    def load(self) -> None:
        """Load the model, and the rules of languages that take long to load."""
        from resources.engines.kokoro_model import Model

        self._model = Model(
            Path(self._options["folder"]),
            threads=self._options["threads"],
            bf16=self._options["bf16"],
            device=self._options["device"],
        )
        for letter in self._options["languages"]:
            self._speller(letter)

    def answer(self, header: Header) -> tuple[Header, bytes]:
        """Speak a text, or return the numbers that a voice is made of."""
        if header["ask"] == "tensor":
            voice = self._model.mixed(header["voices"])
            return {"shape": list(voice.shape)}, voice.numpy().tobytes()
        if header["ask"] == "speak":
            return self._speak(header["text"], header["language"], header["voices"])
        raise Refused(f"nobody knows how to {header['ask']}")

    def is_worn(self) -> bool:
        """Whether this fork has filled so much memory that a fresh one is better."""
        trim_memory()
        resident_pages = int(Path("/proc/self/statm").read_text().split()[1])
        return resident_pages * os.sysconf("SC_PAGE_SIZE") > WORN_BYTES

    def _speak(
        self, text: str, language: str, voices: dict[str, float]
    ) -> tuple[Header, bytes]:
        from resources.engines import kokoro_model, kokoro_units

        units, has_words = self._speller(language).units(text)
        known, dropped = kokoro_units.known(units, self._model.vocabulary)
        voice = self._model.mixed(voices)
        sounds: list[Any] = []
        words: list[kokoro_units.Heard] = []
        spoken, from_ms = 0, 0.0
        for piece in kokoro_units.pieces(known):
            said = kokoro_units.said(piece)
            if not said:
                continue
            sound, frames = self._model.speak(said, voice)
            until_ms = from_ms + len(sound) * 1000 / kokoro_model.RATE_HZ
            words += kokoro_units.times(
                piece, frames, from_ms=round(from_ms), until_ms=round(until_ms)
            )
            from_ms = until_ms
            sounds.append(sound)
            spoken += len(said.replace(" ", ""))
        header = {
            "rate_hz": kokoro_model.RATE_HZ,
            "words": kokoro_units.joined(words, text) if has_words else [],
            "phonemes": spoken,
            "unknown_phonemes": dropped,
            "pieces": len(sounds),
        }
        return header, kokoro_model.int16(sounds).tobytes()

    def _speller(self, letter: str) -> Any:
        from resources.engines.kokoro_phonemes import Speller

        if letter not in self._spellers:
            self._spellers[letter] = Speller(letter)
        return self._spellers[letter]


def trim_memory() -> None:
    """Give back to the system what the last text has left free."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # another C library: it does as it likes
        return


def probe() -> dict[str, Any]:
    """Return the versions of what is installed, None for what is not."""
    found: dict[str, Any] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def locate(name: str, *, may_download: bool) -> dict[str, Any]:
    """Return the folder of a hub's model, after it was downloaded if it may be."""
    try:
        from huggingface_hub import snapshot_download

        folder = snapshot_download(
            name, allow_patterns=HUB_FILES, local_files_only=not may_download
        )
    except Exception as error:  # noqa: BLE001  # of many libraries; told as it is
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    return {"folder": folder}


def main(what: str, *arguments: str) -> None:
    """Do one of three things."""
    if what == "serve":
        options = json.loads(arguments[0])
        serve(
            int(arguments[1]),
            Kokoro(options),
            processes=options["processes"],
            idle_seconds=options["keep_loaded_seconds"],
        )
        return
    if what == "probe":
        told = probe()
    else:
        told = locate(arguments[0], may_download="download" in arguments[1:])
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
