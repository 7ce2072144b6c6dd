"""What Lectern adds to an engine of Kokoro's speed.

    python -m bench.pipeline [--blocks 10] [--rounds 3] [--at-once 1 2]

The engine is simulated: it gives real speech, after half the time that the speech
lasts, and lets go of the interpreter meanwhile, as a model in its own process does. The
raw loop asks it for one text after the other (on as many threads as the engine takes
texts at once) and encodes each; nothing is checked, levelled or stored. Ours renders
the same texts as a document into an empty library. The two alternate.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.speech import texts
from lectern.jobs.states import JobKind
from lectern.speech.voices import Voice
from resources.engines import opus
from resources.engines.espeak import EspeakEngine
from resources.engines.speech import Heard, Speech, SpeechEngine
from resources.rendering import voice_document
from resources.services import Services
from tests.support.speech import add_document, running_job, settings_at

GOAL = 1.02
REAL_TIME_FACTOR = 0.5
CHARS_A_SECOND = 14.0
BIT_RATE = 32_000
VOICE = Voice("paced:en", "paced", "Paced", "en")


class PacedEngine(SpeechEngine):
    """Speaks at a stated share of real time, and sleeps meanwhile."""

    name = "paced"
    version = "1"
    phonemes_version = "1"

    def __init__(self, texts_at_once: int) -> None:
        self.texts_at_once = texts_at_once
        espeak = EspeakEngine()
        voice = espeak.find("espeak:en-gb")
        assert voice is not None
        spoken = espeak.synthesise(texts(2000)[0], voice)
        self._rate_hz = spoken.rate_hz
        self._samples = spoken.samples

    def voices(self) -> Sequence[Voice]:
        """Return the one voice."""
        return [VOICE]

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Speech:
        """Return speech that is as long as the text."""
        seconds = len(text) / CHARS_A_SECOND
        samples = np.resize(self._samples, int(seconds * self._rate_hz))
        time.sleep(seconds * REAL_TIME_FACTOR)
        return Speech(samples, self._rate_hz, ())


def raw_loop(engine: PacedEngine, blocks: Sequence[str]) -> float:
    """Speak and encode; return the seconds it took."""

    def make(text: str) -> None:
        speech = engine.synthesise(text, VOICE)
        opus.encode(speech.samples, speech.rate_hz, bit_rate=BIT_RATE)

    started = time.perf_counter()
    with ThreadPoolExecutor(engine.texts_at_once) as pool:
        list(pool.map(make, blocks))
    return time.perf_counter() - started


def ours(engine: PacedEngine, blocks: Sequence[str]) -> float:
    """Render a document of the blocks; return the seconds it took."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        services = Services.open(settings_at(Path(folder)))
        services.speech_engines().add(engine)
        document = add_document(services, list(blocks))
        job = running_job(services, document, JobKind.RENDER, voice=VOICE.id)
        services.voicing()
        started = time.perf_counter()
        counts = voice_document(services, document, job=job)
        seconds = time.perf_counter() - started
        assert counts["synthesised"] == len(blocks)
        services.voicing().close()
        return seconds


def main() -> None:
    """Print medians and ratios."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--blocks", type=int, default=10)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--at-once", type=int, nargs="+", default=[1, 2])
    given = arguments.parse_args()
    blocks = texts(250 * given.blocks)[: given.blocks]
    for at_once in given.at_once:
        engine = PacedEngine(at_once)
        pairs = [
            (raw_loop(engine, blocks), ours(engine, blocks))
            for _ in range(given.rounds)
        ]
        raw, own = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratio = statistics.median(own / raw for raw, own in pairs)
        print(
            f"{at_once} at once: raw {raw:.2f} s, ours {own:.2f} s, "
            f"ratio {ratio:.4f} (goal ≤ {GOAL})",
            flush=True,
        )


if __name__ == "__main__":
    main()
