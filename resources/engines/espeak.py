"""espeak-ng as a speech engine: small, instant, over a hundred languages, robotic.

The same text gives the same bytes on every call, in every process and after every
restart. The library lives in processes of its own (see ``espeak_process.py``).
"""

import atexit
import contextlib
import importlib.metadata
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lectern.errors import BadEngineReply, EngineCrashed, EngineUnavailable
from lectern.speech.voices import Voice
from lectern.speech.words import WordMark, word_times
from resources.engines import espeak_voices
from resources.engines.espeak_client import EspeakClient
from resources.engines.speech import Heard, Speech, SpeechEngine

LONGEST_DATA_PATH_BYTES = 130
"""The library keeps its data path in 160 bytes and appends names to it."""
IDLE_PROCESSES = 8
"""Processes kept for their next text, 12 MB each; a document has few voices."""


class EspeakEngine(SpeechEngine):
    """Speaks with espeak-ng. Safe to share between threads and across a fork."""

    name = espeak_voices.ENGINE

    def __init__(self, *, library: str | None = None, data: str | None = None) -> None:
        self._library = library or _wheel_path("get_library_path")
        self._data = data or _wheel_path("get_data_path")
        self._lock = threading.Lock()
        self._idle: list[tuple[dict[str, str], EspeakClient]] = []  # oldest first
        self._process_id = os.getpid()
        described = describe(self._library, self._data)
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

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Speech:
        """Speak a normalised text. The same call gives the same samples."""
        with self._client(voice) as client:
            header, sound = client.speak(text)
        if len(sound) % 2:
            raise BadEngineReply("espeak-ng replied with half a sample.")
        samples = np.frombuffer(sound, np.int16)
        end_ms = round(len(samples) * 1000 / header["rate_hz"])
        marks = [WordMark(char, ms) for char, ms in header["marks"]]
        words = word_times(text, marks, end_ms=end_ms)
        return Speech(samples, header["rate_hz"], tuple(words))

    def warm_up(self, voice: Voice, *, processes: int = 1) -> None:
        """Start processes before they are needed: it takes 30 ms until they answer."""
        for client in [self._take(voice) for _ in range(processes)]:
            self._give_back(voice, client)

    def close(self) -> None:
        """End the processes; the engine starts new ones when it is asked again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, client in idle:
            client.close()

    @contextlib.contextmanager
    def _client(self, voice: Voice) -> Iterator[EspeakClient]:
        """Lend a process of this voice that nobody else is talking to."""
        client = self._take(voice)
        try:
            yield client
        finally:
            if client.is_running():
                self._give_back(voice, client)
            else:
                client.close()

    def _take(self, voice: Voice) -> EspeakClient:
        with self._lock:
            if self._process_id != os.getpid():
                # After a fork the pipes belong to the parent: two readers would each
                # get half a reply.
                self._process_id = os.getpid()
                self._idle = []
            for number, (other, client) in enumerate(self._idle):
                if other == voice.parameters and client.is_running():
                    del self._idle[number]
                    return client
        parameters = dict(voice.parameters)
        file = parameters.pop("file")
        data = self._data_path()
        return EspeakClient.with_voice(self._library, data, file, parameters)

    def _give_back(self, voice: Voice, client: EspeakClient) -> None:
        with self._lock:
            self._idle.append((voice.parameters, client))
            surplus = self._idle[:-IDLE_PROCESSES]
            self._idle = self._idle[-IDLE_PROCESSES:]
        for _, oldest in surplus:
            oldest.close()

    def _data_path(self) -> str:
        if not Path(short_data_path(self._data)).exists():
            short_data_path.cache_clear()  # the link was swept from its folder
        return short_data_path(self._data)


@lru_cache(maxsize=4)
def describe(library: str, data: str) -> dict[str, Any]:
    """Return version and voices, asked once in the life of a process.

    A worker pool asks before it forks, so that no run has to.

    Raises:
        EngineUnavailable: The library does not start.
    """
    client = EspeakClient(library, short_data_path(data))
    try:
        return client.describe()
    except EngineCrashed as error:
        raise EngineUnavailable(
            "espeak-ng does not start. Install it again with "
            "`pip install --force-reinstall espeakng-loader`."
        ) from error
    finally:
        client.close()


@lru_cache(maxsize=4)
def short_data_path(data: str) -> str:
    """Return the data folder, by a link when its name is too long to be used."""
    if len(os.fsencode(data)) <= LONGEST_DATA_PATH_BYTES:
        return data
    owner = os.getpid()
    folder = Path(tempfile.mkdtemp(prefix="lectern-", dir=_short_folder()))
    link = folder / "espeak-ng-data"
    link.symlink_to(data, target_is_directory=True)

    def remove() -> None:
        if os.getpid() == owner:  # a forked child uses it too, and may end first
            link.unlink(missing_ok=True)
            folder.rmdir()

    atexit.register(remove)
    return str(link)


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
