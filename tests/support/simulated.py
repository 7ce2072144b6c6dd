"""Engines of a set speed, so that capacity is known and the processor is not the limit.

One lives in the process that asks it; the other is a speech server, which all processes
of an installation share and which the settings name like any other.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from lectern.speech.timing import WordTime
from lectern.speech.voices import Voice
from resources.engines.speech import Heard, Speech, SpeechEngine
from tests.support.speech_server import (
    CHARS_A_SECOND,
    RATE_HZ,
    SpeechServer,
    encoded,
    tone,
)

VOICE = Voice("simulated:en", "simulated", "Simulated", "en")


class SimulatedEngine(SpeechEngine):
    """Speaks each text in a set time, which it sleeps; the sound is short."""

    name = "simulated"
    version = "1"
    phonemes_version = "1"

    def __init__(self, *, seconds_a_text: float, texts_at_once: int | None = 1) -> None:
        self.seconds_a_text = seconds_a_text
        self.texts_at_once = texts_at_once
        self.spoken = 0

    def voices(self) -> Sequence[Voice]:
        """Return the one voice."""
        return [VOICE]

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Speech:
        """Return a short tone, and where its words would be."""
        until = time.monotonic() + self.seconds_a_text
        samples = _short_tone(len(text) % 8)
        ends = [place for place, char in enumerate(text + " ") if char == " "]
        starts = [0, *(end + 1 for end in ends[:-1])]
        step_ms = len(samples) * 1000 // RATE_HZ // max(1, len(ends))
        words = tuple(
            WordTime(start, end, number * step_ms, (number + 1) * step_ms)
            for number, (start, end) in enumerate(zip(starts, ends, strict=True))
        )
        self.spoken += 1
        time.sleep(max(0.0, until - time.monotonic()))
        return Speech(samples, RATE_HZ, words)


@dataclass
class PacedServer(SpeechServer):
    """A server that speaks so many texts at a time, each at a set speed.

    What comes while all slots are taken waits in order of arrival, as it does where
    a GPU is behind it. ``speed`` is seconds of sound in a second, of each slot.
    """

    slots: int = 1
    speed: float = 1.0
    spoken_seconds: float = 0.0  # of sound
    most_waiting: int = 0
    _free: asyncio.Semaphore | None = field(default=None, repr=False)

    @property
    def capacity(self) -> float:
        """Return the seconds of sound that it makes in a second."""
        return self.slots * self.speed

    async def _speech(self, request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        seconds = len(str(body["input"])) / CHARS_A_SECOND
        if self._free is None:
            self._free = asyncio.Semaphore(self.slots)
        with self._counted():
            self.most_waiting = max(self.most_waiting, self.at_once - self.slots)
            async with self._free:
                until = time.monotonic() + seconds / self.speed
                sound = _opus(round(seconds * CHARS_A_SECOND))
                await asyncio.sleep(max(0.0, until - time.monotonic()))
                self.spoken_seconds += seconds
        return Response(sound, media_type="audio/ogg")


@lru_cache(maxsize=512)
def _opus(chars: int) -> bytes:
    """Return sound as long as so many characters; made once for each length."""
    return encoded(tone("a" * chars), "opus")


@lru_cache
def _short_tone(number: int) -> Any:
    return tone("a" * (8 + number))
