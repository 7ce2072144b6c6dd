"""``lectern convert``: one document through the same assets, without any server.

Runs beside a server too: both keep their results in the same stores, and whatever
one of them made, the other finds.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from lectern.accounts.people import Principal
from lectern.documents.blocks import DocumentText
from lectern.documents.filter_files import FILE_BYTES, filters_from_json
from lectern.documents.filters import Filter
from lectern.documents.spoken import speak
from lectern.errors import (
    Cancelled,
    InvalidRequest,
    LecternError,
    StoreError,
    UnknownVoice,
)
from lectern.exports.formats import SUFFIXES, ExportFormat
from lectern.exports.requests import LOUDNESSES_LUFS, ExportRequest
from lectern.ids import OwnerId
from lectern.jobs.runs import DOCUMENTS, HEADLESS, PIPELINES, run_tags
from lectern.jobs.states import JobKind, JobState
from lectern.settings import Settings
from pipelines.definitions import build_definitions
from pipelines.logs import configure_logging
from pipelines.places import make_places
from resources.engines.recognition.sniff import sniff
from resources.services import Services
from resources.stores.blocks_file import read_blocks
from resources.stores.catalog import Document
from resources.stores.jobs import Job

COMMAND_LINE = Principal(OwnerId("command-line"))
"""Whose documents these are: none of them shows up in anybody's library."""
CHUNK_BYTES = 4 * 1024**2
LOOK_SECONDS = 0.1
DEFAULT_SUFFIX = ".opus"
COPIED_BYTES = 1024**2
QUIET = {"python_logs": {"python_log_level": "CRITICAL"}}
"""Dagster would else tell every event on the terminal."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line."""

    source: Path
    output: Path | None = None
    blocks: Path | None = None
    voice: str | None = None
    engine: str | None = None
    loudness_lufs: int | None = None
    words: bool = False  # an EPUB highlights words, not sentences
    filters: Path | None = None  # a file of find-and-replace rules

    @property
    def output_path(self) -> Path | None:
        """Return where the file goes: beside the input, when nothing was named."""
        if self.output is None and self.blocks is None:
            return self.source.with_suffix(DEFAULT_SUFFIX)
        return self.output

    @property
    def export(self) -> ExportRequest:
        """Return what to make, by the ending of the file's name.

        Raises:
            InvalidRequest: Its name promises what is not made here.
        """
        path = self.output_path or Path(DEFAULT_SUFFIX)
        fmt = SUFFIXES.get(path.suffix.lower() or path.name)
        if fmt is None:
            raise InvalidRequest(
                f"“{path.name}” ends in no kind of file that is made. End it in "
                f"{', '.join(f'.{one.value}' for one in ExportFormat)}."
            )
        asked = {"format": fmt, "loudness_lufs": self.loudness_lufs}
        try:
            return ExportRequest.model_validate(
                asked | ({"granularity": "word"} if self.words else {})
            )
        except ValidationError as error:
            levels = ", ".join(map(str, LOUDNESSES_LUFS))
            raise InvalidRequest(
                f"The loudness may be one of {levels} LUFS."
            ) from error


def convert(settings: Settings, request: Request, console: Console) -> list[Path]:
    """Convert one document and return the files that were written.

    Raises:
        LecternError: What went wrong, as in a job of the web app.
    """
    places = make_places(settings)
    configure_logging(settings, file=places.logs / "convert.log")
    services = Services.open(settings, upgrade=True)
    check(services, request)
    rules = filters_of(request)
    document = take_in(services, request.source)
    try:
        for one in rules:
            services.filters.add(COMMAND_LINE, one, document_id=document.id)
        with showing_progress(services, document, console):
            document = carry_out(services, document, JobKind.PREPARE)
            if request.output_path is not None:
                choose_voice(services, document, request)
                export = request.export.model_dump(mode="json")
                carry_out(services, document, JobKind.EXPORT, export=export)
        return list(written(services, document, request))
    finally:
        for kept in services.filters.all(COMMAND_LINE, document.id):
            services.filters.delete(COMMAND_LINE, kept.id)
        # What was made stays cached until a sweep, so doing it again is quick.
        services.catalog.delete(COMMAND_LINE, document.id)
        services.close()


def check(services: Services, request: Request) -> None:
    """Refuse early what cannot end well.

    Raises:
        InvalidRequest: No such input, or an output that cannot be written.
        UnknownVoice: There is no such voice; the message lists the nearest.
        EngineUnavailable: There is no such engine.
    """
    if not request.source.is_file():
        raise InvalidRequest(f"There is no file {request.source}. Check its name.")
    for path in (request.output_path, request.blocks):
        if path is not None and not path.absolute().parent.is_dir():
            raise InvalidRequest(f"There is no folder {path.parent}. Create it first.")
    _ = request.export  # refuses a name that says nothing
    filters_of(request)
    if request.engine is not None:
        services.speech_engines().engine(request.engine)
    if request.voice is None:
        return
    voice = services.speech_engines().voice(request.voice, COMMAND_LINE)
    if request.engine is not None and voice.engine != request.engine:
        raise UnknownVoice(
            f"The voice {voice.id} belongs to the engine {voice.engine}, and not to "
            f"{request.engine}. Leave --engine out."
        )


