"""Real Ogg Opus audio for tests: one tone for every word, of known times."""

import io
import math
import re
from fractions import Fraction
from functools import cache

RATE_HZ = 48_000
WORD_MS = 120
SILENCE_MS = 100  # at the end of every block, as the app's own audio has


def word_times(text: str) -> tuple[list[list[int]], int]:
    """Return [[start char, end char, start ms, end ms]…] and the whole length."""
    found = list(re.finditer(r"\S+", text))
    times = [
        [word.start(), word.end(), n * WORD_MS, (n + 1) * WORD_MS]
        for n, word in enumerate(found)
    ]
    return times, len(found) * WORD_MS + SILENCE_MS


@cache
def speak_tones(text: str) -> bytes:
    """Return Ogg Opus in which each word is a tone, higher from word to word."""
    import av
    import numpy as np

    _times, duration_ms = word_times(text)
    samples = np.zeros(duration_ms * RATE_HZ // 1000, dtype=np.float32)
    length = WORD_MS * RATE_HZ // 1000
    angle = 2 * math.pi * np.arange(length, dtype=np.float32) / RATE_HZ
    for n in range(len(_times)):
        tone = 0.2 * np.sin(angle * (220 + 20 * (n % 20)))
        samples[n * length : (n + 1) * length] = tone
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
        frame.sample_rate = RATE_HZ
        frame.time_base = Fraction(1, RATE_HZ)
        frame.pts = 0
        resampler = av.AudioResampler("flt", "mono", RATE_HZ, frame_size=960)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return buffer.getvalue()
