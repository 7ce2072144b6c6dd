"""Documents whose blocks can be told apart by ear, and exports of them."""

import io
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from lectern.documents.blocks import Chapter
from lectern.jobs.states import JobKind
from lectern.speech.timing import WordTime
from lectern.speech.voices import Voice
from resources.engines.speech import Heard, SpeechEngine
from resources.engines.speech import Speech as Spoken
from resources.exporting.making import make_export, voice_export
from resources.services import Services
from resources.stores.catalog import Artifact, Document
from resources.stores.jobs import Job

VOICE = "notes:en"
RATE_HZ = 24_000
WORD_MS = 100
CHAPTERS = (Chapter("One", 1, 0), Chapter("One a", 2, 2), Chapter("Two", 1, 4))


class NotesEngine(SpeechEngine):
    """Speaks each text as a tone of its own, a tenth of a second for each word."""

    name = "notes"
    version = "1"
    phonemes_version = "1"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def voices(self) -> Sequence[Voice]:
        """Return the one voice."""
        return [Voice(VOICE, "notes", "Notes", "en")]

    def synthesise(
        self, text: str, voice: Voice, *, context: Sequence[Heard] = ()
    ) -> Spoken:
        """Return a tone, and when each word begins."""
        self.texts.append(text)
        words: list[WordTime] = []
        at = 0
        for number, word in enumerate(text.split()):
            start = text.index(word, at)
            at = start + len(word)
            start_ms = number * WORD_MS
            words.append(WordTime(start, at, start_ms, start_ms + WORD_MS))
        length = max(3, len(words)) * WORD_MS * RATE_HZ // 1000
        frequency = 300 + 37 * (sum(map(ord, text)) % 40)
        times = np.arange(length) / RATE_HZ
        tone = (9000 * np.sin(2 * np.pi * frequency * times)).astype(np.int16)
        return Spoken(tone, RATE_HZ, tuple(words))


def export_job(
    services: Services,
    document: Document,
    *,
    voice: str | None = VOICE,
    **request: Any,
) -> Job:
    """Return a running job that exports a document, read in tones unless in ``voice``;
    None is the document's own."""
    job = services.jobs.create(
        document.principal,
        document_id=document.id,
        kind=JobKind.EXPORT,
        parameters={"export": request} | ({"voice": voice} if voice else {}),
    )
    services.jobs.start(job.id, f"run-{job.id}")
    return services.jobs.find(job.id)


@dataclass(frozen=True)
class Exported:
    """An export and its bytes."""

    artifact: Artifact
    data: bytes

    @property
    def about(self) -> dict[str, Any]:
        """Return what is known of it."""
        return self.artifact.metadata


def exported(services: Services, document: Document, **request: Any) -> Exported:
    """Voice and export a document."""
    job = export_job(services, document, **request)
    voice_export(services, document, job=job)
    artifact = make_export(services, document, job=job)
    return Exported(artifact, services.blobs.read(artifact.blob))


def samples_in(data: bytes) -> NDArray[np.float64]:
    """Return the samples of any sound file, one channel, full scale 1."""
    with av.open(io.BytesIO(data)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE_HZ)
        pieces = [
            piece.to_ndarray()[0]
            for frame in [*container.decode(audio=0), None]
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(pieces).astype(np.float64)


def epubcheck() -> list[str] | None:
    """Return the command of epubcheck; None where it is not installed."""
    jar = Path("/usr/share/java/epubcheck.jar")
    if shutil.which("java") and jar.exists():
        return ["java", "-jar", str(jar)]
    return None


def complaints(path: Path) -> str:
    """Return what epubcheck has to say against a book; empty when nothing."""
    command = epubcheck()
    assert command is not None
    done = subprocess.run(
        [*command, "--failonwarnings", str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr if done.returncode else ""
