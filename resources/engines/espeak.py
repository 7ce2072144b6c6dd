"""espeak-ng as a speech engine: small, instant, over a hundred languages, robotic.

The same text gives the same bytes on every call, in every process and after every
restart. The library lives in processes of its own (see ``espeak_process.py``).
"""

import contextlib
import importlib.metadata
import os
import queue
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lectern.errors import BadEngineReply, EngineCrashed, EngineUnavailable
from lectern.speech.voices import Voice
from lectern.speech.words import WordMark, word_times
from resources.engines import espeak_voices
from resources.engines.espeak_client import EspeakClient
from resources.engines.speech import Speech, SpeechEngine

LONGEST_DATA_PATH_BYTES = 130
"""The library keeps its data path in 160 bytes and appends names to it."""


class EspeakEngine(SpeechEngine):
    """Speaks with espeak-ng. Safe to share between threads and across a fork."""

    name = espeak_voices.ENGINE

    def __init__(self, *, library: str | None = None, data: str | None = None) -> None:
        self._library = library or _wheel_path("get_library_path")
        self._data = data or _wheel_path("get_data_path")
        self._lock = threading.Lock()
        self._link_folder: tempfile.TemporaryDirectory[str] | None = None
        self._idle: queue.SimpleQueue[EspeakClient] = queue.SimpleQueue()
        self._process_id = os.getpid()
        described = self._describe()
        self.version = str(described["version"]).split()[0]
        # Dictionaries come with the wheel, and change without the library's version.
        wheel_version = importlib.metadata.version("espeakng-loader")
        self.phonemes_version = f"espeakng-loader {wheel_version}"
        self._entries = espeak_voices.entries(described["voices"])
        self._voices = tuple(espeak_voices.voices(self._entries))

    def voices(self) -> Sequence[Voice]:
        """Return every voice, best first within a language."""
        return self._voices

    def default_voice(self, language: str) -> Voice | None:
        """Return the voice that espeak-ng itself prefers for a language."""
        entry = espeak_voices.preferred(self._entries, language)
        if entry is None:
            return None
        wanted = f"{self.name}:{entry.code}"
        return next(voice for voice in self._voices if voice.id == wanted)

    def synthesise(self, text: str, voice: Voice) -> Speech:
        """Speak a normalised text. The same call gives the same samples."""
        parameters = dict(voice.parameters)
        request = {
            "do": "speak",
            "text": text,
            "voice": parameters.pop("file"),
            "parameters": parameters,
        }
        with self._client() as client:
            header, sound = client.ask(request)
        if len(sound) % 2:
            raise BadEngineReply("espeak-ng replied with half a sample.")
        samples = np.frombuffer(sound, np.int16)
        end_ms = round(len(samples) * 1000 / header["rate_hz"])
        marks = [WordMark(char, ms) for char, ms in header["marks"]]
        words = word_times(text, marks, end_ms=end_ms)
        return Speech(samples, header["rate_hz"], tuple(words))

    def close(self) -> None:
        """End the processes; the engine starts new ones when it is asked again."""
        while not self._idle.empty():
            with contextlib.suppress(queue.Empty):
                self._idle.get_nowait().close()
        if self._link_folder is not None:
            self._link_folder.cleanup()
            self._link_folder = None

    @contextlib.contextmanager
    def _client(self) -> Iterator[EspeakClient]:
        """Lend a process that nobody else is talking to."""
        client = self._take()
        try:
            yield client
        finally:
            if client.is_running():
                self._idle.put(client)

    def _take(self) -> EspeakClient:
        if self._process_id != os.getpid():
            # After a fork the pipes belong to the parent: two readers would each get
            # half a reply.
            self._process_id = os.getpid()
            self._idle = queue.SimpleQueue()
        while not self._idle.empty():
            with contextlib.suppress(queue.Empty):
                client = self._idle.get_nowait()
                if client.is_running():
                    return client
                client.close()
        return EspeakClient(self._library, self._short_data_path())

    def _describe(self) -> dict[str, Any]:
        try:
            with self._client() as client:
                return client.ask({"do": "describe"})[0]
        except EngineCrashed as error:
            raise EngineUnavailable(
                "espeak-ng does not start. Install it again with "
                "`pip install --force-reinstall espeakng-loader`."
            ) from error

    def _short_data_path(self) -> str:
        """Return the data folder, by a link when its name is too long to be used."""
        if len(os.fsencode(self._data)) <= LONGEST_DATA_PATH_BYTES:
            return self._data
        with self._lock:
            if self._link_folder is None:
                folder = tempfile.TemporaryDirectory(
                    prefix="lectern-", dir=_short_folder(), ignore_cleanup_errors=True
                )
                link = Path(folder.name) / "espeak-ng-data"
                link.symlink_to(self._data, target_is_directory=True)
                self._link_folder = folder
            return str(Path(self._link_folder.name) / "espeak-ng-data")


def _short_folder() -> str | None:
    """Return a temporary folder whose own name is short enough to hold the link."""
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108
        if len(os.fsencode(folder)) < LONGEST_DATA_PATH_BYTES - 40 and os.access(
            folder, os.W_OK
        ):
            return folder
    raise EngineUnavailable(
        "espeak-ng cannot use a data folder whose path is longer than "
        f"{LONGEST_DATA_PATH_BYTES} bytes, and no temporary folder has a shorter one. "
        "Set TMPDIR to a folder with a short path."
    )


def _wheel_path(function: str) -> str:
    """Ask the wheel where its files are; the library itself is not loaded here."""
    try:
        import espeakng_loader

        return str(getattr(espeakng_loader, function)())
    except (ImportError, RuntimeError) as error:
        raise EngineUnavailable(
            "espeak-ng is not installed. Install it with `pip install espeakng-loader`."
        ) from error
