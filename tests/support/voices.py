"""An engine for which voices can be made, and voices made for it."""

import io
import wave
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from lectern.accounts.people import LOCAL, Principal
from lectern.ids import BlobHash
from lectern.speech.custom_voices import (
    Consent,
    CustomVoice,
    Prompt,
    Recipe,
    Reference,
    VoiceKind,
    mix_of,
)
from lectern.speech.voices import Voice
from resources.engines.speech import Heard, Speech, SpeechEngine
from resources.services import Services
from resources.stores.voices import VoiceDraft

RATE_HZ = 24_000
PITCHES_HZ = {"ada": 220.0, "bea": 330.0, "cleo": 440.0, "dirk": 160.0, "ema": 280.0}
LANGUAGES = {"ada": "en-us", "bea": "en-gb", "cleo": "en-us", "dirk": "de", "ema": "ja"}


class BlendEngine(SpeechEngine):
    """Speaks in tones: of a mix, the weighted mean of its voices' pitches."""

    name = "blend"
    phonemes_version = "1"
    custom_kinds = frozenset(VoiceKind)

    def __init__(self) -> None:
        self.version = "1"
        self.hears = 0
        self.spoken: list[tuple[str, Voice]] = []

    def voices(self) -> Sequence[Voice]:
        """Return the stock voices."""
        return [
            Voice(
                f"blend:{name}",
                "blend",
                name.capitalize(),
                language,
                parameters={"kind": "stock", "voice": name},
                licence="CC0-1.0",
            )
            for name, language in LANGUAGES.items()
        ]

    def context_blocks(self, voice: Voice) -> int:
        """Return how many blocks a chained voice hears, where it hears any."""
        return self.hears if voice.parameters.get("mode") == "chained" else 0

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Speech:
        """Return a tone as long as the text."""
        self.spoken.append((text, voice))
        times = np.arange(int(RATE_HZ * (0.5 + 0.02 * len(text)))) / RATE_HZ
        tone = 8000 * np.sin(2 * np.pi * pitch_hz(voice) * times)
        return Speech(tone.astype(np.int16), RATE_HZ, ())


def pitch_hz(voice: Voice) -> float:
    """Return the pitch of a voice."""
    parameters = voice.parameters
    if parameters["kind"] == "mix":
        parts = [part.split("=") for part in parameters["voices"].split(",")]
        return sum(PITCHES_HZ[name] * float(weight) for name, weight in parts)
    if parameters["kind"] == "stock":
        return PITCHES_HZ[parameters["voice"]]
    return 500.0


def with_blend(services: Services) -> BlendEngine:
    """Return the engine, known to these services."""
    engine = BlendEngine()
    services.speech_engines().add(engine)
    return engine


def clip(seconds: float = 2.0, *, rate_hz: int = 16_000) -> bytes:
    """Return a WAV file with a tone."""
    times = np.arange(int(rate_hz * seconds)) / rate_hz
    tone = (9000 * np.sin(times * 1800)).astype("<i2")
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(tone.tobytes())
    return target.getvalue()


CONSENT = Consent("I read this myself and agree to its use here.", date(2026, 3, 1))
MIX = mix_of([("ada", 1.0), ("bea", 3.0)])
SCENE = Prompt("A calm reader in a small room.", "ada")


def reference(blob: BlobHash) -> Reference:
    """Return a recipe over a clip."""
    return Reference(blob, "The boats lay still.", CONSENT)


def add_voice(
    services: Services,
    name: str = "Anna",
    *,
    principal: Principal = LOCAL,
    recipe: Recipe = MIX,
    **values: Any,
) -> CustomVoice:
    """Keep a voice."""
    draft = {"engine": "blend", "engine_version": "1", "language": "en"} | values
    return services.voices.add(principal, VoiceDraft(name=name, recipe=recipe, **draft))
