"""What a speech server sent, as samples: recognised by its bytes, whole, and decoded.

A server's word for what it sends is not taken: proxies answer with pages of HTML and
status 200, and connections end early. Headers are read and never assumed to be of one
length.
"""

import io

import av
import numpy as np
from numpy.typing import NDArray

from lectern.errors import BadEngineReply
from resources.engines.speech import Speech

PCM_RATE_HZ = 24_000  # OpenAI's: 16 bits, little endian, one channel
KEPT_RATES_HZ = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Rates whose 20 ms are whole samples; others are resampled."""
UNKNOWN_SIZES = (0, 0xFFFFFFFF)  # in a WAV file that was streamed
OGG_HEADER_BYTES = 27
OGG_LAST_PAGE = 4

SHORTEST_SECONDS_A_LETTER = 1 / 40
"""Fast speech has 20 letters a second."""
LONGEST_SECONDS_A_LETTER = 1 / 4
LONGEST_SECONDS_A_SIGN = 1.3  # a digit, a Han character, a symbol: a word or more
SILENT_SIGNS = ".,;:!?'\"()[]-–—’‘“”…"
LONGEST_SECONDS = 4.0
FEW_LETTERS = 20  # too few to judge a short reply by

Samples = NDArray[np.int16]


def speech_of(data: bytes, *, media_type: str, text: str, is_pcm: bool) -> Speech:
    """Return the sound of a text from a server's reply.

    ``is_pcm`` says that samples without a header were asked for.

    Raises:
        BadEngineReply: It is no sound, not all of it, or cannot be of this text.
    """
    form = form_of(data)
    longest_seconds = longest_for(text)
    if form is None:
        if not is_pcm or not _may_be_pcm(data, media_type):
            raise BadEngineReply(f"The server sent {_described(data, media_type)}.")
        speech = Speech(np.frombuffer(data, "<i2").astype(np.int16), PCM_RATE_HZ, ())
    else:
        require_whole(data, form)
        samples, rate_hz = decoded(data, longest_seconds=longest_seconds + 1)
        speech = Speech(samples, rate_hz, (), data if form == "opus" else None)
    require_length(text, len(speech.samples) / speech.rate_hz)
    return speech


def form_of(data: bytes) -> str | None:
    """Return what kind of sound file the bytes are; None when none that is known."""
    if data[:4] == b"OggS":
        return "opus" if b"OpusHead" in data[:64] else "ogg"
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"fLaC":
        return "flac"
    if data[:3] == b"ID3":
        return "mp3"
    if len(data) > 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        return "aac" if data[1] & 0x06 == 0 else "mp3"
    return None


def require_whole(data: bytes, form: str) -> None:
    """Refuse a file that ends before its end, where its own header tells.

    Raises:
        BadEngineReply: It does.
    """
    if form in ("opus", "ogg"):
        whole = _ogg_is_whole(data)
    elif form == "wav":
        stated = int.from_bytes(data[4:8], "little")
        whole = stated in UNKNOWN_SIZES or len(data) >= stated + 8
    else:
        whole = True
    if not whole:
        raise BadEngineReply("The server sent a sound that ends in the middle.")


def decoded(data: bytes, *, longest_seconds: float) -> tuple[Samples, int]:
    """Return samples, mono, and their rate.

    Raises:
        BadEngineReply: It cannot be decoded, or is longer than it may be.
    """
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.audio[0]
            rate_hz = stream.rate if stream.rate in KEPT_RATES_HZ else PCM_RATE_HZ
            stated = stream.duration or 0  # of a FLAC; others are counted as read
            resampler = av.AudioResampler("s16", "mono", rate_hz)
            pieces: list[Samples] = []
            count = 0
            for frame in container.decode(stream):
                for piece in resampler.resample(frame):
                    pieces.append(piece.to_ndarray()[0])
                    count += piece.samples
                if count > longest_seconds * rate_hz:
                    raise BadEngineReply(
                        f"The server sent more than {longest_seconds:.0f} seconds of "
                        "sound, which this text cannot take."
                    )
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
            is_stated = container.format.name == "flac" and stream.time_base
            stated_seconds = float(stated * (stream.time_base or 0)) if is_stated else 0
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise BadEngineReply("The server sent a sound that nobody can read.") from error
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    if len(samples) / rate_hz < stated_seconds - 0.1:
        raise BadEngineReply("The server sent a sound that ends in the middle.")
    return samples, rate_hz


def longest_for(text: str) -> float:
    """Return how many seconds a text may take, read slowly."""
    signs = sum(
        not (_is_letter(char) or char.isspace() or char in SILENT_SIGNS)
        for char in text
    )
    return (
        LONGEST_SECONDS
        + LONGEST_SECONDS_A_LETTER * len(text)
        + LONGEST_SECONDS_A_SIGN * signs
    )


def require_length(text: str, seconds: float) -> None:
    """Refuse a sound that is too short or too long to be a text.

    Raises:
        BadEngineReply: It is.
    """
    letters = sum(_is_letter(char) for char in text)
    shortest_seconds = SHORTEST_SECONDS_A_LETTER * letters
    if letters > FEW_LETTERS and seconds < shortest_seconds:
        raise BadEngineReply(
            f"The server sent {seconds:.2f} seconds of sound for {letters} letters."
        )
    if seconds > longest_for(text):
        raise BadEngineReply(
            f"The server sent {seconds:.0f} seconds of sound for "
            f"{len(text)} characters."
        )


def _is_letter(char: str) -> bool:
    """Whether it is a letter of an alphabet: one of several for a syllable."""
    return char.isalpha() and ord(char) < 0x2E80


def _may_be_pcm(data: bytes, media_type: str) -> bool:
    kind = media_type.partition(";")[0].strip().lower()
    is_text = kind.startswith("text/") or kind.endswith(("json", "xml", "html"))
    return bool(data) and len(data) % 2 == 0 and not is_text


def _described(data: bytes, media_type: str) -> str:
    if not data:
        return "an empty reply"
    kind = media_type.partition(";")[0][:40] or "something without a type"
    return f"{kind} of {len(data)} bytes, which is no sound that Lectern knows"


def _ogg_is_whole(data: bytes) -> bool:
    """Whether every page is there to its end, and the last one says it is the last."""
    position, flags = 0, 0
    while position < len(data):
        page = data[position : position + OGG_HEADER_BYTES]
        if len(page) < OGG_HEADER_BYTES or page[:4] != b"OggS":
            return False
        flags, segments = page[5], page[26]
        start = position + OGG_HEADER_BYTES
        lacing = data[start : start + segments]
        if len(lacing) < segments:
            return False
        position = start + segments + sum(lacing)
    return position == len(data) and bool(flags & OGG_LAST_PAGE)
