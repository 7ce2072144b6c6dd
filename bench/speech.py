"""What Lectern adds to an engine and an encoder, and how soon a jump is heard.

    python -m bench.speech [--chars 500000] [--rounds 3]

The raw loop is the least that could be done: one process, espeak-ng started once, a
text after the other spoken and encoded with the same settings. Nothing is levelled,
no pause is added, nothing is stored, and the sound differs from run to run. Ours
renders the same texts as a document into an empty library. Each measurement is a
process of its own; the two that use one core share the same one, and all of them
alternate, so that a busy machine slows each alike.
"""

import argparse
import ctypes
import gc
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lectern.jobs.states import JobKind
from resources.engines import opus
from resources.engines.espeak import EspeakEngine
from resources.engines.espeak_client import PROGRAM
from resources.listening import follow_reader
from resources.rendering import voice_document
from resources.services import Services
from tests.support.speech import (
    WORDS,
    Reader,
    add_document,
    running_job,
    settings_at,
)

VOICE_FILE = "gmw/en"
VOICE_ID = "espeak:en-gb"
BIT_RATE = 32_000
BLOCK_CHARS = 250
JUMPS = 30
GOALS = {"one core": 1.15, "two workers": 1.7, "opus": 80, "jump_seconds": 0.5}


def texts(chars: int) -> list[str]:
    """Return different blocks of sentences, that many characters in all."""
    chance = random.Random(7)
    blocks: list[str] = []
    while sum(map(len, blocks)) < chars:
        sentences: list[str] = []
        while len(" ".join(sentences)) < BLOCK_CHARS - 40:
            words = chance.choices(WORDS, k=chance.randint(6, 14))
            sentences.append(" ".join(words).capitalize() + ".")
        blocks.append(" ".join(sentences))
    return blocks


def espeak_program() -> ModuleType:
    """Load the GPL side here; only the process of the raw loop does this."""
    spec = importlib.util.spec_from_file_location("espeak_program", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def raw_loop(blocks: list[str]) -> dict[str, float]:
    """Speak and encode; return seconds of work and of sound."""
    import espeakng_loader

    program = espeak_program()
    library = program.load(espeakng_loader.get_library_path())
    rate_hz = program.initialise(library, espeakng_loader.get_data_path())
    sound: list[bytes] = []

    @program.Callback
    def receive(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            sound.append(ctypes.string_at(samples, count * 2))
        return 0

    library.espeak_SetSynthCallback(receive)
    library.espeak_SetVoiceByName(VOICE_FILE.encode())
    seconds = 0.0
    started, cpu_started = time.perf_counter(), cpu_seconds()
    for text in blocks:
        sound.clear()
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 0x1001, None, None)
        samples = np.frombuffer(b"".join(sound), np.int16)
        seconds += len(samples) / rate_hz
        opus.encode(samples, rate_hz, bit_rate=BIT_RATE)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": cpu_seconds() - cpu_started,
        "audio_seconds": seconds,
    }


