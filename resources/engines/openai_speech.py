"""Any OpenAI-compatible speech server as an engine: Kokoro-FastAPI, vLLM-Omni, OpenAI.

Only text goes out, and for voices made from a recording that recording, inside the
request: a server is never told to fetch anything.
"""

import base64
import io
import wave
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lectern.errors import EngineUnavailable, NotServed
from lectern.ids import BlobHash, digest
from lectern.jobs.accelerators import Accelerator
from lectern.settings import SpeechServer
from lectern.speech.custom_voices import VoiceKind
from lectern.speech.voices import Voice
from resources.engines import audio_replies
from resources.engines.openai_speech_batches import Batches
from resources.engines.openai_speech_client import Reply, SpeechClient
from resources.engines.openai_speech_connection import require_library
from resources.engines.openai_speech_voices import ServerVoices
from resources.engines.speech import Heard, ReadBlob, Speech, SpeechEngine, joined

LONGEST_REFERENCE_SECONDS = 60.0
REFERENCES_KEPT = 4
SENTENCE_ENDS = (". ", "! ", "? ", "; ", ", ", " ")
SAMPLING = {"temperature": float, "top_p": float, "top_k": int}


class OpenAISpeechEngine(SpeechEngine):
    """Speaks by one server, named in the settings. Safe to share between threads."""

    phonemes_version = ""  # the server's own, part of its model
    custom_kinds = frozenset({VoiceKind.REFERENCE, VoiceKind.PROMPT})

    def __init__(
        self,
        name: str,
        server: SpeechServer,
        read_blob: ReadBlob | None = None,
        *,
        client: SpeechClient | None = None,
    ) -> None:
        if client is None:
            require_library()
        self.name = name
        self.version = digest(
            server.kind, server.model, server.version, server.response_format
        )[:16]
        self.accelerator = Accelerator(server.accelerator)
        self.texts_at_once = server.parallel_requests * server.batch_texts
        self._server = server
        self._client = client or SpeechClient(name, server)
        self._voices = ServerVoices(name, server, self._client)
        self._has_batch = server.batch_texts > 1
        self._batches = Batches(
            self._client.speak_batch,
            most_texts=server.batch_texts,
            wait_seconds=server.batch_wait_ms / 1000,
        )
        self._reference = reference_reader(read_blob)

    def voices(self) -> Sequence[Voice]:
        """Return every voice, as the settings or else the server list them.

        Raises:
            EngineUnavailable: The server cannot say now.
        """
        return self._voices.all()

    def find(self, voice_id: str) -> Voice | None:
        """Return the voice with this id."""
        return self._voices.find(voice_id)

    def price_micros(self, chars: int) -> int | None:
        """Return what so many characters cost; None where the settings do not say."""
        price = self._server.price_micros_per_million_chars
        return None if price is None else -(-price * chars // 1_000_000)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Speech:
        """Speak a normalised text.

        Raises:
            EngineBusy: The server asks for patience.
            EngineCrashed: It failed, or the connection broke.
            EngineUnavailable: It does not answer, or refuses all that is asked.
            BadEngineReply: What it sent is not the sound of this text.
        """
        said = self.prepared(text)
        return joined(
            [
                self._speech(piece, voice, context)
                for piece in pieces(said, self._server.longest_chars)
            ]
        )

    def prepared(self, text: str) -> str:
        """Return the text as it is sent."""
        return text

    def request(self, voice: Voice) -> dict[str, Any]:
        """Return the parameters of every request for a voice, without its text."""
        given = voice.parameters
        asked: dict[str, Any] = {"response_format": self._server.response_format}
        if self._server.model:
            asked["model"] = self._server.model
        if given.get("voice"):
            asked["voice"] = given["voice"]
        if given.get("scene"):
            asked["instructions"] = given["scene"]
        if "seed" in given:
            asked["seed"] = int(given["seed"])
        if extra := sampling(voice):
            asked["extra_params"] = extra
        if given.get("kind") == "reference":
            asked["ref_audio"] = data_url(self.reference(voice))
            asked["ref_text"] = given["transcript"]
        return asked

    def reference(self, voice: Voice) -> bytes:
        """Return the recording that a voice is made from, as WAV."""
        return self._reference(BlobHash(voice.parameters["audio"]))

    def _speech(self, text: str, voice: Voice, context: Sequence[Heard]) -> Speech:
        reply = self.reply(text, voice, context)
        return audio_replies.speech_of(
            reply.data,
            media_type=reply.media_type,
            text=text,
            is_pcm=self._server.response_format == "pcm",
        )

    def reply(self, text: str, voice: Voice, context: Sequence[Heard]) -> Reply:
        """Return what the server sends for a text."""
        asked = self.request(voice)
        # A batch takes neither of these; a text that needs them goes by itself.
        if self._has_batch and not asked.keys() & {"seed", "extra_params"}:
            try:
                return self._batches.speak(text, asked)
            except NotServed:
                self._has_batch = False  # where it is the model, this fails again
        return self._client.speak({**asked, "input": text})


def sampling(voice: Voice) -> dict[str, float | int]:
    """Return how a voice's model is to choose, where the voice says."""
    given = voice.parameters
    return {name: kind(given[name]) for name, kind in SAMPLING.items() if name in given}


def data_url(wav: bytes) -> str:
    """Return a WAV file as the only kind of address that is ever sent."""
    return f"data:audio/wav;base64,{base64.b64encode(wav).decode()}"


def wav_of(samples: NDArray[np.int16], rate_hz: int) -> bytes:
    """Return mono samples as a WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return target.getvalue()


def pieces(text: str, longest_chars: int) -> list[str]:
    """Cut a text that is too long for one request, at sentences where there are any."""
    found: list[str] = []
    while len(text) > longest_chars:
        head = text[:longest_chars]
        cuts = (head.rfind(end) + len(end) for end in SENTENCE_ENDS if end in head)
        cut = next((at for at in cuts if at > longest_chars // 4), longest_chars)
        found.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*found, text]


def reference_reader(read_blob: ReadBlob | None) -> Callable[[BlobHash], bytes]:
    """Return what reads recordings as WAV, and keeps the last few."""

    @lru_cache(REFERENCES_KEPT)
    def read(blob: BlobHash) -> bytes:
        if read_blob is None:
            raise EngineUnavailable("This engine cannot reach the voice's recording.")
        samples, rate_hz = audio_replies.decoded(
            read_blob(blob), longest_seconds=LONGEST_REFERENCE_SECONDS
        )
        return wav_of(samples, rate_hz)

    return read
