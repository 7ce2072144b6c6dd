"""Kokoro itself: the model, its voices, and sound from phonemes.

Runs in Kokoro's own interpreter, and uses nothing of ours that needs more.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resources.engines.resident_work import Refused

RATE_HZ = 24_000
VOICE_SHAPE = (510, 1, 256)
PARTS = ("bert", "bert_encoder", "predictor", "decoder", "text_encoder")
SEED = 1
"""The sound has noise in it; the same text must sound the same every time."""
VOICES_KEPT = 32


class Model:
    """The model of one folder. Load it before the first fork, speak in the forks."""

    def __init__(self, folder: Path, *, threads: int, bf16: bool, device: str) -> None:
        """Load configuration and weights into memory.

        Raises:
            Refused: The folder does not hold what a model needs.
        """
        self._folder = folder
        self._threads = threads
        self._bf16 = bf16
        self._wanted_device = device
        self._device: torch.device | None = None  # chosen in the fork
        torch.set_num_threads(1)  # more would start threads that a fork does not copy
        self._model = _load(folder)
        self._model.requires_grad_(requires_grad=False)
        self.vocabulary: frozenset[str] = frozenset(self._model.vocab)
        self._voice = lru_cache(VOICES_KEPT)(self._read_voice)

    def speak(
        self, phonemes: str, voice: torch.Tensor
    ) -> tuple[NDArray[np.float32], list[int]]:
        """Return the sound of up to 510 known phonemes, and each one's frames.

        The first and the last frames are the silence around.

        Raises:
            Refused: The model made no numbers.
        """
        device = self._on_device()
        ids = [self._model.vocab[phoneme] for phoneme in phonemes]
        style = voice[min(len(ids), VOICE_SHAPE[0]) - 1].to(device)
        torch.manual_seed(SEED)
        with torch.inference_mode(), self._precision(device):
            sound, frames = self._model.forward_with_tokens(
                torch.tensor([[0, *ids, 0]], device=device), style
            )
        samples = sound.float().reshape(-1).cpu().numpy()
        if not np.isfinite(samples).all():
            raise Refused("the model made a sound of what are no numbers", "bad_reply")
        return samples, [int(count) for count in frames.reshape(-1).tolist()]

    def mixed(self, weights: Mapping[str, float]) -> torch.Tensor:
        """Return the weighted mean of voices, of shape (510, 1, 256).

        Raises:
            Refused: There is no such voice, or its file is no voice.
        """
        total = sum(weights.values())
        return sum(
            (self._found(name) * (weight / total) for name, weight in weights.items()),
            start=torch.zeros(VOICE_SHAPE),
        )

    def _found(self, name: str) -> torch.Tensor:
        path = self._folder / "voices" / f"{name}.pt"
        if not path.is_file() or path.parent != self._folder / "voices":
            raise Refused(f"there is no voice {name} in {path.parent}")
        return self._voice(path, path.stat().st_mtime_ns)

    @staticmethod
    def _read_voice(path: Path, _changed_ns: int) -> torch.Tensor:
        try:
            voice = torch.load(path, map_location="cpu", weights_only=True)
            return torch.as_tensor(voice, dtype=torch.float32).reshape(VOICE_SHAPE)
        except Exception as error:
            raise Refused(
                f"{path} is no voice: it must hold one tensor of shape {VOICE_SHAPE}"
            ) from error

    def _on_device(self) -> torch.device:
        """Move to the device, in the fork: the parent must not touch it."""
        if self._device is None:
            torch.set_num_threads(self._threads)
            has_cuda = self._wanted_device != "cpu" and torch.cuda.is_available()
            if self._wanted_device == "cuda" and not has_cuda:
                raise Refused(
                    "there is no GPU that this torch can use. Set "
                    "LECTERN_KOKORO__DEVICE to cpu, or install a torch with CUDA "
                    "into Kokoro's environment"
                )
            self._device = torch.device("cuda" if has_cuda else "cpu")
            self._model.to(self._device)
        return self._device

    @contextlib.contextmanager
    def _precision(self, device: torch.device) -> Iterator[None]:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self._bf16):
            yield


def int16(pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.int16]:
    """Return pieces of sound one after the other, as 16-bit samples."""
    if not pieces:
        return np.zeros(RATE_HZ // 10, np.int16)
    scaled = np.concatenate(pieces) * 32767.0
    clipped: NDArray[np.float32] = np.clip(np.rint(scaled), -32768, 32767)
    return clipped.astype(np.int16)


def _load(folder: Path) -> Any:
    config, weights = folder / "config.json", weights_file(folder)
    if weights is None or not config.is_file():
        raise Refused(f"{folder} holds no config.json with one *.pth beside it")
    try:
        vocabulary = json.loads(config.read_text())["vocab"]
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{config} is no configuration of Kokoro") from error
    if " " not in vocabulary:
        raise Refused(f"{config} knows no space: it is no configuration of Kokoro")
    try:
        _require_parts(weights)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from kokoro.model import KModel

            # The name only keeps it from asking the hub which model this is.
            model = KModel(
                repo_id="hexgrad/Kokoro-82M", config=str(config), model=str(weights)
            )
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"{weights} are no weights of Kokoro: {error}") from error
    return model.eval()


def _require_parts(weights: Path) -> None:
    """Refuse weights that lack a part: it would be left to chance, and sound so."""
    # Mapped and not read: only the names are looked at.
    parts = torch.load(weights, map_location="cpu", weights_only=True, mmap=True)
    missing = [part for part in PARTS if part not in parts]
    if missing:
        raise Refused(f"{weights} lacks {', '.join(missing)}")


def weights_file(folder: Path) -> Path | None:
    """Return the one file of weights in a folder; None when there is none, or two."""
    found = sorted(folder.glob("*.pth"))
    return found[0] if len(found) == 1 else None