def filters_of(request: Request) -> list[Filter]:
    """Return the filters of the file that was named; none where none was.

    Raises:
        InvalidRequest: It cannot be read, or is no file of filters.
    """
    if request.filters is None:
        return []
    try:
        with request.filters.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(
            f"{request.filters} cannot be read ({error.strerror}). Check its name."
        ) from error
    return filters_from_json(data)


def take_in(services: Services, source: Path) -> Document:
    """Store a file durably, as an upload of the command line."""
    found = sniff(source, name=source.name)
    upload = services.uploads.begin(COMMAND_LINE, source.name, source.stat().st_size)
    with source.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            offset = upload.offset_bytes
            upload = services.uploads.advance(
                COMMAND_LINE, upload.id, offset=offset, data=data
            )
    return services.catalog.add(
        COMMAND_LINE,
        title=source.stem,
        filename=source.name,
        format=found,
        blob=services.uploads.finish(COMMAND_LINE, upload.id),
        size_bytes=upload.size_bytes,
    )


def carry_out(
    services: Services, document: Document, kind: JobKind, **parameters: Any
) -> Document:
    """Run one job in this process, and return the document as it is then.

    Raises:
        LecternError: The reason for which the job failed.
    """
    job = services.jobs.create(
        COMMAND_LINE,
        document_id=document.id,
        kind=kind,
        parameters={HEADLESS: True} | parameters,
    )
    definitions = build_definitions(resource_overrides={"services": services})
    with dg.DagsterInstance.ephemeral(settings=QUIET) as instance:
        instance.add_dynamic_partitions(DOCUMENTS, [document.id])
        definitions.resolve_job_def(PIPELINES[kind]).execute_in_process(
            instance=instance,
            partition_key=document.id,
            tags=run_tags(
                job_id=job.id,
                document_id=document.id,
                kind=kind,
                owner_id=job.owner_id,
            ),
            raise_on_error=False,
        )
    job = services.jobs.find(job.id)
    if job.state is not JobState.DONE:
        raise reason_of(job)
    return services.catalog.find(document.id)


def reason_of(job: Job) -> LecternError:
    """Return the error that a job's row tells of, as an error of its own class."""
    if job.state is JobState.CANCELLED:
        return Cancelled("Stopped.")
    families: list[type[LecternError]] = [LecternError]
    for family in families:
        families.extend(family.__subclasses__())
    by_code = {family.code: family for family in families}
    family = by_code.get(job.error_code or "", StoreError)
    return family(job.error_message or "The work ended without a word.")


def choose_voice(services: Services, document: Document, request: Request) -> None:
    """Note the voice that was asked for, or the engine's own for the language."""
    voice_id = request.voice
    if voice_id is None and request.engine is not None:
        engine = services.speech_engines().engine(request.engine)
        voice = engine.default_voice(document.language)
        voice_id = voice.id if voice else None
    if voice_id is not None:
        services.catalog.set_voice(COMMAND_LINE, document.id, voice_id)


def written(services: Services, document: Document, request: Request) -> Iterator[Path]:
    """Write the files that were asked for, each one whole or not at all."""
    if request.blocks is not None and document.blocks_blob is not None:
        text = read_blocks(services.blobs.read(document.blocks_blob))
        lines = block_lines(services, document, text)
        write_whole(request.blocks, [line.encode() for line in lines])
        yield request.blocks
    made = services.exports.list(COMMAND_LINE, document.id)
    if request.output_path is not None and made:
        with services.blobs.open(made[0].blob) as file:
            write_whole(request.output_path, iter(lambda: file.read(COPIED_BYTES), b""))
        yield request.output_path


def block_lines(
    services: Services, document: Document, text: DocumentText
) -> Iterator[str]:
    """Return one JSON object a block, each on a line of its own."""
    policy = services.catalog.policy(document.id)
    for block in text.blocks:
        spoken = speak(block, policy)
        chapter = None if block.chapter is None else text.chapters[block.chapter].title
        line = {
            "index": block.index,
            "page": block.page,
            "kind": block.kind.value,
            "text": block.shown,
            "spoken": spoken.text,
            "skipped_because": spoken.skipped_because,
            "language": block.language,
            "chapter": chapter,
        }
        yield json.dumps(line, ensure_ascii=False) + "\n"


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file so that it is either all there or not there.

    Raises:
        InvalidRequest: It cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.writelines(pieces)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise InvalidRequest(
            f"{path} cannot be written ({error.strerror}). Choose another place."
        ) from error


@contextmanager
def showing_progress(
    services: Services, document: Document, console: Console
) -> Iterator[None]:
    """Show a bar of the document's newest job while the block lasts."""
    done = threading.Event()
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Starting", total=None)

        def look() -> None:
            while not done.wait(LOOK_SECONDS):
                for job in services.jobs.for_document(document.principal, document.id)[
                    :1
                ]:
                    progress.update(
                        task,
                        description=job.step.value,
                        completed=job.done,
                        total=job.total or None,
                    )

        thread = threading.Thread(target=look, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
