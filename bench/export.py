"""What exporting a book to M4B takes beside encoding the same samples.

    python -m bench.export [--hours 1] [--rounds 3] [--loudness -16]

The book repeats some minutes of real espeak-ng speech until it is long enough: what
is measured begins when everything is spoken. The raw encode is FFmpeg's AAC encoder
over the same samples, which lie in memory. Ours reads every block from the store,
decodes it and measures the loudness of the whole before it encodes, and writes
chapters, cover and tags. Both alternate, so that a busy machine slows each alike.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bench.speech import texts
from lectern.accounts.people import LOCAL
from lectern.documents.blocks import Chapter
from lectern.exports.timeline import RATE_HZ
from lectern.jobs.states import JobKind
from resources.exporting.making import make_export, voice_export
from resources.exporting.samples import Samples, StoredSound, decoded
from resources.exporting.sources import Sources
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.jobs import Job
from tests.support.speech import add_document, settings_at

SPOKEN_CHARS = 12_000  # about twelve minutes
BLOCKS_A_CHAPTER = 120
GOAL = 1.2
PIECE_SAMPLES = 16 * 1024
BIT_RATE = 64_000


def book(services: Services, hours: float) -> Document:
    """Return a book that lasts about so long."""
    few = texts(SPOKEN_CHARS)
    sample = add_document(services, few, title="Sample")
    job = begun(services, sample, loudness=None)
    voice_export(services, sample, job=job)
    few_ms = Sources(services, sample, job).timeline.duration_ms
    count = round(hours * 3_600_000 / (few_ms / len(few)))
    chapters = [
        Chapter(f"Chapter {n // BLOCKS_A_CHAPTER + 1}", 1, n)
        for n in range(0, count, BLOCKS_A_CHAPTER)
    ]
    blocks = list(islice(cycle(few), count))
    return add_document(services, blocks, title="A long book", chapters=chapters)


def begun(services: Services, document: Document, *, loudness: int | None) -> Job:
    """Return a running job that exports a document to M4B."""
    request = {"format": "m4b", "loudness_lufs": loudness}
    job = services.jobs.create(
        LOCAL,
        document_id=document.id,
        kind=JobKind.EXPORT,
        parameters={"export": request},
    )
    services.jobs.start(job.id, job.id)
    return services.jobs.find(job.id)


def blocks_in_memory(sources: Sources) -> list[Samples]:
    """Return the samples of every block; those that repeat share their memory."""
    known: dict[str, Samples] = {}
    for part in sources.parts:
        if part.variant.blob not in known:
            stored = StoredSound(
                sources.services.blobs, part.variant.blob, part.variant.duration_ms
            )
            known[part.variant.blob] = decoded(stored)
    return [known[part.variant.blob] for part in sources.parts]


def raw_encode(blocks: list[Samples], path: Path) -> None:
    """Encode samples and nothing else."""
    at = 0
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE_HZ)
        stream.layout = "mono"
        stream.bit_rate = BIT_RATE
        for block in blocks:
            for start in range(0, len(block), PIECE_SAMPLES):
                part = block[None, start : start + PIECE_SAMPLES]
                frame = av.AudioFrame.from_ndarray(part, "s16", "mono")
                frame.sample_rate, frame.pts = RATE_HZ, at
                frame.time_base = Fraction(1, RATE_HZ)
                at += part.shape[1]
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def our_export(services: Services, document: Document, loudness: int | None) -> None:
    """Export a book of which everything is spoken."""
    for export in services.exports.list(LOCAL, document.id):
        services.exports.delete(LOCAL, export.id)
    job = begun(services, document, loudness=loudness)
    make_export(services, document, job=job)


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds on the clock and of the processor that some work takes."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def main() -> None:
    """Measure, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loudness", type=int, default=-16, help="0: as it is")
    options = parser.parse_args()
    loudness = options.loudness or None
    with tempfile.TemporaryDirectory() as folder:
        services = Services.open(settings_at(Path(folder) / "data"))
        document = book(services, options.hours)
        job = begun(services, document, loudness=loudness)
        voice_export(services, document, job=job)
        sources = Sources(services, document, job)
        blocks = blocks_in_memory(sources)
        seconds = sources.timeline.samples / RATE_HZ
        print(f"{seconds / 3600:.2f} hours, {len(blocks):,} blocks")
        raw, ours = [], []
        for _ in range(options.rounds):
            raw.append(timed(lambda: raw_encode(blocks, Path(folder) / "raw.m4a")))
            ours.append(timed(lambda: our_export(services, document, loudness)))
            print(f"  raw {raw[-1][0]:.1f} s, ours {ours[-1][0]:.1f} s")
        services.close()
    report(np.array(raw), np.array(ours))


def report(raw: NDArray[np.float64], ours: NDArray[np.float64]) -> None:
    """Print medians: seconds on the clock, and of the processor."""
    raw_seconds, raw_cpu = np.median(raw, axis=0)
    our_seconds, our_cpu = np.median(ours, axis=0)
    ratio, cpu_ratio = np.median(ours / raw, axis=0)
    verdict = "ok" if ratio <= GOAL else "MISSED"
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"raw encode   {raw_seconds:8.1f} s   {raw_cpu:8.1f} s of a processor")
    print(f"our export   {our_seconds:8.1f} s   {our_cpu:8.1f} s of a processor")
    print(f"ratio        {ratio:8.2f}     {cpu_ratio:8.2f}   goal {GOAL}: {verdict}")
    print(f"most memory  {mib:8.0f} MiB")


if __name__ == "__main__":
    main()
