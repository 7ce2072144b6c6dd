"""Hearing a voice before it is chosen: one sentence, made like any other sound.

A preview is an ordinary variant without a document, so hearing it again costs nothing.
An engine that is heavy speaks in a process of its own, which ends when it is idle: the
web app must not fill with a model that somebody tried once.
"""

import contextlib
import json
import logging
import os
import select
import subprocess
import sys
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from lectern.accounts.people import Principal
from lectern.documents.blocks import Block
from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind
from lectern.errors import EngineCrashed, EngineError, TookTooLong, class_of
from lectern.ids import NO_DOCUMENT, BlobHash, VariantKey, block_id
from lectern.jobs.states import DocumentState
from lectern.speech.preview_texts import preview_text
from lectern.speech.voices import Voice
from resources.stores.catalog import Document
from resources.stores.variants import Variant

if TYPE_CHECKING:
    from resources.services import Services

AT_ONCE = 2
"""Previews made at one time, whoever asks: they must not slow the reading down."""
WAIT_SECONDS = 30.0
CHILD_REPLY_SECONDS = 120.0
"""The first text also loads the model."""
CHILD_IDLE_SECONDS = 120.0

logger = logging.getLogger(__name__)


class Previews:
    """Makes previews. Safe to share between threads."""

    def __init__(self, services: "Services", *, may_be_heavy: bool = False) -> None:
        self._services = services
        self._may_be_heavy = may_be_heavy
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._child = PreviewChild(services)

    def sound(self, principal: Principal, voice: Voice) -> Variant:
        """Return a voice's preview, made if need be.

        Raises:
            EngineError: The engine could not speak it.
            TookTooLong: Too many previews are being made.
        """
        engine = self._services.speech_engines().engine(voice.engine)
        reading = self._services.voicing().reading(
            _document(principal, voice), [_block(voice)], voice=voice
        )
        [utterance] = reading.utterances([0])
        found = self._found(utterance.key)
        if found is not None:
            return found
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise TookTooLong("Other previews are being made. Try again in a moment.")
        try:
            if engine.is_heavy and not self._may_be_heavy:
                self._child.make(principal, voice)
            else:
                tally = self._services.voicing().voice(
                    principal, reading, [0], batch_blocks=1
                )
                for error in tally.failures.values():
                    raise error
        finally:
            self._places.release()
        found = self._found(utterance.key)
        if found is None:
            raise EngineCrashed("The preview was not made. Try again.")
        return found

    def _found(self, key: VariantKey) -> Variant | None:
        variant = self._services.variants.find([key]).get(key)
        if variant is None or not self._services.blobs.exists(variant.blob):
            return None
        return variant

    def close(self) -> None:
        """End the process, if there is one."""
        self._child.end()


class PreviewChild:
    """The process in which heavy engines speak, started when it is needed."""

    def __init__(self, services: "Services") -> None:
        self._settings = services.settings
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self, principal: Principal, voice: Voice) -> None:
        """Have a preview made.

        Raises:
            EngineError: The engine, or its process, failed.
        """
        request = {"owner": principal.owner_id, "voice": asdict(voice)}
        with self._lock:
            try:
                reply = self._ask(request)
            except (OSError, ValueError) as error:
                self._end()
                raise EngineCrashed(
                    "The process that speaks previews ended. Try again."
                ) from error
            except EngineError:
                self._end()
                raise
        if "code" in reply:
            kind = class_of(str(reply["code"]))
            is_plain = kind is not None and kind.__init__ is EngineError.__init__
            family = kind if kind is not None and is_plain else EngineError
            raise family(str(reply["message"]))

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = self._start()
        assert process.stdin is not None  # noqa: S101  (we asked for pipes)
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], CHILD_REPLY_SECONDS)
        if not ready:
            raise EngineCrashed("The engine did not speak in time. Try again.")
        reply: dict[str, Any] = json.loads(process.stdout.readline())
        return reply

    def _start(self) -> subprocess.Popen[bytes]:
        where = {
            "LECTERN_DATA_DIR": str(self._settings.root),
            "LECTERN_DATABASE_URL": self._settings.database,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "resources.previews"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | where,
        )

    def end(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _block(voice: Voice) -> Block:
    text = preview_text(voice.language)
    return Block(
        id=block_id(NO_DOCUMENT, text, 0),
        index=0,
        kind=BlockKind.PARAGRAPH,
        page=1,
        paragraph=0,
        start_char=0,
        end_char=len(text),
        shown=text,
        spans=(),
        language=voice.language,
        direction="ltr",
        level=0,
        chapter=None,
    )


def _document(principal: Principal, voice: Voice) -> Document:
    """Return what stands for a document where there is none."""
    now = datetime.now(UTC)
    return Document(
        id=NO_DOCUMENT,
        owner_id=principal.owner_id,
        title="",
        filename="",
        format=Format.TEXT,
        blob=BlobHash(""),
        size_bytes=0,
        state=DocumentState.READY,
        error_code=None,
        error_message=None,
        version=1,
        revision=1,
        page_count=1,
        block_count=1,
        spoken_chars=0,
        word_count=0,
        language=voice.language,
        blocks_blob=None,
        policy={},
        voice_id=None,
        created_at=now,
        updated_at=now,
        deleted_at=None,
    )


def answer(previews: Previews, line: bytes) -> dict[str, Any]:
    """Return the reply to one request, in the child."""
    from lectern.errors import LecternError
    from lectern.ids import OwnerId

    request = json.loads(line)
    try:
        variant = previews.sound(
            Principal(OwnerId(request["owner"])), Voice(**request["voice"])
        )
    except LecternError as error:
        return {"code": error.code, "message": error.message}
    return {"key": variant.key}


def main(requests: IO[bytes], replies: IO[bytes]) -> None:
    """Answer requests until there are none for a while, in the child."""
    from lectern.settings import Settings
    from resources.services import Services

    services = Services.open(Settings())
    previews = Previews(services, may_be_heavy=True)
    logging.basicConfig(level=services.settings.log_level)
    while select.select([requests], [], [], CHILD_IDLE_SECONDS)[0]:
        line = requests.readline()
        if not line:
            break
        replies.write(json.dumps(answer(previews, line)).encode() + b"\n")
        replies.flush()
    services.speech_engines().close()
    services.close()


if __name__ == "__main__":
    own_stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a model's library prints must not pass for a reply
    main(sys.stdin.buffer, own_stdout)
