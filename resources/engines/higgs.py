"""Higgs Audio v2, which speaks like a recording it is given.

An *anchored* voice hears its recording and nothing else, so that equal texts sound
equal and may be shared. A *chained* voice hears the blocks before as well, as the model
was made to be used: the recording stays, the blocks slide. Which of them it has heard
is part of the key of every sound.

vLLM-Omni's speech endpoint takes a recording and no more. Servers that speak in chat
completions (boson's own) take both, as turns of a conversation.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

from lectern.errors import EngineUnavailable
from lectern.ids import digest
from lectern.settings import SpeechServer
from lectern.speech.custom_voices import Mode, VoiceKind
from lectern.speech.voices import Voice
from resources.engines import higgs_text
from resources.engines.openai_speech import (
    OpenAISpeechEngine,
    sampling,
    wav_of,
)
from resources.engines.openai_speech_client import Reply, SpeechClient
from resources.engines.opus import CLOCK_HZ, decode
from resources.engines.sounds import without_tail
from resources.engines.speech import Heard, ReadBlob

RATE_HZ = 24_000
LONGEST_CHARS = 600
"""A text of 667 characters has been seen to fill the memory of its machine."""
TOKENS_A_SECOND = 25
SECONDS_A_CHAR = 0.25  # what a slow reader needs; the model is stopped past that
SPARE_TOKENS = 100
SYSTEM = "Generate audio following instruction."
SCENE = "\n\n<|scene_desc_start|>\n{scene}\n<|scene_desc_end|>"
STOP = ["<|eot_id|>", "<|end_of_text|>", "<|audio_eos|>"]
SAMPLING: dict[str, float | int] = {
    "temperature": 0.3,
    "top_p": 0.95,
    "top_k": 50,
    "seed": 42,
}
"""What the model's authors use for long texts. A voice may say otherwise."""


class HiggsEngine(OpenAISpeechEngine):
    """Higgs Audio v2 on vLLM-Omni: anchored voices only."""

    phonemes_version = higgs_text.VERSION
    custom_kinds = frozenset({VoiceKind.REFERENCE})

    def __init__(
        self,
        name: str,
        server: SpeechServer,
        read_blob: ReadBlob | None = None,
        *,
        client: SpeechClient | None = None,
    ) -> None:
        longest_chars = min(server.longest_chars, LONGEST_CHARS)
        server = server.model_copy(update={"longest_chars": longest_chars})
        super().__init__(name, server, read_blob, client=client)

    def prepared(self, text: str) -> str:
        """Return the text without what makes the model stumble."""
        return higgs_text.plain(text)

    def request(self, voice: Voice) -> dict[str, Any]:
        """Return the parameters of every request for a voice.

        Raises:
            EngineUnavailable: The voice wants to hear the blocks before.
        """
        if is_chained(voice):
            raise EngineUnavailable(
                f"The speech server “{self.name}” speaks anchored voices only. Make "
                "the voice anchored, or use a server of kind higgs_chat."
            )
        return super().request(voice)


