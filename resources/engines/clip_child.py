"""The child that decodes a recording: bytes in, mono samples out, rights given up.

    python -m resources.engines.clip_child '{"seconds": 60, "memory_bytes": …}'

Reads the file from stdin. Writes 16-bit samples at ``RATE_HZ`` to stdout; stops, and
says why by its exit code, when it is no recording or a longer one than allowed.
"""

import io
import json
import sys

from resources.engines.recognition.sandbox import allow_cpu_seconds, confine

RATE_HZ = 24_000
NOT_AUDIO, TOO_LONG = 3, 4
FORMATS = {"wav", "flac", "ogg", "mp3", "matroska", "webm", "mov", "mp4", "aiff"}
"""Containers that are read; FFmpeg knows hundreds, most of them never audited."""
CPU_SECONDS = 20


def main(limits: dict[str, float]) -> int:
    """Decode stdin to stdout; return the exit code."""
    data = sys.stdin.buffer.read()
    import av  # before the limits: loading libraries takes address space

    confine(memory_bytes=int(limits["memory_bytes"]), output_bytes=0)
    allow_cpu_seconds(CPU_SECONDS)
    most_samples = int(limits["seconds"] * RATE_HZ)
    try:
        with av.open(io.BytesIO(data), "r", metadata_errors="replace") as container:
            names = set(container.format.name.split(","))
            if not names & FORMATS or not container.streams.audio:
                return NOT_AUDIO
            resampler = av.AudioResampler("s16", "mono", RATE_HZ)
            written = 0
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    written += piece.samples
                    if written > most_samples:
                        return TOO_LONG
                    sys.stdout.buffer.write(piece.to_ndarray().tobytes())
            for piece in resampler.resample(None):
                sys.stdout.buffer.write(piece.to_ndarray().tobytes())
    except (av.FFmpegError, ValueError, MemoryError):
        return NOT_AUDIO
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
