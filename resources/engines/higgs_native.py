"""Higgs Audio v2 without a server: the plain baseline, one text after the other."""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lectern.errors import BadEngineReply, EngineUnavailable
from lectern.ids import BlobHash, digest
from lectern.jobs.accelerators import Accelerator
from lectern.settings import Higgs
from lectern.speech.custom_voices import VoiceKind
from lectern.speech.voices import Voice
from resources.engines import audio_replies, higgs, higgs_text
from resources.engines.openai_speech import pieces, reference_reader
from resources.engines.resident import Resident
from resources.engines.speech import Heard, ReadBlob, Speech, SpeechEngine, joined

PROGRAM = Path(__file__).with_name("higgs_process.py")
NAME = "higgs-native"


class HiggsNativeEngine(SpeechEngine):
    """Speaks by a model in a process of its own. Safe to share between threads."""

    name = NAME
    phonemes_version = higgs_text.VERSION
    custom_kinds = frozenset({VoiceKind.REFERENCE, VoiceKind.PROMPT})
    texts_at_once = 1

    def __init__(
        self,
        settings: Higgs,
        root: Path,
        run_folder: Path,
        read_blob: ReadBlob | None = None,
        *,
        program: Path = PROGRAM,
    ) -> None:
        if settings.folder is None:
            raise EngineUnavailable(
                "Higgs Audio has no model. Set LECTERN_HIGGS__FOLDER to its folder."
            )
        folder = settings.folder.expanduser().absolute()
        tokenizer_folder = settings.tokenizer_folder or folder / "audio_tokenizer"
        options = {
            "folder": str(folder),
            "tokenizer_folder": str(tokenizer_folder.expanduser().absolute()),
            "device": settings.device,
            "keep_loaded_seconds": settings.keep_loaded_seconds,
        }
        # It is started elsewhere, and a link to an interpreter is an environment.
        python = str((settings.python or Path(sys.executable)).expanduser().absolute())
        self._settings = settings
        self._resident = Resident(
            name="higgs",
            title="Higgs Audio",
            command=(python, "-I", str(program), json.dumps(options)),
            folder=run_folder,
            log=root / "logs" / "higgs.log",
        )
        self._reference = reference_reader(read_blob)
        self.accelerator = (
            Accelerator.GPU if settings.device == "cuda" else Accelerator.CPU
        )
        used = [f"{key}={value}" for key, value in higgs.SAMPLING.items()]
        self.version = digest(_weights(folder), settings.version, *used)[:16]

    def voices(self) -> Sequence[Voice]:
        """Return none: every voice is made from a recording or a scene."""
        return ()

    def context_blocks(self, voice: Voice) -> int:
        """Return how many blocks before a block decide its sound."""
        return self._settings.chained_blocks if higgs.is_chained(voice) else 0

    def warm_up(self, voice: Voice, *, processes: int = 1) -> None:
        """Start the process, without waiting for it."""
        self._resident.start()

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Speech:
        """Speak a normalised text.

        Raises:
            EngineCrashed: The process ended.
            EngineUnavailable: The model cannot be loaded.
            BadEngineReply: What it said is not this text.
        """
        said = higgs_text.plain(text)
        return joined(
            [
                self._speech(piece, voice, context)
                for piece in pieces(said, higgs.LONGEST_CHARS)
            ]
        )

    def _speech(self, text: str, voice: Voice, context: Sequence[Heard]) -> Speech:
        reference = None
        if voice.parameters.get("kind") == VoiceKind.REFERENCE:
            reference = self._reference(BlobHash(voice.parameters["audio"]))
        turns = higgs.conversation(text, voice, context, reference)
        with tempfile.TemporaryDirectory(prefix="lectern-higgs-") as folder:
            header, sound = self._resident.ask(
                {
                    "ask": "speak",
                    "turns": [
                        _written(turn, Path(folder) / f"{number}.wav")
                        for number, turn in enumerate(turns)
                    ],
                    "sampling": higgs.sampling_of(voice),
                    "max_new_tokens": higgs.most_tokens(text),
                }
            )
        if len(sound) % 2:
            raise BadEngineReply("Higgs Audio replied with half a sample.")
        speech = Speech(np.frombuffer(sound, np.int16), int(header["rate_hz"]), ())
        audio_replies.require_length(text, len(speech.samples) / speech.rate_hz)
        return speech


def _written(turn: higgs.Turn, path: Path) -> dict[str, str]:
    """Return a turn as it is sent, its sound in a file."""
    if isinstance(turn.said, str):
        return {"role": turn.role, "text": turn.said}
    path.write_bytes(turn.said)
    return {"role": turn.role, "sound": str(path)}


def _weights(folder: Path) -> str:
    """Return what tells one model from another without reading all of it."""
    files = sorted(folder.glob("*.json")) + sorted(folder.glob("*.safetensors"))
    parts = [f"{path.name} {path.stat().st_size}" for path in files]
    config = folder / "config.json"
    return digest(*parts, config.read_bytes() if config.is_file() else b"")
