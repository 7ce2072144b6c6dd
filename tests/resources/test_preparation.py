"""The steps from an upload to blocks: done once, told to the job, stopped if asked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.documents.pages import RecognisedPage, Recognition
from lectern.errors import (
    BlobCorrupt,
    Cancelled,
    EngineCrashed,
    NotFound,
    NothingToRead,
    TooManyPages,
)
from lectern.jobs.states import DocumentState, JobKind, JobStep
from resources.engines.recognition.base import Recogniser
from resources.preparation import Preparation
from resources.services import Services
from resources.stores.catalog import Document
from resources.text_models import load_models
from tests.support.printing import Sheet, prose
from tests.support.stores import give


class Press(Recogniser):
    """Replies with pages of ours, some of them late, twice or never."""

    def __init__(self, *pages: RecognisedPage, page_count: int = 0) -> None:
        self.pages = list(pages)
        self.page_count = page_count or len(pages)
        self.asked: list[tuple[int, ...]] = []
        self.late: dict[int, RecognisedPage] = {}
        self.crashes = False

    def recognise(
        self,
        path,
        format,  # noqa: A002
        *,
        cache,
        progress,
        only_pages=(),
    ):
        """Return the pages, or only those that come late."""
        self.asked.append(tuple(only_pages))
        progress(1, self.page_count)
        if only_pages and self.crashes:
            raise EngineCrashed("It crashed.")
        late = [self.late[n] for n in only_pages if n in self.late]
        pages = late if only_pages else self.pages
        return Recognition(tuple(pages), self.page_count)


def words(number: int) -> str:
    return prose(number, sentences=2)


def pages(*numbers: int) -> list[RecognisedPage]:
    return [Sheet(n).text(words(n)).page() for n in numbers]


@pytest.fixture
def document(services: Services) -> Document:
    """Return a document whose bytes nobody reads."""
    blob = services.blobs.put(b"bytes")
    return services.catalog.add(
        LOCAL,
        title="Book",
        filename="book.pdf",
        format=Format.PDF,
        blob=blob,
        size_bytes=5,
    )


@pytest.fixture
def prepared_by(services: Services) -> Callable[[Recogniser], Preparation]:
    """Return what prepares documents with a recogniser of the test's own."""

    def make(recogniser: Recogniser) -> Preparation:
        return Preparation(
            settings=services.settings,
            catalog=services.catalog,
            jobs=services.jobs,
            blobs=services.blobs,
            page_cache=services.page_cache,
            filtering=services.filtering(),
            recogniser=recogniser,
            joblog=services.joblog,
            outbox=services.outbox,
        )

    return make


def prepare(preparation: Preparation, document: Document) -> Document:
    preparation.read_original(document)
    preparation.recognise(document)
    preparation.sort(document)
    return preparation.split(document)


def running_job(services: Services, document: Document):
    job = services.jobs.create(
        LOCAL, document_id=document.id, kind=JobKind.PREPARE, parameters={}
    )
    services.jobs.start(job.id, "run")
    return services.jobs.find(job.id)


def test_a_document_becomes_readable(document, prepared_by):
    ready = prepare(prepared_by(Press(*pages(1, 2))), document)

    assert ready.state is DocumentState.READY
    assert (ready.page_count, ready.block_count, ready.language) == (2, 2, "en")
    assert ready.spoken_chars == len(words(1)) + len(words(2))
    assert ready.word_count == len((words(1) + " " + words(2)).split())


def test_every_step_done_again_does_no_work(document, prepared_by):
    press = Press(*pages(1, 2))
    once = prepare(prepared_by(press), document)
    again = prepare(prepared_by(press), once)

    assert press.asked == [()]
    assert again == once


def test_pages_out_of_order_are_sorted_and_the_finding_is_kept(document, prepared_by):
    preparation = prepared_by(Press(*pages(2, 1)))
    ready = prepare(preparation, document)

    assert [f.code for f in preparation.findings(ready)] == ["reordered_pages"]


def test_missing_pages_alone_are_asked_for_again(document, prepared_by):
    press = Press(*pages(1, 3), page_count=4)
    press.late = {2: pages(2)[0]}
    artifact = prepared_by(press).recognise(document)

    assert press.asked == [(), (2, 4), (4,)]
    assert artifact.metadata["pages"] == 3


