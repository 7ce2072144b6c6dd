"""Higgs Audio v2 by transformers, from local folders. Imported by the process alone.

Weights are read as safetensors and no code that comes with a model is run: nothing is
unpickled.
"""

from __future__ import annotations

import os
import wave
from pathlib import Path
from typing import Any

RATE_HZ = 24_000
TEMPLATE = "chat_template.jinja"


class Model:
    """One loaded model, with its tokenizers."""

    def __init__(self, folder: Path, tokenizer_folder: Path, device: str) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"  # what is missing is told, not fetched
        import torch
        import transformers

        self._torch = torch
        local = {"local_files_only": True, "trust_remote_code": False}
        audio = transformers.HiggsAudioV2TokenizerModel.from_pretrained(
            tokenizer_folder, use_safetensors=True, **local
        )
        features = transformers.DacFeatureExtractor(
            feature_size=1,
            sampling_rate=audio.config.sample_rate,
            hop_length=audio.config.hop_length,
        )
        self._processor = transformers.HiggsAudioV2Processor(
            features,
            transformers.AutoTokenizer.from_pretrained(folder, **local),
            audio.to(device).eval(),
            chat_template=(folder / TEMPLATE).read_text(),
        )
        self._model = transformers.HiggsAudioV2ForConditionalGeneration.from_pretrained(
            folder, use_safetensors=True, dtype="auto", **local
        )
        self._model.to(device).eval()

    def speak(
        self,
        turns: list[dict[str, str]],
        *,
        sampling: dict[str, float],
        max_new_tokens: int,
    ) -> bytes:
        """Return what follows a conversation: 16-bit samples, mono, ``RATE_HZ``."""
        chosen = dict(sampling)
        self._torch.manual_seed(int(chosen.pop("seed", 0)))
        inputs = self._processor.apply_chat_template(
            [_message(turn) for turn in turns],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            sampling_rate=RATE_HZ,
        ).to(self._model.device)
        with self._torch.inference_mode():
            made = self._model.generate(
                **inputs, max_new_tokens=max_new_tokens, do_sample=True, **chosen
            )
            sound = self._processor.batch_decode(made)[0].float().cpu()
        whole = (sound.clamp(-1, 1) * 32767).round().to(self._torch.int16)
        return bytes(whole.numpy().tobytes())


def _message(turn: dict[str, str]) -> dict[str, Any]:
    if "sound" in turn:
        content: dict[str, Any] = {"type": "audio", "audio": _samples(turn["sound"])}
    else:
        content = {"type": "text", "text": turn["text"]}
    return {"role": turn["role"], "content": [content]}


def _samples(path: str) -> Any:
    import numpy as np

    with wave.open(path, "rb") as file:
        data = file.readframes(file.getnframes())
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768
