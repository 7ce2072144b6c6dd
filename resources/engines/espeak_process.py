"""The espeak-ng side of the fence: run as a program, never imported.

espeak-ng is under the GPL, so its library is loaded in this process of its own and
nowhere else. Started as ``python -I espeak_process.py LIBRARY DATA``, it reads
requests from stdin and writes replies to stdout, each a 32-bit big-endian length and
that many bytes; see ``resources/engines/espeak_client.py`` for the other end.

The process itself never speaks. espeak-ng sounds a little different each time it
speaks inside one process, but always the same the first time, so that every text is
spoken by a fresh fork. A text that crashes the library takes only its fork with it.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path

SYNCHRONOUS = 2
DONT_EXIT = 0x8000  # without it a bad data path ends the process
UTF8 = 1
END_PAUSE = 0x1000
WORD_EVENT = 1
LIST_END = 0
PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}

SEED = 1

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


def speak(library: ctypes.CDLL, data_path: str, request: dict) -> tuple[dict, bytes]:
    """Speak one text; call it once in the life of a process."""
    rate_hz = initialise(library, data_path)
    sound: list[bytes] = []
    marks: list[tuple[int, int]] = []

    @Callback
    def receive(samples, count, events):  # called by the library as it speaks
        if samples and count > 0:
            sound.append(ctypes.string_at(samples, count * 2))
        number = 0
        while events[number].type != LIST_END:
            event = events[number]
            if event.type == WORD_EVENT:
                marks.append((event.text_position - 1, event.audio_position_ms))
            number += 1
        return 0

    library.espeak_SetSynthCallback(receive)
    if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        raise RuntimeError(f"espeak-ng has no voice {request['voice']}")
    for name, value in request["parameters"].items():
        library.espeak_SetParameter(PARAMETERS[name], int(value), 0)
    text = request["text"].encode()
    status = library.espeak_Synth(
        text, len(text) + 1, 0, 1, 0, UTF8 | END_PAUSE, None, None
    )
    if status != 0:
        raise RuntimeError(f"espeak-ng answered with status {status}")
    return {"rate_hz": rate_hz, "marks": marks}, b"".join(sound)


def describe(library: ctypes.CDLL, data_path: str) -> tuple[dict, bytes]:
    """Return the version and every voice whose dictionary is there."""
    initialise(library, data_path)
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
    return {"version": library.espeak_Info(None).decode(), "voices": voices}, b""


def languages_of(address):
    """Yield (language, priority) from a list of priority bytes and C strings."""
    while priority := ctypes.cast(address, ctypes.POINTER(ctypes.c_ubyte))[0]:
        name = ctypes.string_at(address + 1)
        yield name.decode(), priority
        address += 2 + len(name)


def has_dictionary(data_path: str, languages: list) -> bool:
    """Whether the wheel holds the dictionary; without one espeak-ng spells."""
    names = {language.split("-")[0] for language, _ in languages}
    return any((Path(data_path) / f"{name}_dict").exists() for name in names)


def limit_resources() -> None:
    """Keep a text that sends the library astray from taking the machine along."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer_in_fork(library: ctypes.CDLL, data_path: str, request: dict) -> bytes:
    """Carry out one request in a fork; return its reply, or what became of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        # Leaves by _exit whatever happens: the fork must never read the next request.
        code = 70
        try:
            limit_resources()
            code = work(library, data_path, request, writer)
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        reply = pipe.read()
    _, status = os.waitpid(child, 0)
    if status == 0:
        return reply
    return packed({"error": ended_by(status), "crashed": True}, b"")


def work(library: ctypes.CDLL, data_path: str, request: dict, writer: int) -> int:
    """Inside the fork: do what was asked and write the reply; return an exit code."""
    try:
        if request["do"] == "describe":
            header, sound = describe(library, data_path)
        else:
            header, sound = speak(library, data_path, request)
    except (RuntimeError, KeyError, ValueError) as error:
        header, sound = {"error": str(error), "crashed": False}, b""
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(packed(header, sound))
    return 0


def ended_by(status: int) -> str:
    """Return in words how a fork ended."""
    if os.WIFSIGNALED(status):
        return f"its process was ended by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"its process ended with code {os.waitstatus_to_exitcode(status)}"


def packed(header: dict, sound: bytes) -> bytes:
    """Return a reply: length of the header, the header, the samples."""
    data = json.dumps(header).encode()
    return len(data).to_bytes(4, "big") + data + sound


def read_exactly(stream, count: int) -> bytes:
    """Read ``count`` bytes; fewer only when the other end has closed."""
    data = stream.read(count)
    return data if len(data) == count else b""


def serve(library_path: str, data_path: str) -> None:
    """Answer requests until stdin is closed, which a dead parent does too."""
    library = load(library_path)
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    while size := read_exactly(requests, 4):
        request = json.loads(read_exactly(requests, int.from_bytes(size, "big")))
        reply = answer_in_fork(library, data_path, request)
        replies.write(len(reply).to_bytes(4, "big") + reply)
        replies.flush()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
