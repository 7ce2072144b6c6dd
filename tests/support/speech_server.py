"""A speech server that speaks the real protocols, on loopback, in a thread.

Modelled on the published interfaces of OpenAI, vLLM-Omni (speech, batch, voices) and
boson's fork of vLLM (chat completions with audio): what they accept, what they refuse,
how they say so. Its voice is a tone whose length fits the text and whose pitch is the
text's own. How it misbehaves is switched on by name: see ``speech_server_faults``.
"""

import asyncio
import base64
import contextlib
import io
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resources.engines.loudness import levelled
from tests.support.loopback import answering
from tests.support.speech_server_faults import Fault

RATE_HZ = 24_000
CHARS_A_SECOND = 14.0
MEDIA_TYPES = {
    "wav": "audio/wav",
    "pcm": "audio/pcm",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
}
MOST_BATCH_ITEMS = 32
CODECS = {"flac": ("flac", "flac"), "mp3": ("mp3", "libmp3lame")}


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    path: str
    body: dict[str, Any]
    authorization: str | None


@dataclass
class SpeechServer:
    """What the server is, and what it was asked."""

    model: str = "tone-1"
    voices: list[str] = field(default_factory=lambda: ["alto", "basso"])
    api_key: str | None = None
    higgs: bool = False  # vLLM-Omni with Higgs Audio v2: no built-in voices
    has_batch: bool = True
    has_voices: bool = True
    loudness_lufs: float = -19.0
    fault: Fault | None = None
    address: str = ""
    received: list[Received] = field(default_factory=list)
    uploaded: dict[str, dict[str, Any]] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0
    seconds_a_text: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def texts(self) -> list[str]:
        """Return every text it was asked to speak, in order."""
        found: list[str] = []
        for one in self.received:
            if one.path.endswith("/audio/speech"):
                found.append(one.body["input"])
            elif one.path.endswith("/batch"):
                found += [item["input"] for item in one.body["items"]]
            elif one.path.endswith("/completions"):
                found.append(str(one.body["messages"][-1]["content"]))
        return found

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies sent to a path, ``/v1/audio/speech``."""
        return [one.body for one in self.received if one.path == path]

    @contextlib.contextmanager
    def running(
        self, port: int = 0, host: str = "127.0.0.1"
    ) -> Iterator["SpeechServer"]:
        """Answer until the block ends; ``port`` 0 takes a free one."""
        with answering(self.application(), port=port, host=host) as address:
            self.address = f"{address}/v1"
            yield self

    @property
    def port(self) -> int:
        """Return the port it answers on."""
        return int(self.address.rsplit(":", 1)[1].split("/")[0])

    # -- the protocol ------------------------------------------------------

    def application(self) -> Starlette:
        """Return the server as an ASGI application."""
        routes = [
            Route("/health", self._health),
            Route("/v1/models", self._models),
            Route("/v1/audio/speech", self._speech, methods=["POST"]),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
        ]
        if self.has_batch:
            route = Route("/v1/audio/speech/batch", self._batch, methods=["POST"])
            routes.append(route)
        if self.has_voices:
            routes += [
                Route("/v1/audio/voices", self._list_voices),
                Route("/v1/audio/voices", self._upload_voice, methods=["POST"]),
                Route(
                    "/v1/audio/voices/{name}", self._delete_voice, methods=["DELETE"]
                ),
            ]
        return Starlette(routes=routes, exception_handlers={404: _not_found})

    async def _health(self, _: Request) -> Response:
        return Response()

    async def _models(self, request: Request) -> Response:
        if refusal := self._refuse_key(request):
            return refusal
        entry = {"id": self.model, "object": "model", "created": 1, "owned_by": "test"}
        return JSONResponse({"object": "list", "data": [entry]})

    async def _speech(self, request: Request) -> Response:
        body = await self._receive(request)
        with self._counted():
            fault = self._fault(str(body.get("input", "")))
            if fault and (response := await fault.instead(request)):
                return response
            await asyncio.sleep(self.seconds_a_text)
            if refusal := self._refuse_key(request) or self._refuse(body):
                return refusal
            form = body.get("response_format", "wav")
            sound = self._sound(str(body["input"]), form, fault)
            if fault and (response := await fault.spoiled(request, sound, form)):
                return response
            return Response(sound, media_type=MEDIA_TYPES[form])

    async def _batch(self, request: Request) -> Response:
        body = await self._receive(request)
        with self._counted():
            items = body.get("items", [])
            if not 1 <= len(items) <= MOST_BATCH_ITEMS:
                return _error(400, f"items must have 1 to {MOST_BATCH_ITEMS} entries")
            faults = [self._fault(str(item.get("input", ""))) for item in items]
            for fault in faults:
                if fault and (response := await fault.instead(request)):
                    return response
            await asyncio.sleep(self.seconds_a_text)
            if refusal := self._refuse_key(request):
                return refusal
            shared = {name: body[name] for name in body if name != "items"}
            results = [
                self._item(number, shared | item, fault)
                for number, (item, fault) in enumerate(zip(items, faults, strict=True))
            ]
            for fault in faults:
                if fault:
                    results = fault.shuffled(results)
        failed = sum(result["status"] == "error" for result in results)
        return JSONResponse(
            {
                "id": f"speech-batch-{uuid.uuid4().hex[:12]}",
                "results": results,
                "total": len(items),
                "succeeded": len(results) - failed,
                "failed": failed,
            }
        )

    def _item(
        self, index: int, item: Mapping[str, Any], fault: Fault | None
    ) -> dict[str, Any]:
        wrong = self._wrong(item) or (fault.item_error() if fault else None)
        if wrong:
            return {"index": index, "status": "error", "error": wrong}
        form = item.get("response_format", "wav")
        sound = self._sound(str(item["input"]), form, fault)
        if fault:
            sound = fault.spoiled_bytes(sound)
        return {
            "index": index,
            "status": "success",
            "audio_data": base64.b64encode(sound).decode(),
            "media_type": MEDIA_TYPES[form],
        }

    async def _chat(self, request: Request) -> Response:
        body = await self._receive(request)
        with self._counted():
            messages = body.get("messages") or [{}]
            text = messages[-1].get("content", "")
            fault = self._fault(str(text))
            if fault and (response := await fault.instead(request)):
                return response
            await asyncio.sleep(self.seconds_a_text)
            refusal = self._refuse_key(request) or self._refuse_model(body)
            if refusal:
                return refusal
            if messages[-1].get("role") != "user" or not isinstance(text, str):
                return _error(400, "the last message must be a user's text")
            if "audio" not in body.get("modalities", ()):
                return _error(400, "modalities must contain audio")
            sound = self._sound(text, "wav", fault)
            if fault and (response := await fault.spoiled(request, sound, "wav")):
                return response
        audio = {
            "id": f"audio-{uuid.uuid4().hex}",
            "data": base64.b64encode(sound).decode(),
            "expires_at": int(time.time()) + 3600,
            "transcript": "",
        }
        message = {"role": "assistant", "content": None, "audio": audio}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse(
            {
                "id": f"chatcmpl-{uuid.uuid4().hex}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": self.model,
                "choices": [choice],
            }
        )

    async def _list_voices(self, request: Request) -> Response:
        self.received.append(Received("/v1/audio/voices", {}, None))
        if refusal := self._refuse_key(request):
            return refusal
        return JSONResponse(
            {
                "voices": [*self.voices, *self.uploaded],
                "uploaded_voices": list(self.uploaded.values()),
            }
        )

    async def _upload_voice(self, request: Request) -> Response:
        form = await request.form()
        name, consent = form.get("name"), form.get("consent")
        sample = form.get("audio_sample")
        if not name or not consent or sample is None or isinstance(sample, str):
            return _error(400, "audio_sample, consent and name are required")
        content = await sample.read()
        if len(content) > 10 * 1024**2:
            return _error(400, "audio_sample exceeds 10 MB")
        voice = {
            "name": name,
            "consent": consent,
            "created_at": int(time.time()),
            "mime_type": sample.content_type,
            "file_size": len(content),
        }
        if form.get("ref_text"):
            voice["ref_text"] = form["ref_text"]
        self.uploaded[str(name)] = voice
        return JSONResponse({"success": True, "voice": voice})

    async def _delete_voice(self, request: Request) -> Response:
        name = request.path_params["name"]
        if self.uploaded.pop(name, None) is None:
            error = f"Voice '{name}' not found"
            return JSONResponse({"success": False, "error": error}, status_code=404)
        message = f"Voice '{name}' deleted successfully"
        return JSONResponse({"success": True, "message": message})

    # -- what it refuses ---------------------------------------------------

    def _refuse_key(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.api_key is None or given == self.api_key:
            return None
        return _error(401, f"Incorrect API key provided: {given}", "invalid_api_key")

    def _refuse_model(self, body: Mapping[str, Any]) -> Response | None:
        if body.get("model") in (None, "", self.model):
            return None
        return _error(404, f"The model `{body['model']}` does not exist.", "NotFound")

    def _refuse(self, body: Mapping[str, Any]) -> Response | None:
        wrong = self._wrong(body)
        return self._refuse_model(body) or (_error(400, wrong) if wrong else None)

    def _wrong(self, body: Mapping[str, Any]) -> str | None:
        """Return what is wrong with what is asked; None when nothing is."""
        text = body.get("input")
        if not isinstance(text, str) or not text.strip():
            return "Input text cannot be empty"
        if len(text) > 4096:
            return "Input text is longer than 4096 characters"
        if body.get("response_format", "wav") not in MEDIA_TYPES:
            return "response_format must be one of wav, pcm, flac, mp3, opus"
        if not 0.25 <= body.get("speed", 1.0) <= 4.0:
            return "speed must be between 0.25 and 4"
        if self.higgs:
            return self._wrong_for_higgs(body)
        voice = body.get("voice")
        if voice is not None and voice not in (*self.voices, *self.uploaded):
            return f"Invalid voice '{voice}'. Supported: {', '.join(self.voices)}"
        return None

    def _wrong_for_higgs(self, body: Mapping[str, Any]) -> str | None:
        unsupported = ("instructions", "task_type", "language", "speaker_embedding")
        for name in (*unsupported, "messages", "x_vector_only_mode"):
            if body.get(name) is not None:
                return f"higgs_audio_v2 v1 does not support '{name}'"
        if bool(body.get("ref_audio")) != bool(body.get("ref_text")):
            return "higgs_audio_v2 voice clone requires both 'ref_audio' and 'ref_text'"
        voice = body.get("voice")
        if voice and not body.get("ref_audio") and voice not in self.uploaded:
            return "higgs_audio_v2 v1 does not support 'voice' for built-in voices"
        if "[SPEAKER" in str(body["input"]):
            return "higgs_audio_v2 v1 does not support multi-speaker tags"
        return None

    # -- the rest ----------------------------------------------------------

    async def _receive(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(await request.body())
        header = request.headers.get("authorization")
        self.received.append(Received(request.url.path, body, header))
        return body

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            with self._lock:
                self.at_once -= 1

    def _fault(self, text: str) -> Fault | None:
        fault = self.fault
        return fault if fault is not None and fault.applies(text) else None

    def _sound(self, text: str, form: str, fault: Fault | None) -> bytes:
        if fault:
            text = fault.instead_of(text)
        samples = tone(text, loudness_lufs=self.loudness_lufs)
        return encoded(fault.bent(samples) if fault else samples, form)


def tone(text: str, *, loudness_lufs: float = -19.0) -> NDArray[np.int16]:
    """Return how the server says a text: as long as speech, at a pitch of its own."""
    seconds = max(0.4, len(text) / CHARS_A_SECOND)
    pitch_hz = 200 + sum(text.encode()) % 400
    times = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    loud = (8000 * np.sin(2 * np.pi * pitch_hz * times)).astype(np.int16)
    return levelled(loud, RATE_HZ, target_lufs=loudness_lufs)


def encoded(samples: NDArray[np.int16], form: str) -> bytes:
    """Return samples as a file of one of the formats."""
    if form == "pcm":
        return samples.astype("<i2").tobytes()
    if form == "wav":
        return wav(samples)
    if form == "opus":
        return opus_file(samples, complexity=2)  # sooner done; nobody listens to it
    container_name, codec = CODECS[form]
    target = io.BytesIO()
    with av.open(target, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=RATE_HZ)
        stream.layout = "mono"
        _encode(container, stream, samples)
    return target.getvalue()


def wav(samples: NDArray[np.int16], *, extra: bytes = b"") -> bytes:
    """Return a WAV file; ``extra`` chunks stand before the sound, as some write."""
    data = samples.astype("<i2").tobytes()
    form = b"fmt " + (16).to_bytes(4, "little") + b"\x01\x00\x01\x00"
    form += RATE_HZ.to_bytes(4, "little") + (RATE_HZ * 2).to_bytes(4, "little")
    form += b"\x02\x00\x10\x00"
    rest = b"WAVE" + form + extra + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(rest).to_bytes(4, "little") + rest


def opus_file(
    samples: NDArray[np.int16],
    *,
    layout: str = "mono",
    frame_ms: int = 20,
    bit_rate: int = 48_000,
    application: str = "audio",
    complexity: int = 10,
) -> bytes:
    """Return Ogg Opus as other people's encoders write it."""
    target = io.BytesIO()
    options = {
        "application": application,
        "frame_duration": str(frame_ms),
        "compression_level": str(complexity),
    }
    with av.open(target, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000, options=options)
        stream.layout = layout
        stream.bit_rate = bit_rate
        _encode(container, stream, samples)
    return target.getvalue()


def _encode(container: Any, stream: Any, samples: NDArray[np.int16]) -> None:
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _error(status: int, message: str, code: str | None = None) -> Response:
    error = {
        "message": message,
        "type": "BadRequestError" if status == 400 else "Error",
        "param": None,
        "code": code or status,
    }
    return JSONResponse({"error": error}, status_code=status)


async def _not_found(_: Request, __: Exception) -> Response:
    return JSONResponse({"detail": "Not Found"}, status_code=404)