def test_pages_that_stay_missing_are_found_and_the_rest_is_read(document, prepared_by):
    press = Press(*pages(1), page_count=2)
    press.crashes = True
    preparation = prepared_by(press)
    ready = prepare(preparation, document)

    assert [f.code for f in preparation.findings(ready)] == ["missing_page"]
    assert ready.state is DocumentState.READY


def test_more_pages_than_allowed_are_refused(services, document):
    few = replace(
        services,
        settings=services.settings.model_copy(
            update={"limits": services.settings.limits.model_copy(update={"pages": 1})}
        ),
    )
    preparation = Preparation(
        settings=few.settings,
        catalog=services.catalog,
        jobs=services.jobs,
        blobs=services.blobs,
        page_cache=services.page_cache,
        filtering=services.filtering(),
        recogniser=Press(*pages(1, 2)),
    )

    with pytest.raises(TooManyPages, match="2 pages; one document may have 1"):
        preparation.recognise(document)


def test_a_person_may_have_documents_of_fewer_pages(document, services):
    give(services, LOCAL, pages=1)
    preparation = Preparation(
        settings=services.settings,
        catalog=services.catalog,
        jobs=services.jobs,
        blobs=services.blobs,
        page_cache=services.page_cache,
        filtering=services.filtering(),
        recogniser=Press(*pages(1, 2)),
        allowed=services.allowed,
    )

    with pytest.raises(TooManyPages, match="2 pages; one document may have 1"):
        preparation.recognise(document)


def test_a_document_without_words_is_refused_in_words(document, prepared_by):
    with pytest.raises(NothingToRead, match=r"book\.pdf"):
        prepare(prepared_by(Press(Sheet(1).page())), document)


def test_a_changed_file_is_not_taken_for_the_uploaded_one(
    services, document, prepared_by
):
    path = services.blobs.path(document.blob)
    path.chmod(0o600)
    path.write_bytes(b"bites")

    with pytest.raises(BlobCorrupt):
        prepared_by(Press()).read_original(document)


def test_a_step_without_the_one_before_says_so(document, prepared_by):
    with pytest.raises(NotFound, match="recognised pages"):
        prepared_by(Press()).sort(document)


def test_the_job_is_told_how_far_it_is(services, document, prepared_by):
    job = running_job(services, document)
    prepare(prepared_by(Press(*pages(1, 2))), document)
    told = services.jobs.find(job.id)

    assert (told.step, told.done, told.total) == (JobStep.SPLITTING, 1, 1)
    assert "Recognised 2 pages" in services.joblog.read(LOCAL, job.id)


def test_a_cancelled_job_stops(services, document, prepared_by):
    job = running_job(services, document)
    services.jobs.cancel(LOCAL, job.id)

    with pytest.raises(Cancelled):
        prepared_by(Press(*pages(1))).recognise(document, job)


def test_a_lost_result_is_made_again(services, document, prepared_by):
    press = Press(*pages(1))
    artifact = prepared_by(press).recognise(document)
    services.blobs.delete(artifact.blob)
    prepared_by(press).recognise(document)

    assert press.asked == [(), ()]


def test_recognition_is_counted(services, document, prepared_by):
    prepared_by(Press(*pages(1, 2))).recognise(document)

    assert [
        e.payload["pages"] for e in services.outbox.pending(9) if e.kind == "recognised"
    ] == [2]


def test_models_can_be_loaded_before_they_are_needed():
    load_models()


def test_a_real_pdf_is_read_by_the_real_recogniser(services, tmp_path: Path):
    path = tmp_path / "book.pdf"
    canvas = Canvas(str(path))
    for number in (1, 2, 3):
        canvas.drawString(72, 800, "The Keeper of the Lamp")
        for row, line in enumerate(prose(number).split(". ")):
            canvas.drawString(72, 700 - 15 * row, line)
        canvas.drawString(290, 30, str(number))
        canvas.showPage()
    canvas.save()
    blob = services.blobs.put(path.read_bytes())
    document = services.catalog.add(
        LOCAL,
        title="Book",
        filename="book.pdf",
        format=Format.PDF,
        blob=blob,
        size_bytes=path.stat().st_size,
    )

    ready = prepare(services.preparation(), document)
    assert (ready.state, ready.page_count) == (DocumentState.READY, 3)
