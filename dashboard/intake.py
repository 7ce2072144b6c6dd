"""Taking a document in: durable first, then work is started.

An upload is acknowledged once its bytes and its rows are on disk. Whether Dagster
answers at that moment is not part of the promise: a queued job is launched by the
reconciler as soon as it can be.
"""

import tempfile
from dataclasses import dataclass

from dashboard import following
from dashboard.backend import Backend
from dashboard.pacing import count_elements
from lectern.accounts.people import Principal
from lectern.accounts.rates import RateClass
from lectern.documents.formats import Format
from lectern.documents.titles import title_from
from lectern.errors import FileTooLarge, LecternError
from lectern.ids import BlobHash
from lectern.jobs.states import DocumentState, JobKind
from lectern.jobs.wanted import Wanted
from lectern.units import size
from resources.engines.recognition.elsewhere import SENT_FORMATS
from resources.engines.recognition.sniff import sniff
from resources.fetching import Fetcher
from resources.stores.catalog import Document
from resources.stores.jobs import Job
from resources.stores.uploads import Upload

USUAL = Wanted()
WRITE_BYTES = 2 * 1024**2
TEXT_FORMATS = (Format.TEXT, Format.MARKDOWN, Format.HTML)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file that was handed in."""

    document: Document
    job: Job | None  # to be launched
    already_had: bool


def take_upload(
    here: Backend, principal: Principal, upload: Upload, wanted: Wanted = USUAL
) -> Taken:
    """Turn a complete upload into a document.

    A recogniser elsewhere is used for what is recognised there; the rest is read here.

    Raises:
        InputError: Lectern cannot read this kind of file.
        LimitReached: It is larger than its kind may be, or the library is full.
    """
    uploads = here.services.uploads
    found = sniff(uploads.path(principal, upload.id), name=upload.name)
    here.services.recognition_engines().engine(wanted.recogniser)
    limit = here.services.limits.of(principal).text_bytes
    if found in TEXT_FORMATS and upload.size_bytes > limit:
        raise FileTooLarge(
            f"“{upload.name}” is a text of {size(upload.size_bytes)}; "
            f"texts may have {size(limit)}. Split it into parts.",
            used=upload.size_bytes,
            limit=limit,
        )
    return take_in(
        here,
        principal,
        blob=uploads.finish(principal, upload.id),
        size_bytes=upload.size_bytes,
        filename=upload.name,
        format=found,
        wanted=wanted if found in SENT_FORMATS else USUAL,
    )


def take_page(
    here: Backend, principal: Principal, address: str, wanted: Wanted = USUAL
) -> Taken:
    """Fetch what lies at a web address and keep it as a document.

    Raises:
        InvalidRequest: It is no address that may be fetched.
        PageUnreachable: There is nothing, or it did not come.
        InputError: Lectern cannot read this kind of file.
        LimitReached: It is larger than it may be, or the library is full, or they came
            too often.
    """
    count_elements(principal, RateClass.DOCUMENT, 1)
    with tempfile.TemporaryFile(dir=here.settings.root) as file:
        fetched = Fetcher(
            here.settings, limit_bytes=here.services.limits.of(principal).upload_bytes
        ).fetch(address, file)
        file.seek(0)
        uploads = here.services.uploads
        upload = uploads.begin(principal, fetched.name, fetched.size_bytes)
        try:
            while data := file.read(WRITE_BYTES):
                upload = uploads.advance(
                    principal, upload.id, offset=upload.offset_bytes, data=data
                )
            return take_upload(here, principal, upload, wanted)
        except LecternError:
            uploads.abandon(principal, upload.id)
            raise


def take_in(
    here: Backend,
    principal: Principal,
    *,
    blob: BlobHash,
    size_bytes: int,
    filename: str,
    format: Format,  # noqa: A002  (the domain's word)
    title: str = "",
    wanted: Wanted = USUAL,
) -> Taken:
    """Add a stored file to a person's library, unless it is there already."""
    services = here.services
    if known := services.catalog.same_file(principal, blob):
        return _had_already(here, principal, known)
    # One transaction: a document without its job would wait for ever.
    with services.database.write() as connection:
        document = services.catalog.add(
            principal,
            title=title.strip() or title_from(filename),
            filename=filename,
            format=format,
            blob=blob,
            size_bytes=size_bytes,
            connection=connection,
        )
        job = services.jobs.create(
            principal,
            document_id=document.id,
            kind=JobKind.PREPARE,
            parameters=wanted.parameters,
            connection=connection,
        )
    return Taken(document=document, job=job, already_had=False)


def _had_already(here: Backend, principal: Principal, document: Document) -> Taken:
    """Return the document there is; one that failed before gets another try."""
    job = None
    if document.state is DocumentState.FAILED:
        job = following.queue_again(here, principal, document.id, JobKind.PREPARE)
    return Taken(document=document, job=job, already_had=True)


def taken_body(taken: Taken) -> dict[str, object]:
    """Return the part of an answer that says what became of a file."""
    document = taken.document
    return {
        "document": {"id": document.id, "title": document.title},
        "already_had": taken.already_had,
    }
