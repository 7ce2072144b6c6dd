"""Several recognitions of one document: asked for, kept, compared, chosen."""

import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.documents.pages import (
    BlockKind,
    Element,
    RecognisedPage,
    Recognition,
    RecognitionMethod,
)
from lectern.errors import EngineUnavailable, InvalidRequest, NotFound
from lectern.jobs.states import DocumentState, JobKind
from lectern.jobs.wanted import Wanted
from lectern.settings import Mistral, VisionServer
from lectern.usage.events import EventKind, Recognised
from resources.engines.recognition.base import Recogniser
from resources.engines.recognition.engines import RecognitionEngines
from resources.engines.recognition.local import LocalRecogniser
from resources.moved_places import places_after
from resources.recognitions import changed_pages, pages_of
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.cursors import Cursor
from tests.support.mistral_server import KEY, MODEL, MistralServer, numbered
from tests.support.stores import OTHER, some_text

OPENING = "The harbour lay quiet under a thin morning fog, as it did every day."
CLOSING = "There were forty steps, as there had always been, and she counted them."


class Reader(Recogniser):
    """Reads two pages in words of its own."""

    def __init__(self, name: str, *middle: str, price: int | None = 0) -> None:
        self.name, self.label = name, f"Reader {name}"
        self._middle = middle
        self._price = price
        self.asked: list[bool] = []

    def price_micros(self, pages: int) -> int | None:
        return None if self._price is None else self._price * pages

    def recognise(
        self,
        path,
        format,  # noqa: A002
        *,
        cache,
        progress,
        only_pages=(),
        all_pages=False,
    ):
        self.asked.append(all_pages)
        is_local = self.name == "local"
        method = RecognitionMethod.TESSERACT if is_local else RecognitionMethod.VISION
        texts = [(OPENING,), (*self._middle, CLOSING)]
        pages = [
            RecognisedPage(
                number=number,
                method=method,
                engine=f"{self.name} 1",
                content_digest=f"{number}",
                elements=tuple(Element(BlockKind.PARAGRAPH, t) for t in said),
                confidence=0.9 if is_local else None,
            )
            for number, said in enumerate(texts, start=1)
        ]
        return Recognition(
            tuple(pages),
            2,
            sent_pages=0 if is_local else 2,
            replies=() if is_local else (b'{"pages":[1,2]}',),
        )


@pytest.fixture
def ours() -> Reader:
    """Return the reader in place of this machine's own."""
    return Reader("local", "Two boats were modem at the pier.")


@pytest.fixture
def better(services: Services, ours: Reader) -> Reader:
    """Return another reader, which both services and preparation know."""
    reader = Reader("better", "Two boats were moored at the pier.", price=4000)
    services.recognition_engines().add(reader)
    services.preparation()._recogniser = ours
    return reader


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


def prepare(services: Services, document: Document, wanted=None) -> Document:
    """Carry out a preparing job from its start to its end."""
    wanted = wanted or Wanted()
    job = services.jobs.create(
        LOCAL,
        document_id=document.id,
        kind=JobKind.PREPARE,
        parameters=wanted.parameters,
    )
    services.jobs.start(job.id, "run")
    preparation = services.preparation()
    preparation.recognise(document, services.jobs.find(job.id))
    preparation.sort(document, wanted)
    done = preparation.split(services.catalog.find(document.id), wanted)
    services.jobs.finish(job.id)
    return done


def shown(services: Services, document: Document) -> list[str]:
    [kept] = [k for k in services.recognitions().of(document) if k.is_read]
    return [block.shown for block in services.recognitions().text(kept).blocks]


def test_another_recognition_leaves_what_is_read_as_it_is(services, document, better):
    first = prepare(services, document)
    second = prepare(services, first, Wanted("better"))

    assert (second.version, second.blocks_blob) == (first.version, first.blocks_blob)
    assert second.state is DocumentState.READY
    kept = services.recognitions().of(second)
    assert [(k.recogniser, k.is_read) for k in kept] == [
        ("local", True),
        ("better", False),
    ]
    assert (kept[0].confidence, kept[1].confidence) == (pytest.approx(0.9), None)
    assert (kept[1].sent_pages, kept[1].price_micros) == (2, 8000)
    assert "modem" in " ".join(shown(services, second))


def test_the_text_that_is_chosen_is_read_and_can_be_changed_back(
    services, document, better
):
    prepare(services, prepare(services, document), Wanted("better"))
    recognitions = services.recognitions()
    chosen = recognitions.use(LOCAL, document.id, "better")
    again = recognitions.use(LOCAL, document.id, "better")
    back = recognitions.use(LOCAL, document.id, "local")

    assert (chosen.version, again.version, back.version) == (2, 2, 3)
    assert shown(services, back)[1] == "Two boats were modem at the pier."