class HiggsChatEngine(HiggsEngine):
    """Higgs Audio v2 on a server that speaks in chat completions."""

    custom_kinds = frozenset({VoiceKind.REFERENCE, VoiceKind.PROMPT})

    def __init__(
        self,
        name: str,
        server: SpeechServer,
        read_blob: ReadBlob | None = None,
        *,
        client: SpeechClient | None = None,
    ) -> None:
        super().__init__(name, server, read_blob, client=client)
        self.texts_at_once = server.parallel_requests  # no batches here
        used = [f"{key}={value}" for key, value in SAMPLING.items()]
        self.version = digest(self.version, SYSTEM, *used)[:16]

    def voices(self) -> Sequence[Voice]:
        """Return none: every voice is made from a recording or a scene."""
        return ()

    def find(self, voice_id: str) -> Voice | None:
        """Return no voice, as there are none of its own."""
        return None

    def context_blocks(self, voice: Voice) -> int:
        """Return how many blocks before a block decide its sound."""
        return self._server.chained_blocks if is_chained(voice) else 0

    def reply(self, text: str, voice: Voice, context: Sequence[Heard]) -> Reply:
        """Return what the server sends for a text."""
        asked: dict[str, Any] = {
            "messages": self.messages(text, voice, context),
            "modalities": ["text", "audio"],
            "max_completion_tokens": most_tokens(text),
            "stop": STOP,
            **sampling_of(voice),
        }
        if self._server.model:
            asked["model"] = self._server.model
        return self._client.chat(asked)

    def messages(
        self, text: str, voice: Voice, context: Sequence[Heard]
    ) -> list[dict[str, Any]]:
        """Return the conversation as it is sent."""
        reference = None
        if voice.parameters.get("kind") == VoiceKind.REFERENCE:
            reference = self.reference(voice)
        return [
            {"role": turn.role, "content": _content(turn.said)}
            for turn in merged(conversation(text, voice, context, reference))
        ]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side of a conversation says: words, or a sound as WAV."""

    role: Literal["system", "scene", "user", "assistant"]
    said: str | bytes


def conversation(
    text: str, voice: Voice, context: Sequence[Heard], reference: bytes | None
) -> list[Turn]:
    """Return the conversation that ends with a text, which the model answers.

    The recording comes first and always stays; then the blocks before, each as what
    was asked and what was said.
    """
    turns = [Turn("system", SYSTEM)]
    if scene := voice.parameters.get("scene"):
        turns.append(Turn("scene", higgs_text.plain(scene)))
    if reference is not None:
        turns.append(Turn("user", voice.parameters["transcript"]))
        turns.append(Turn("assistant", reference))
    for heard in context:
        turns.append(Turn("user", higgs_text.plain(heard.text)))
        turns.append(Turn("assistant", heard_as_wav(heard)))
    return [*turns, Turn("user", text)]


def merged(turns: Sequence[Turn]) -> list[Turn]:
    """Return a conversation whose scene is part of what the system says."""
    scenes = [turn.said for turn in turns if turn.role == "scene"]
    system = SYSTEM + "".join(SCENE.format(scene=scene) for scene in scenes)
    spoken = [turn for turn in turns if turn.role not in ("system", "scene")]
    return [Turn("system", system), *spoken]


def most_tokens(text: str) -> int:
    """Return after how many tokens the model has said more than the text."""
    return int(SECONDS_A_CHAR * len(text) * TOKENS_A_SECOND) + SPARE_TOKENS


def is_chained(voice: Voice) -> bool:
    """Whether a voice hears the blocks before as well."""
    return voice.parameters.get("mode") == Mode.CHAINED


def sampling_of(voice: Voice) -> dict[str, float | int]:
    """Return how the model is to choose: as the voice says, else as its authors do."""
    seed = voice.parameters.get("seed")
    return SAMPLING | sampling(voice) | ({} if seed is None else {"seed": int(seed)})


def heard_as_wav(heard: Heard) -> bytes:
    """Return a block's sound as WAV, without the pause that ends it."""
    samples = without_tail(decode(heard.sound), CLOCK_HZ)
    return wav_of(at_rate(samples, CLOCK_HZ, RATE_HZ), RATE_HZ)


def at_rate(
    samples: NDArray[np.int16], rate_hz: int, wanted_hz: int
) -> NDArray[np.int16]:
    """Return mono samples at another rate."""
    if rate_hz == wanted_hz or not samples.size:
        return samples
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = rate_hz
    resampler = av.AudioResampler("s16", "mono", wanted_hz)
    pieces = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces])


def _content(said: str | bytes) -> str | list[dict[str, Any]]:
    if isinstance(said, str):
        return said
    data = base64.b64encode(said).decode()
    return [{"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}]
