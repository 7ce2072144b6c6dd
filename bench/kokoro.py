"""How fast Kokoro speaks here, with how many processes, threads and bits.

    python -m bench.kokoro [--texts 8] [--model FOLDER]

Each way speaks the same texts of 250 characters through the engine as runs use it: a
resident process, loaded before the clock starts. Without a model the weights are
chance, in the real shape; computing takes as long. Real-time factor is seconds of work
for a second of sound, so less is faster; CPU seconds are told beside it, as they hardly
change when the machine is busy with something else. The default number of processes and
threads is the fastest of the first three here.
"""

import argparse
import itertools
import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from lectern.settings import Settings
from resources.engines.kokoro import KokoroEngine
from resources.engines.resident import resident_pids
from tests.support.kokoro import MISSING, configured, kokoro_python, make_model

TEXT = (
    "The tide turned before noon, and forty-two boats lay still on the pale sand. "
    "Nobody on the quay could say how long they had been there, or who would come "
    "for them when the water rose again and the wind went round to the north, "
    "as it did every year."
)


def ways(cores: int) -> list[tuple[int, int, bool]]:
    """Return what is tried: processes, threads of each, and whether in 16 bits."""
    shapes = dict.fromkeys([(1, 1), (1, cores), (cores, 1)])
    return [(*shape, bf16) for bf16, shape in itertools.product((False, True), shapes)]


def measure(settings: Settings, texts: int) -> dict[str, float]:
    """Speak the texts; return seconds, CPU seconds, memory and seconds of sound."""
    engine = KokoroEngine(settings)
    voice = engine.voices()[0]
    at_once = engine.texts_at_once or 1
    with ThreadPoolExecutor(at_once) as pool:

        def speak(count: int) -> float:
            spoken = pool.map(lambda _: engine.synthesise(TEXT, voice), range(count))
            return sum(len(speech.samples) / speech.rate_hz for speech in spoken)

        started = time.perf_counter()
        speak(at_once)  # every process has spoken once
        load_seconds = time.perf_counter() - started
        (resident,) = map(psutil.Process, resident_pids(settings.root / "run"))
        forks = resident.children()
        before, ours = cpu_seconds(forks), time.process_time()
        started = time.perf_counter()
        sound_seconds = speak(texts)
        took_seconds = time.perf_counter() - started
        used_seconds = cpu_seconds(forks) - before
        ours = time.process_time() - ours
    peak_bytes = max(peak(fork.pid) for fork in forks)
    resident.send_signal(signal.SIGTERM)
    return {
        "rtf": took_seconds / sound_seconds,
        "cpu": used_seconds / sound_seconds,
        "ours": ours / sound_seconds,
        "first_seconds": load_seconds,
        "peak_gb": peak_bytes / 1e9,
    }


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Return what processes have used."""
    times = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in times)


def peak(pid: int) -> int:
    """Return the most memory a process has filled, what it shares included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = next(line for line in lines if line.startswith("VmHWM"))
    return int(told.split()[1]) * 1024


def main() -> None:
    """Try each way and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=8)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    python = kokoro_python()
    if python is None:
        print(f"kokoro: not measured, {MISSING}")
        return
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or make_model(
            python, Path(folder) / "model", frames=2.6
        )
        print(f"{cores} cores, {arguments.texts} texts of {len(TEXT)} characters")
        print("processes threads  bits   RTF  CPU s/s  ours s/s  first s  peak GB")
        for number, (processes, threads, bf16) in enumerate(ways(cores)):
            settings = configured(
                Path(folder) / f"data{number}",
                model,
                python=python,
                processes=processes,
                threads=threads,
                bf16=bf16,
                keep_loaded_seconds=30,
            )
            found = measure(settings, arguments.texts)
            print(
                f"{processes:9} {threads:7} {16 if bf16 else 32:5} "
                f"{found['rtf']:5.2f} {found['cpu']:8.2f} {found['ours']:9.4f} "
                f"{found['first_seconds']:8.1f} {found['peak_gb']:8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