def test_places_and_bookmarks_survive_the_change(services, document, better):
    better._middle = ("A line that was lost.", *better._middle)
    prepare(services, prepare(services, document), Wanted("better"))
    recognitions = services.recognitions()
    [local, _] = recognitions.of(services.catalog.find(document.id))
    last = recognitions.text(local).blocks[-1]
    services.bookmarks.add(LOCAL, document.id, block_id=last.id, block_index=last.index)
    services.cursors.put(
        LOCAL, document.id, Cursor(last.index, 900, False, 1.0, "v", "tab", 7)
    )
    recognitions.use(LOCAL, document.id, "better")
    [bookmark] = services.bookmarks.list(LOCAL, document.id)
    cursor = services.cursors.get(LOCAL, document.id)

    assert shown(services, services.catalog.find(document.id))[3] == CLOSING
    assert bookmark.block_index == cursor.block_index == 3
    assert cursor.offset_ms == 900
    recognitions.use(LOCAL, document.id, "local")
    [bookmark] = services.bookmarks.list(LOCAL, document.id)
    assert bookmark.block_index == last.index


def test_a_place_whose_text_is_gone_goes_to_the_nearest_before_it():
    before = some_text("one", "two", "three", "four")
    after = some_text("one", "zwei", "three")

    assert places_after(before, after) == [0, 0, 2, 2]


def test_doing_it_again_costs_nothing(services, document, better):
    read = prepare(services, document)
    prepare(services, read, Wanted("better"))
    prepare(services, read, Wanted("better"))

    assert len(better.asked) == 1


def test_all_pages_are_another_recognition(services, document, better):
    read = prepare(services, document)
    prepare(services, read, Wanted("better"))
    prepare(services, read, Wanted("better", all_pages=True))

    assert better.asked == [False, True]


def test_a_document_may_be_read_by_another_engine_from_the_start(
    services, document, better
):
    ready = prepare(services, document, Wanted("better"))

    assert (ready.state, ready.version) == (DocumentState.READY, 1)
    assert "moored" in " ".join(shown(services, ready))


def test_what_the_engine_sent_is_kept_letter_by_letter(services, document, better):
    prepare(services, prepare(services, document), Wanted("better"))
    artifact = services.catalog.artifact(document.id, "engine_replies:better")

    assert zlib.decompress(services.blobs.read(artifact.blob)) == b'{"pages":[1,2]}'


def test_pages_are_counted_by_method_and_engine(services, document, better):
    prepare(services, prepare(services, document), Wanted("better"))
    read = [
        (e.payload["engine"], e.payload["method"], e.payload["pages"])
        for e in services.outbox.pending()
        if e.kind is EventKind.RECOGNISED
    ]

    assert read == [("local", "tesseract", 2), ("better", "vision", 2)]


def test_statistics_know_how_fast_each_engine_reads(services):
    for engine, method, ms in (("local", "tesseract", 900), ("better", "vision", 3000)):
        services.outbox.append(
            EventKind.RECOGNISED,
            Recognised(
                document_id="d", pages=3, method=method, elapsed_ms=ms, engine=engine
            ),
            principal=LOCAL,
        )
    services.usage_events().drain()
    services.statistics_publisher().publish()
    found = {u.engine: u for u in services.statistics().recognition(LOCAL)}

    assert (found["better"].pages, found["better"].seconds) == (3, 3.0)
    assert found["local"].method == "tesseract"
    assert services.statistics().recognition(OTHER) == []


def test_cost_and_time_are_said_before(services, document, better):
    ready = prepare(services, document)
    [local, other] = services.recognitions().offers(ready)

    assert (local.scans.price_micros, other.scans.price_micros) == (0, 8000)
    assert other.scans.pages == 2
    assert other.scans.seconds is None  # nobody has measured it yet
    services.outbox.append(
        EventKind.RECOGNISED,
        Recognised(
            document_id="d", pages=10, method="vision", elapsed_ms=5000, engine="better"
        ),
        principal=LOCAL,
    )
    [_, other] = services.recognitions().offers(ready)
    assert other.scans.seconds == pytest.approx(1.0)


def test_of_text_files_there_is_nothing_to_recognise_elsewhere(services, better):
    notes = services.catalog.add(
        LOCAL,
        title="Notes",
        filename="notes.txt",
        format=Format.TEXT,
        blob=services.blobs.put(b"notes"),
        size_bytes=5,
    )
    services.catalog.set_state(notes.id, DocumentState.READY)

    assert services.recognitions().offers(services.catalog.find(notes.id)) == []
    with pytest.raises(InvalidRequest, match="Only PDFs and pictures"):
        services.recognitions().ask(LOCAL, notes.id, Wanted("better"))


