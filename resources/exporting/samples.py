"""From the sounds of blocks to samples, each exactly as long as its block.

Several blocks are decoded at a time and handed on in order; no more than a few are in
memory, however long the book.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from lectern.errors import BlobCorrupt
from lectern.exports.timeline import RATE_HZ, SAMPLES_PER_MS
from lectern.ids import BlobHash
from resources.stores.blob_contract import Blobs

AHEAD = 6
"""Blocks in memory for each thread."""
PULLED_SAMPLES = 10 * RATE_HZ

Samples = NDArray[np.int16]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class StoredSound:
    """An Ogg Opus file as it lies in the store."""

    blobs: Blobs
    blob: BlobHash
    duration_ms: int


def decoded(sound: StoredSound) -> Samples:
    """Return a sound's samples at ``RATE_HZ``, its encoder's run-in left out.

    FFmpeg opens and decodes the file within one call for ten seconds of sound. Frame
    by frame, threads would spend their time handing the interpreter to each other.

    Raises:
        BlobCorrupt: It cannot be decoded, or is not as long as it should be.
    """
    try:
        with sound.blobs.held(sound.blob) as path:
            samples = _pulled(path)
    except (av.FFmpegError, ValueError) as error:
        raise BlobCorrupt("A sound is not a readable Ogg file.") from error
    length = sound.duration_ms * SAMPLES_PER_MS
    if abs(len(samples) - length) > SAMPLES_PER_MS:
        raise BlobCorrupt(
            f"A sound of {sound.duration_ms} ms holds "
            f"{len(samples) // SAMPLES_PER_MS} ms. Run `lectern doctor` to find "
            "damaged files."
        )
    exact = np.zeros(length, np.int16)
    exact[: len(samples)] = samples[:length]
    return exact


def _pulled(path: Path) -> Samples:
    graph = av.filter.Graph()
    form = f"sample_fmts=s16:channel_layouts=mono:sample_rates={RATE_HZ}"
    graph.link_nodes(
        graph.add("amovie", filename=str(path), format_name="ogg"),
        graph.add("aresample", str(RATE_HZ)),
        graph.add("aformat", form),
        graph.add("asetnsamples", f"n={PULLED_SAMPLES}:p=0"),
        graph.add("abuffersink"),
    ).configure()
    pieces: list[Samples] = []
    while True:
        try:
            pieces.append(graph.pull().to_ndarray()[0])
        except av.EOFError:
            return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


@contextmanager
def read_ahead(
    items: Iterable[Item], work: Callable[[Item], Result], *, threads: int = 0
) -> Iterator[Iterator[Result]]:
    """Yield the results of some work in order, a few of them made ahead.

    What takes long lets go of the interpreter, so that threads use every core.
    """
    count = threads or os.cpu_count() or 1
    with ThreadPoolExecutor(count, thread_name_prefix="decode") as pool:
        waiting: deque[Future[Result]] = deque()

        def results() -> Iterator[Result]:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= AHEAD * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

        try:
            yield results()
        finally:
            for future in waiting:
                future.cancel()