def ours(blocks: list[str], processes: int) -> dict[str, float]:
    """Render a document of the blocks; return seconds of work and of sound."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        settings = settings_at(Path(folder), processes=processes)
        services = Services.open(settings)
        document = add_document(services, blocks)
        job = running_job(services, document, JobKind.RENDER)
        services.speech_engines().first()
        started, cpu_started = time.perf_counter(), cpu_seconds()
        counts = voice_document(services, document, job=job)
        seconds = time.perf_counter() - started
        assert counts["synthesised"] == len(blocks)
        services.speech_engines().close()  # a child's time is known when it has ended
        return {
            "seconds": seconds,
            "cpu_seconds": cpu_seconds() - cpu_started,
            "audio_seconds": counts["made_ms"] / 1000,
        }


def cpu_seconds() -> float:
    """Return the processor time of this process and of its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measured(part: str, chars: int) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", "bench.speech", "--part", part]
    output = subprocess.run(
        [*command, "--chars", str(chars)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    result: dict[str, float] = json.loads(output)
    return result


def book(chars: int, rounds: int) -> None:
    """Print how a book compares with the raw loop."""
    results: dict[str, list[dict[str, float]]] = {"raw": [], "one": [], "two": []}
    for _ in range(rounds):
        for part, rows in results.items():
            made = measured(part, chars)
            rows.append(made)
            print(
                f"  {part:4} {made['seconds']:7.1f} s, {made['cpu_seconds']:7.1f} s of "
                f"processor, for {made['audio_seconds'] / 60:.0f} min of sound",
                flush=True,
            )
    one, one_cpu = (ratio(results, "one", of) for of in ("seconds", "cpu_seconds"))
    two = 1 / ratio(results, "two", "seconds")
    print(
        f"book, one core: {one:.3f} × the raw loop, {one_cpu:.3f} × its processor time "
        f"(goal ≤ {GOALS['one core']})"
    )
    print(f"book, two workers: {two:.2f} × faster (goal ≥ {GOALS['two workers']})")


def ratio(results: dict[str, list[dict[str, float]]], part: str, of: str) -> float:
    """Return the median of what a part took, to what the raw loop took beside it."""
    pairs = zip(results[part], results["raw"], strict=True)
    return statistics.median(own[of] / raw[of] for own, raw in pairs)


def opus_speed() -> None:
    """Print how fast a core encodes speech."""
    engine = EspeakEngine()
    voice = engine.find(VOICE_ID)
    assert voice is not None
    speech = engine.synthesise(texts(500)[0], voice)
    speeds = []
    for _ in range(9):
        started = time.process_time()
        made = opus.encode(speech.samples, speech.rate_hz, bit_rate=BIT_RATE)
        speeds.append(made.duration_ms / 1000 / (time.process_time() - started))
    speed = statistics.median(speeds)
    print(f"opus: {speed:.0f} × real time a core (goal ≥ {GOALS['opus']})")


def jumps() -> None:
    """Print how soon the block under a moved cursor can be played."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        services = Services.open(settings_at(Path(folder)))
        document = add_document(services, texts(500_000))
        reader = Reader(services, document)
        job = running_job(services, document, JobKind.LISTEN)
        reader.go_to(0)
        gc.collect()
        gc.freeze()  # as the worker pool does before it forks
        started = time.perf_counter()
        run = threading.Thread(
            target=follow_reader,
            args=(services, document.principal, document.id),
            kwargs={"job": job},
        )
        run.start()
        _await(reader, 0)
        print(f"first block: {time.perf_counter() - started:.3f} s after the run began")
        waits = []
        chance = random.Random(3)
        for place in chance.sample(range(100, document.block_count), JUMPS):
            time.sleep(chance.uniform(0.05, 0.8))  # in the middle of other work
            started = time.perf_counter()
            reader.go_to(place)
            _await(reader, place)
            waits.append(time.perf_counter() - started)
        services.catalog.delete(document.principal, document.id)  # ends the run
        run.join()
    waits.sort()
    print(
        f"jump to block ready: p50 {statistics.median(waits):.3f} s, "
        f"p95 {waits[int(len(waits) * 0.95)]:.3f} s "
        f"(goal: sound p50 ≤ {GOALS['jump_seconds']} s)"
    )


def _await(reader: Reader, place: int) -> None:
    while place not in reader.heard():
        time.sleep(0.005)


def main() -> None:
    """Run what was asked for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--chars", type=int, default=500_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--part", choices=("raw", "one", "two"))
    given = arguments.parse_args()
    if given.part:
        if given.part != "two":
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        blocks = texts(given.chars)
        if given.part == "raw":
            print(json.dumps(raw_loop(blocks)))
        else:
            print(json.dumps(ours(blocks, 1 if given.part == "one" else 2)))
        return
    opus_speed()
    jumps()
    book(given.chars, given.rounds)


if __name__ == "__main__":
    main()