def test_it_is_asked_for_once_and_by_the_owner_only(services, document, better):
    prepare(services, document)
    recognitions = services.recognitions()
    job, is_new = recognitions.ask(LOCAL, document.id, Wanted("better"))
    same, is_new_again = recognitions.ask(LOCAL, document.id, Wanted("better"))

    assert (is_new, is_new_again, same.id) == (True, False, job.id)
    assert Wanted.of(job.parameters) == Wanted("better")
    with pytest.raises(InvalidRequest, match="in another way"):
        recognitions.ask(LOCAL, document.id, Wanted("better", all_pages=True))
    with pytest.raises(NotFound):
        recognitions.ask(OTHER, document.id, Wanted("better"))
    with pytest.raises(NotFound):
        recognitions.use(OTHER, document.id, "local")


def test_what_does_not_exist_cannot_be_asked_for_or_chosen(services, document, better):
    prepare(services, document)

    with pytest.raises(NotFound, match="Configured: local, better"):
        services.recognitions().ask(LOCAL, document.id, Wanted("worse"))
    with pytest.raises(NotFound, match="Ask for that first"):
        services.recognitions().use(LOCAL, document.id, "better")


def test_a_document_that_is_not_ready_waits(services, document, better):
    with pytest.raises(InvalidRequest, match="not ready yet"):
        services.recognitions().ask(LOCAL, document.id, Wanted("better"))


def test_pages_are_compared_without_heads_and_feet():
    text = some_text("THE KEEPER", "Words.")
    head = replace(text.blocks[0], kind=BlockKind.FURNITURE)
    pages = pages_of(replace(text, blocks=(head, text.blocks[1])))

    assert pages == {1: "Words."}
    assert changed_pages({1: "a b", 2: "c"}, {1: "a  b", 2: "d", 3: "e"}) == [2, 3]


def test_engines_are_known_by_name_without_being_made(settings):
    configured = settings.model_copy(
        update={
            "mistral": Mistral(api_key=SecretStr("k")),
            "vision_servers": {
                "glm": VisionServer(address="http://127.0.0.1:9/v1", model="GLM-OCR")
            },
        }
    )
    engines = RecognitionEngines(configured)

    assert engines.names() == ("local", "mistral", "mistral-batch", "glm")
    assert isinstance(engines.engine(), LocalRecogniser)
    assert engines.engine("glm").label == "GLM-OCR (glm)"
    assert RecognitionEngines(settings).names() == ("local",)


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [
        ("mistralai.client", "mistral", r"lectern\[mistral\]"),
        ("openai", "glm", r"lectern\[openai\]"),
    ],
)
def test_what_is_not_installed_names_its_extra(
    settings, monkeypatch, module, name, extra
):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    configured = settings.model_copy(
        update={
            "mistral": Mistral(api_key=SecretStr("k")),
            "vision_servers": {
                "glm": VisionServer(address="http://127.0.0.1:9/v1", model="GLM-OCR")
            },
        }
    )
    engines = RecognitionEngines(configured)

    with pytest.raises(EngineUnavailable, match=extra):
        engines.engine(name)
    assert "pip install" in engines.why_not(name)


def test_a_scan_goes_to_mistral_and_its_text_can_be_chosen(settings, tmp_path: Path):
    with MistralServer().running() as server:
        configured = settings.model_copy(
            update={"mistral": Mistral(api_key=SecretStr(KEY), address=server.address)}
        )
        services = Services.open(configured)
        path = numbered(tmp_path / "scans.pdf", 3, born_digital=frozenset({2}))
        document = services.catalog.add(
            LOCAL,
            title="scans",
            filename="scans.pdf",
            format=Format.PDF,
            blob=services.blobs.put(path.read_bytes()),
            size_bytes=path.stat().st_size,
        )
        first = prepare(services, document)
        prepare(services, first, Wanted("mistral"))
        chosen = services.recognitions().use(LOCAL, document.id, "mistral")

        assert sorted(server.seen) == [[1], [3]]
        assert chosen.version == first.version + 1
        text = " ".join(shown(services, chosen))
        assert "The lamp of page 3 was lit at dusk" in text
        assert "Page 2, line 4: the text layer says this well." in text
        [offer] = [
            o
            for o in services.recognitions().offers(chosen)
            if o.recogniser == "mistral-batch"
        ]
        assert (offer.scans.pages, offer.scans.price_micros) == (2, 4000)
        artifact = services.catalog.artifact(document.id, "engine_replies:mistral")
        replies = zlib.decompress(services.blobs.read(artifact.blob)).splitlines()
        assert {json.loads(reply)["model"] for reply in replies} == {MODEL}
        services.close()
