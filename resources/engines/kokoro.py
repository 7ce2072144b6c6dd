"""Kokoro as a speech engine: small for a model, close to a human voice.

The model lives in a process of its own (``kokoro_process.py``), with an interpreter
of its own if need be, and stays loaded beside the runs (``resident.py``). Nothing
here imports torch.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from lectern.errors import BadEngineReply, EngineUnavailable
from lectern.ids import digest
from lectern.jobs.accelerators import Accelerator
from lectern.settings import Kokoro, Settings
from lectern.speech.custom_voices import VoiceKind
from lectern.speech.timing import WordTime
from lectern.speech.voices import Voice, speaks
from resources.engines import kokoro_tags, kokoro_voices
from resources.engines.kokoro_setup import (
    CONTENT,
    INSTALL,
    PROGRAM,
    digest_of_model,
    environment,
    find_model,
    find_python,
    probe,
)
from resources.engines.resident import Resident
from resources.engines.speech import Heard, Speech, SpeechEngine
from resources.environments import python_of
from resources.run_folder import run_folder

GPU_FILE = Path("/dev/nvidia0")
PROCESS_BYTES = 2 * 1024**3
"""What one text may take; the model itself is shared."""


class KokoroEngine(SpeechEngine):
    """Speaks with Kokoro. Safe to share between threads and across a fork."""

    name = kokoro_voices.ENGINE
    custom_kinds = frozenset({VoiceKind.MIX})

    def __init__(self, settings: Settings) -> None:
        """Find the interpreter and the model; nothing is loaded yet.

        Raises:
            EngineUnavailable: Either is missing; the message says how to get it.
        """
        kokoro = settings.kokoro
        python = find_python(kokoro, python_of(settings, self.name))
        installed = probe(python)
        if not installed["kokoro"] or not installed["torch"]:
            raise EngineUnavailable(
                f"Kokoro is not installed for the Python {python}. {INSTALL}"
            )
        self._folder = find_model(kokoro, python)
        stock = kokoro_voices.names(self._folder)
        if not stock:
            raise EngineUnavailable(f"There are no voices in {self._folder}. {CONTENT}")
        self._voices = tuple(kokoro_voices.voices(stock))
        precision = "bf16" if kokoro.bf16 else "fp32"
        model = digest_of_model(self._folder)
        self.version = f"{installed['kokoro']} {model} {precision}"
        self.phonemes_version = (
            f"misaki {installed['misaki']}, espeakng-loader "
            f"{installed['espeakng-loader']}, rules {kokoro_tags.VERSION}"
        )
        self.accelerator = (
            Accelerator.GPU if kokoro.device == "cuda" else Accelerator.CPU
        )
        processes = kokoro.processes or default_processes(kokoro)
        self.texts_at_once = processes
        self._resident = self._make_resident(settings, python, processes)

    def _make_resident(
        self, settings: Settings, python: Path, processes: int
    ) -> Resident:
        kokoro = settings.kokoro
        options = {
            "folder": str(self._folder),
            "version": self.version,  # another model is another process
            "phonemes": self.phonemes_version,
            "processes": processes,
            "threads": kokoro.threads,
            "bf16": kokoro.bf16,
            "device": kokoro.device,
            "keep_loaded_seconds": kokoro.keep_loaded_seconds,
            # Those with a lexicon, which takes seconds; the others are there at once.
            "languages": sorted(
                {kokoro_voices.letter(voice) for voice in self._voices} & {"a", "b"}
            ),
        }
        return Resident(
            name=self.name,
            title="Kokoro",
            command=(
                *(str(python), "-I", str(PROGRAM), "serve"),
                json.dumps(options, sort_keys=True),
            ),
            folder=run_folder(settings),
            log=settings.root / "logs" / "kokoro.log",
            environment=environment(kokoro),
        )

    def voices(self) -> Sequence[Voice]:
        """Return every voice in the model's folder, best first within a language."""
        return self._voices

    def default_voice(self, language: str) -> Voice | None:
        """Return the best voice of a language, of its region if there is one."""
        tag = language.lower().replace("_", "-")
        spoken = [voice for voice in self._voices if speaks(voice, language)]
        exact = [voice for voice in spoken if voice.language == tag]
        return next(iter([*exact, *spoken]), None)

    def voice_digest(self, voice: Voice) -> str:
        """Return a digest of a voice: its parts, their files, and how it reads."""
        files = [self._digest_of_voice(name) for name in kokoro_voices.weights(voice)]
        letter = kokoro_voices.letter(voice)
        return digest(super().voice_digest(voice), letter, *files)

    def _digest_of_voice(self, name: str) -> str:
        path = self._folder / "voices" / f"{name}.pt"
        try:
            stat = path.stat()
        except OSError as error:
            raise EngineUnavailable(
                f"Kokoro's voice “{name}” is missing in {path.parent}. Put its file "
                "back, or choose another voice."
            ) from error
        return _digest_of_file(path, stat.st_size, stat.st_mtime_ns)

    def warm_up(self, voice: Voice, *, processes: int = 1) -> None:
        """Have the model loaded, without waiting for it."""
        self._resident.start()

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Speech:
        """Speak a normalised text. The same call gives the same samples."""
        header, sound = self._resident.ask(
            {
                "ask": "speak",
                "text": text,
                "language": kokoro_voices.letter(voice),
                "voices": kokoro_voices.weights(voice),
            }
        )
        try:
            samples = np.frombuffer(sound, np.int16)
            words = tuple(WordTime(*map(int, word)) for word in header["words"])
            return Speech(samples, int(header["rate_hz"]), words)
        except (KeyError, TypeError, ValueError) as error:
            raise BadEngineReply("Kokoro replied nonsense.") from error

    def tensor(self, voice: Voice) -> NDArray[np.float32] | None:
        """Return the numbers of a voice, of shape (510, 1, 256)."""
        asked = {"ask": "tensor", "voices": kokoro_voices.weights(voice)}
        header, data = self._resident.ask(asked)
        return np.frombuffer(data, np.float32).reshape(header["shape"])


def default_processes(settings: Kokoro) -> int:
    """Return how many texts are spoken at once: as measured, one thread each does
    most with the cores there are. A GPU is kept busy by one."""
    has_gpu = settings.device == "cuda" or (
        settings.device == "auto" and GPU_FILE.exists()
    )
    if has_gpu:
        return 1
    cores = (os.cpu_count() or 1) // settings.threads
    room = psutil.virtual_memory().total // PROCESS_BYTES
    return max(1, min(cores, room))


@lru_cache(maxsize=256)
def _digest_of_file(path: Path, size_bytes: int, changed_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
