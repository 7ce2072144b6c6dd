"""Documents that are ready to be voiced, and engines that misbehave by name."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lectern.accounts.people import LOCAL, Principal
from lectern.documents.blocks import Block, Chapter, DocumentText
from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind
from lectern.errors import EngineCrashed
from lectern.ids import DocumentId, block_id
from lectern.jobs.states import JobKind
from lectern.settings import Settings, Speech
from lectern.speech.voices import Voice
from resources.engines.speech import Heard, SpeechEngine
from resources.engines.speech import Speech as Spoken
from resources.services import Services
from resources.stores.blocks_file import write_blocks
from resources.stores.catalog import Document, TextStats
from resources.stores.cursors import Cursor
from resources.stores.jobs import Job

WORDS = (  # noqa: SIM905
    "the harbour lay quiet under a pale morning while small boats turned slowly "
    "towards the open water and nobody on the wall spoke of the long winter"
).split()


NO_DOCUMENT = DocumentId("0" * 32)


def settings_at(folder: Path, **speech: object) -> Settings:
    """Return settings whose data lives in a folder."""
    return Settings(
        _env_file=None,
        data_dir=folder,
        disk_reserve_bytes=0,
        speech=Speech(**speech),  # type: ignore[arg-type]
    )


def sentence(number: int, *, words: int = 6) -> str:
    """Return a short sentence that no other number gives."""
    start = number * 7
    chosen = [WORDS[(start + place * 5) % len(WORDS)] for place in range(words)]
    return f"Line {number}: {' '.join(chosen)}."


def block(
    index: int,
    shown: str,
    *,
    kind: BlockKind = BlockKind.PARAGRAPH,
    language: str = "en",
) -> Block:
    """Return a block that stands alone in its paragraph."""
    return Block(
        id=block_id(NO_DOCUMENT, shown, 0),
        index=index,
        kind=kind,
        page=1,
        paragraph=index,
        start_char=0,
        end_char=len(shown),
        shown=shown,
        spans=(),
        language=language,
        direction="ltr",
        level=0,
        chapter=None,
    )


def add_document(
    services: Services,
    shown: Sequence[str | Block],
    *,
    principal: Principal = LOCAL,
    title: str = "Harbour",
    chapters: Sequence[Chapter] = (),
) -> Document:
    """Put a document with these blocks into the library, ready to be read."""
    document = services.catalog.add(
        principal,
        title=title,
        filename="harbour.txt",
        format=Format.TEXT,
        blob=services.blobs.put(title.encode()),
        size_bytes=1,
    )
    blocks = tuple(
        replace(one, index=index, id=block_id(document.id, one.shown, index))
        if isinstance(one, Block)
        else replace(block(index, one), id=block_id(document.id, one, index))
        for index, one in enumerate(shown)
    )
    text = DocumentText(blocks, tuple(chapters), (), title, "en", 1)
    return services.catalog.publish(
        document.id,
        text=text,
        blocks_blob=services.blobs.put(write_blocks(text)),
        stats=TextStats(spoken_chars=1, word_count=1),
    )


def running_job(
    services: Services, document: Document, kind: JobKind, **parameters: str
) -> Job:
    """Return a job of a document that a worker has begun."""
    job = services.jobs.create(
        document.principal, document_id=document.id, kind=kind, parameters=parameters
    )
    services.jobs.start(job.id, "run")
    return services.jobs.find(job.id)


class Reader:
    """A listener's player: it posts where it is."""

    def __init__(self, services: Services, document: Document) -> None:
        self._services = services
        self._document = document
        self._sequence = 0

    def go_to(
        self, index: int, *, playing: bool = True, voice: str = "espeak:en-gb"
    ) -> None:
        """Post a place."""
        self._sequence += 1
        self._services.cursors.put(
            self._document.principal,
            self._document.id,
            Cursor(
                block_index=index,
                offset_ms=0,
                playing=playing,
                rate=1.0,
                voice_id=voice,
                session="test",
                sequence=self._sequence,
            ),
        )

    def heard(self, *, voice: str = "espeak:en-gb") -> set[int]:
        """Return the blocks that can be played."""
        return set(
            self._services.variants.keys_of(
                self._document.principal, self._document.id, voice
            )
        )


class ToneEngine(SpeechEngine):
    """Speaks every text as a tone, counts its texts, and can be told to misbehave."""

    name = "tone"
    version = "1"
    phonemes_version = "1"

    def __init__(self, *, seconds: float = 0.6, gate: threading.Event | None = None):
        self.texts: list[str] = []
        self.crashes_on: set[str] = set()
        self.is_silent_on: set[str] = set()
        self.seconds = seconds
        self.gate = gate

    def voices(self) -> Sequence[Voice]:
        """Return the one voice."""
        return [Voice("tone:en", "tone", "Tone", "en")]

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Spoken:
        """Return a tone."""
        if self.gate is not None:
            self.gate.wait(20)
        self.texts.append(text)
        if any(part in text for part in self.crashes_on):
            raise EngineCrashed("The tone broke.")
        times = np.arange(int(24_000 * self.seconds)) / 24_000
        loud = 0 if any(part in text for part in self.is_silent_on) else 8000
        tone = (loud * np.sin(times * 2764)).astype(np.int16)
        return Spoken(tone, 24_000, ())
