"""One loudness for a whole file: measured over all of it, then one gain.

Measured after ITU-R BS.1770 as EBU R128 asks for. The gain is the same everywhere, so
that what was loud within the reading stays louder; only peaks that would pass the
ceiling are held back, smoothly and for some milliseconds.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lectern.exports.timeline import RATE_HZ
from resources.engines.loudness import (
    CEILING_DB,
    LARGEST_GAIN_DB,
    LARGEST_REDUCTION_DB,
    SLICE_SECONDS,
    SLICES_IN_WINDOW,
    gated_lufs,
    limited,
    peak,
    slice_powers,
)

SLICE_SAMPLES = round(RATE_HZ * SLICE_SECONDS)

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Measured:
    """How loud something is."""

    lufs: float  # −inf for silence
    peak_db: float  # highest sample, below full scale; −inf for silence


class LoudnessMeter:
    """Measures samples that come piece by piece, as if they came at once.

    Keeps one number for each tenth of a second: three megabytes for ten hours.
    """

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.int16)
        self._powers: list[NDArray[np.float64]] = []
        self._peak = 0

    def add(self, samples: Samples) -> None:
        """Take the next piece."""
        self._peak = max(self._peak, peak(samples))
        both = np.concatenate([self._rest, samples])
        count = len(both) // SLICE_SAMPLES
        whole = both[: count * SLICE_SAMPLES].reshape(count, SLICE_SAMPLES)
        self._powers.append(slice_powers(whole, RATE_HZ, SLICE_SAMPLES))
        self._rest = both[count * SLICE_SAMPLES :].copy()

    def measured(self) -> Measured:
        """Return how loud all of it is."""
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0)
        if len(powers) < SLICES_IN_WINDOW and len(self._rest):
            powers = np.append(
                powers, slice_powers(self._padded(), RATE_HZ, len(self._rest))
            )
        if not self._peak or not len(powers):
            return Measured(-math.inf, -math.inf)
        size = min(SLICES_IN_WINDOW, len(powers))
        windows = np.convolve(powers, np.full(size, 1 / size), mode="valid")
        return Measured(gated_lufs(windows), 20 * math.log10(self._peak / 32768))

    def _padded(self) -> Samples:
        return self._rest.reshape(1, -1)


def gain_db(measured: Measured, target_lufs: float | None) -> float:
    """Return the gain that brings all of it to the target.

    No peak is held back by more than a listener would take for granted.
    """
    if target_lufs is None or math.isinf(measured.lufs):
        return 0.0
    return min(
        target_lufs - measured.lufs,
        LARGEST_GAIN_DB,
        CEILING_DB + LARGEST_REDUCTION_DB - measured.peak_db,
    )


def amplified(samples: Samples, by_db: float) -> Samples:
    """Return the samples with a gain, no peak above the ceiling."""
    if by_db == 0:
        return samples
    gain = np.float32(10 ** (by_db / 20))
    ceiling = np.float32(32768 * 10 ** (CEILING_DB / 20))
    if peak(samples) * gain > ceiling:
        scaled = limited(samples, gain, ceiling)
    else:
        scaled = samples.astype(np.float32) * gain
    whole: Samples = np.rint(scaled, out=scaled).astype(np.int16)
    return whole
