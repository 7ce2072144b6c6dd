"""The espeak-ng side of the fence: run as a program, never imported.

espeak-ng is under the GPL, so its library is loaded in this process of its own and
nowhere else. Started as
``python -I -S espeak_process.py LIBRARY DATA VOICE PARAMETERS``
it reads texts from stdin, each a 32-bit big-endian length and UTF-8, and writes to
stdout for each text such a length, a JSON header of that length, and the samples.
Without VOICE it writes one header that says which voices there are, and ends. The
other end is ``resources/engines/espeak_client.py``.

The process itself never speaks. espeak-ng sounds a little different each time it
speaks inside one process, but always the same the first time, so that every text is
spoken by a fresh fork of a process that has started up and not spoken yet.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these takes a third of the time until it answers
    from collections.abc import Iterator
    from typing import Any

SYNCHRONOUS = 2
DONT_EXIT = 0x8000  # without it a bad data path ends the process
UTF8 = 1
END_PAUSE = 0x1000
WORD_EVENT = 1
LIST_END = 0
PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}

SEED = 1

Marks = list[tuple[int, int]]  # character from 0, milliseconds

CPU_SECONDS = 20
MEMORY_BYTES = 1 << 30


class EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # in characters, from 1
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", EventId),
    )


class VoiceEntry(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


Callback = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_short),
    ctypes.c_int,
    ctypes.POINTER(Event),
)


def load(library_path: str) -> ctypes.CDLL:
    """Load the library and state its signatures; nothing is initialised yet."""
    library = ctypes.CDLL(library_path)
    library.espeak_Initialize.argtypes = (
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
    )
    library.espeak_ng_SetRandSeed.argtypes = (ctypes.c_long,)
    library.espeak_Info.argtypes = (ctypes.c_void_p,)
    library.espeak_Info.restype = ctypes.c_char_p
    library.espeak_ListVoices.argtypes = (ctypes.c_void_p,)
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(VoiceEntry))
    library.espeak_SetVoiceByName.argtypes = (ctypes.c_char_p,)
    library.espeak_SetParameter.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)
    library.espeak_Synth.argtypes = (
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    return library


def initialise(library: ctypes.CDLL, data_path: str) -> int:
    """Start the library up; return its sampling rate in Hz."""
    rate_hz = int(
        library.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data_path), DONT_EXIT)
    )
    if rate_hz <= 0:
        raise RuntimeError(f"espeak-ng refuses its data folder {data_path}")
    # Starting up seeds from the clock, which is heard in breathy voices (f3, whisper).
    library.espeak_ng_SetRandSeed(SEED)
    return rate_hz


def choose_voice(library: ctypes.CDLL, voice: str, parameters: dict[str, str]) -> None:
    """Load a voice; what is spoken from now on is spoken by it."""
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise RuntimeError(f"espeak-ng has no voice {voice}")
    for name, value in parameters.items():
        library.espeak_SetParameter(PARAMETERS[name], int(value), 0)


def speak(library: ctypes.CDLL, text: bytes) -> tuple[Marks, bytes]:
    """Speak one text; call it once in the life of a process."""
    sound: list[bytes] = []
    marks: Marks = []

    def receive(samples: Any, count: int, events: Any) -> int:  # as it speaks
        if samples and count > 0:
            sound.append(ctypes.string_at(samples, count * 2))
        number = 0
        while (event := events[number]).type != LIST_END:
            if event.type == WORD_EVENT:
                marks.append((event.text_position - 1, event.audio_position_ms))
            number += 1
        return 0

    callback = Callback(receive)  # must live until the library has spoken
    library.espeak_SetSynthCallback(callback)
    status = library.espeak_Synth(
        text, len(text) + 1, 0, 1, 0, UTF8 | END_PAUSE, None, None
    )
    if status != 0:
        raise RuntimeError(f"espeak-ng answered with status {status}")
    return marks, b"".join(sound)


def describe(library: ctypes.CDLL, data_path: str) -> dict[str, Any]:
    """Return the version and every voice whose dictionary is there."""
    listed = library.espeak_ListVoices(None)
    voices = []
    number = 0
    while listed[number]:
        entry = listed[number].contents
        languages = list(languages_of(entry.languages))
        if has_dictionary(data_path, languages):
            voices.append(
                {
                    "name": entry.name.decode().strip(),
                    "file": entry.identifier.decode(),
                    "languages": languages,
                    "gender": entry.gender,
                }
            )
        number += 1
    return {"version": library.espeak_Info(None).decode(), "voices": voices}


def languages_of(address: int) -> Iterator[tuple[str, int]]:
    """Yield (language, priority) from a list of priority bytes and C strings."""
    while priority := ctypes.cast(address, ctypes.POINTER(ctypes.c_ubyte))[0]:
        name = ctypes.string_at(address + 1)
        yield name.decode(), priority
        address += 2 + len(name)


def has_dictionary(data_path: str, languages: list[tuple[str, int]]) -> bool:
    """Whether the wheel holds the dictionary; without one espeak-ng spells."""
    names = {language.split("-")[0] for language, _ in languages}
    return any(os.access(f"{data_path}/{name}_dict", os.R_OK) for name in names)


def limit_resources() -> None:
    """Keep a text that sends the library astray from taking the machine along."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer_in_fork(library: ctypes.CDLL, rate_hz: int, text: bytes) -> None:
    """Let a fork speak a text and write the reply.

    When the fork dies, so does this process and in the same way: how much of a reply
    was written cannot be known, and the other end sees from the exit what happened.
    """
    child = os.fork()
    if child == 0:
        # Leaves by _exit whatever happens: a fork must never read the next text.
        code = 70
        try:
            limit_resources()
            marks, sound = speak(library, text)
            reply({"rate_hz": rate_hz, "marks": marks}, sound)
            code = 0
        except RuntimeError as error:
            reply({"error": str(error)})
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
    if status != 0:
        sys.exit(os.waitstatus_to_exitcode(status))


def reply(header: dict[str, Any], sound: bytes = b"") -> None:
    """Write a reply to stdout."""
    data = json.dumps(header | {"bytes": len(sound)}).encode()
    for part in (len(data).to_bytes(4, "big") + data, sound):
        view = memoryview(part)
        while view:
            view = view[os.write(1, view) :]


def read_text() -> bytes | None:
    """Read the next text; None when the other end has closed, or has died."""
    stream = sys.stdin.buffer
    size = stream.read(4)
    if len(size) < 4:
        return None
    text = stream.read(int.from_bytes(size, "big"))
    return text if len(text) == int.from_bytes(size, "big") else None


def main(library_path: str, data_path: str, *voice: str) -> None:
    """Say what there is, or answer texts until stdin is closed."""
    try:
        library = load(library_path)
        rate_hz = initialise(library, data_path)
        if not voice:
            reply(describe(library, data_path))
            return
        choose_voice(library, voice[0], json.loads(voice[1]))
    except (RuntimeError, OSError) as error:
        reply({"error": str(error)})
        return
    # Before the forks, which would otherwise copy every page the collector touches.
    gc.collect()
    gc.freeze()
    gc.disable()  # a fork ends before it would pay
    while (text := read_text()) is not None:
        answer_in_fork(library, rate_hz, text)


if __name__ == "__main__":
    main(*sys.argv[1:])
