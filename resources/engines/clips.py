"""Recordings of voices: whatever comes in is decoded apart, and kept as plain WAV.

What is kept has one form (mono, 16 bits, 24 kHz), so that an engine never meets a
file that somebody else made.
"""

import io
import json
import subprocess
import sys
import wave
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lectern.accounts.limits import Limits
from lectern.errors import ClipTooLong, DamagedFile, FileTooLarge, NothingToRead
from resources.engines.clip_child import NOT_AUDIO, RATE_HZ, TOO_LONG

SHORTEST_SECONDS = 1.0
CHILD_SECONDS = 30
SILENT_BELOW = 200
"""Peak, of 32,768, under which nobody speaks in a clip."""
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording in the form it is kept in."""

    data: bytes  # WAV
    duration_ms: int


def take_clip(data: bytes, limits: Limits) -> Clip:
    """Return a recording of any common kind as a clip.

    Raises:
        FileTooLarge: It has too many bytes.
        ClipTooLong: It lasts too long.
        DamagedFile: It is no recording that can be decoded.
        NothingToRead: It is silent, or shorter than a voice can be told by.
    """
    if len(data) > limits.clip_bytes:
        raise FileTooLarge(
            f"The recording has {len(data) / MIB:.1f} MiB, and may have "
            f"{limits.clip_bytes / MIB:.0f}. A minute of speech is enough.",
            used=len(data),
            limit=limits.clip_bytes,
        )
    samples = _decode(data, limits)
    seconds = len(samples) / RATE_HZ
    if seconds < SHORTEST_SECONDS:
        raise NothingToRead(
            f"The recording lasts {seconds:.1f} seconds. Record at least one second "
            "of speech; ten are better."
        )
    if np.abs(samples.astype(np.int32)).max() < SILENT_BELOW:
        raise NothingToRead("The recording is silent. Check the microphone.")
    return Clip(_wav(samples), round(seconds * 1000))


def _decode(data: bytes, limits: Limits) -> NDArray[np.int16]:
    told = {"seconds": limits.clip_seconds, "memory_bytes": limits.child_memory_bytes}
    module = "resources.engines.clip_child"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-X", "utf8", "-m", module, json.dumps(told)],
            input=data,
            capture_output=True,
            timeout=CHILD_SECONDS,
            env={"LANG": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DamagedFile("The recording could not be decoded in time.") from None
    if done.returncode == TOO_LONG:
        raise ClipTooLong(
            f"The recording is longer than {limits.clip_seconds:g} seconds. Cut out "
            "the clearest part.",
            limit=limits.clip_seconds,
        )
    if done.returncode:  # NOT_AUDIO, or it was ended by a limit
        why = "" if done.returncode == NOT_AUDIO else " It took too much to open."
        raise DamagedFile(
            f"This is no recording that can be read.{why} Use WAV, FLAC, Ogg, MP3, M4A "
            "or WebM."
        )
    return np.frombuffer(done.stdout, "<i2")


def _wav(samples: NDArray[np.int16]) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    return target.getvalue()
