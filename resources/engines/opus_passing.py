"""Ogg Opus that somebody else encoded, kept as it is, with our pause after it.

To be joined without decoding, a sound has to be laid out as ours are: one channel,
packets of 20 ms, the run-in of libopus, and one packet more than its length needs. What
is laid out otherwise, too loud, too soft or too large is refused here, and encoded
again by whoever asked.
"""

import io
import math
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from resources.engines.loudness import loudness_lufs
from resources.engines.opus import CLOCK_HZ, FRAME_MS, FRAME_TICKS, Encoded

RUN_IN_TICKS = 312  # libopus, whatever rate it is given
SILENCE = b"\xf8\xff\xfe"  # 20 ms, one channel, as the format itself defines it
LOUDNESS_TOLERANCE_LU = 1.0
HIGHEST_DB = -0.5
"""Highest sample: what our own ceiling has become once it is encoded and decoded."""
TAIL_THRESHOLD = 33  # −60 dB
TAIL_KEPT_MS = 40
LARGEST_SHARE = 2.0  # of the bit rate that our own sounds have
HEAD_BYTES = 19
LINEAR_MS = (10, 20, 40, 60)
HYBRID_MS = (10, 20)
TRANSFORM_MS = (2.5, 5, 10, 20)

Samples = NDArray[np.int16]


def passed_on(
    data: bytes,
    samples: Samples,
    rate_hz: int,
    *,
    pause_ms: int,
    target_lufs: float,
    bit_rate: int,
) -> Encoded | None:
    """Return an Ogg Opus file with a pause after it; None when it must be encoded.

    ``samples`` is what the file decodes to. The silence it ends with is replaced by
    the pause, as it is in a sound of our own.
    """
    if not _is_level(samples, rate_hz, target_lufs):
        return None
    try:
        with av.open(io.BytesIO(data), "r", format="ogg") as source:
            template = source.streams.audio[0]
            packets = [packet for packet in source.demux(template) if packet.size]
            size_bits = 8 * sum(packet.size for packet in packets)
            usual_bits = bit_rate * len(packets) * FRAME_MS / 1000
            if size_bits > LARGEST_SHARE * usual_bits or not _is_laid_out(
                template.codec_context.extradata, packets
            ):
                return None
            kept = packets[: _audible_packets(samples, rate_hz)]
            return _written(template, kept, pause_ms // FRAME_MS)
    except (av.FFmpegError, IndexError):
        return None


def packet_ms(packet: bytes) -> float:
    """Return how long an Opus packet sounds, told by its first byte or two."""
    first = packet[0]
    configuration, code = first >> 3, first & 3
    if configuration < 12:
        frame_ms: float = LINEAR_MS[configuration % 4]
    elif configuration < 16:
        frame_ms = HYBRID_MS[configuration % 2]
    else:
        frame_ms = TRANSFORM_MS[configuration % 4]
    if code < 3:
        return frame_ms * (1 if code == 0 else 2)
    return frame_ms * (packet[1] & 0x3F) if len(packet) > 1 else 0.0


def _is_level(samples: Samples, rate_hz: int, target_lufs: float) -> bool:
    measured_lufs = loudness_lufs(samples, rate_hz)
    if math.isinf(measured_lufs):
        return False
    highest = max(-int(samples.min()), int(samples.max()))
    return abs(
        measured_lufs - target_lufs
    ) <= LOUDNESS_TOLERANCE_LU and highest <= 32768 * 10 ** (HIGHEST_DB / 20)


def _is_laid_out(head: bytes | None, packets: list["Packet[Any]"]) -> bool:
    """Whether the file could be one of ours, but for its pause."""
    if not head or len(head) < HEAD_BYTES or head[:8] != b"OpusHead":
        return False
    run_in_ticks = int.from_bytes(head[10:12], "little")
    channels, gain, family = head[9], head[16:18], head[18]
    if (channels, run_in_ticks, gain, family) != (1, RUN_IN_TICKS, b"\0\0", 0):
        return False
    is_stereo = 4
    return bool(packets) and all(
        packet_ms(data) == FRAME_MS and not data[0] & is_stereo
        for data in map(bytes, packets)
    )


def _audible_packets(samples: Samples, rate_hz: int) -> int:
    """Return how many packets hold all that is heard, and a little more."""
    audible = np.flatnonzero((samples > TAIL_THRESHOLD) | (samples < -TAIL_THRESHOLD))
    end_ticks = (int(audible[-1]) + 1) * CLOCK_HZ // rate_hz
    end_ticks += TAIL_KEPT_MS * CLOCK_HZ // 1000 + RUN_IN_TICKS
    return -(-end_ticks // FRAME_TICKS)


def _written(
    template: Any, packets: list["Packet[Any]"], pause_packets: int
) -> Encoded:
    """Write packets, silence, and the packet that ends every sound of ours."""
    target = io.BytesIO()
    contents = [bytes(packet) for packet in packets] + [SILENCE] * (pause_packets + 1)
    frames = len(contents) - 1
    with av.open(target, "w", format="ogg", options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream_from_template(template)
        for number, content in enumerate(contents):
            packet = Packet(content)
            packet.stream = stream
            packet.time_base = Fraction(1, CLOCK_HZ)
            packet.pts = packet.dts = number * FRAME_TICKS - RUN_IN_TICKS
            packet.duration = FRAME_TICKS if number < frames else RUN_IN_TICKS
            out.mux(packet)
    return Encoded(target.getvalue(), frames * FRAME_MS)
