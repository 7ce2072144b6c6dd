"""A whole document as one file: complete, with chapters, made once."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from lectern.documents.blocks import Chapter
from lectern.documents.pages import BlockKind
from lectern.errors import Cancelled, EngineCrashed, NothingToRead
from lectern.jobs.states import JobKind
from resources.engines.opus import decode
from resources.rendering import join_document, voice_document
from resources.services import Services
from resources.stores.catalog import Document
from tests.support.speech import (
    ToneEngine,
    add_document,
    block,
    running_job,
    sentence,
    settings_at,
)

CHAPTERS = (Chapter("One", 1, 0), Chapter("Skipped", 1, 3), Chapter("Two", 1, 4))


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Return services with an empty library."""
    return Services.open(settings_at(tmp_path, processes=2))


@pytest.fixture
def document(services: Services) -> Document:
    """Return a document of two chapters and one block that is not spoken."""
    blocks = [block(n, sentence(n)) for n in range(8)]
    blocks[3] = block(3, "17", kind=BlockKind.FURNITURE)
    return add_document(services, blocks, chapters=CHAPTERS)


def rendered(services: Services, document: Document) -> bytes:
    """Render a document and return its file."""
    job = running_job(services, document, JobKind.RENDER)
    voice_document(services, document, job=job)
    artifact = join_document(services, document, job=job)
    return services.blobs.read(artifact.blob)


def test_the_file_lasts_as_long_as_its_blocks_together(
    services: Services, document: Document
):
    data = rendered(services, document)

    blocks = services.variants.keys_of(document.principal, document.id, "espeak:en-gb")
    total_ms = sum(duration_ms for _, duration_ms in blocks.values())
    assert len(blocks) == 7
    assert len(decode(data)) == total_ms * 48


def test_chapters_start_exactly_where_their_blocks_do(
    services: Services, document: Document
):
    data = rendered(services, document)

    with av.open(io.BytesIO(data)) as container:
        chapters = [(c["metadata"]["title"], c["start"]) for c in container.chapters()]
        title = container.streams[0].metadata["title"]
    blocks = services.variants.keys_of(document.principal, document.id, "espeak:en-gb")
    fourth_ms = sum(blocks[index][1] for index in (0, 1, 2))
    assert chapters == [("One", 0), ("Two", fourth_ms)]
    assert title == "Harbour"


def test_each_block_sounds_in_the_file_as_it_does_alone(
    services: Services, document: Document
):
    joined = decode(rendered(services, document)).astype(float)

    start = 0
    blocks = services.variants.keys_of(document.principal, document.id, "espeak:en-gb")
    for key, duration_ms in blocks.values():
        blob = services.variants.find([key])[key].blob
        alone = decode(services.blobs.read(blob)).astype(float)
        part = joined[start : start + duration_ms * 48]
        error = np.sqrt(np.mean((part - alone) ** 2) / np.mean(alone**2))
        assert error < 0.03
        start += duration_ms * 48


def test_rendering_again_keeps_the_file(services: Services, document: Document):
    job = running_job(services, document, JobKind.RENDER)
    voice_document(services, document, job=job)
    first = join_document(services, document, job=job)

    counts = voice_document(services, document, job=job)
    second = join_document(services, document, job=job)

    assert counts["replayed"] == 7
    assert second == first


def test_a_new_title_makes_a_new_file_without_new_sounds(
    services: Services, document: Document
):
    rendered(services, document)
    renamed = services.catalog.rename(document.principal, document.id, "Quay")

    data = rendered(services, renamed)

    with av.open(io.BytesIO(data)) as container:
        assert container.streams[0].metadata["title"] == "Quay"
    events = services.outbox.pending(1000)
    assert sum(event.kind == "synthesised" for event in events) == 7


def test_a_cancelled_rendering_keeps_what_is_voiced(
    services: Services, document: Document
):
    job = running_job(services, document, JobKind.RENDER)
    services.jobs.cancel(document.principal, job.id)

    with pytest.raises(Cancelled):
        voice_document(services, document, job=job)

    assert not services.catalog.artifact(document.id, "document_audio")


def test_a_document_without_anything_spoken_says_so(services: Services):
    document = add_document(services, [block(0, "17", kind=BlockKind.FURNITURE)])
    job = running_job(services, document, JobKind.RENDER)

    with pytest.raises(NothingToRead, match="Nothing of “Harbour” is spoken"):
        voice_document(services, document, job=job)


def test_a_block_that_cannot_be_spoken_is_left_out(services: Services):
    engine = ToneEngine()
    engine.crashes_on = {"Line 1:"}
    services.speech_engines().add(engine)
    document = add_document(services, [sentence(n) for n in range(3)])
    job = running_job(services, document, JobKind.RENDER, voice="tone:en")

    counts = voice_document(services, document, job=job)
    artifact = join_document(services, document, job=job)

    assert counts["failed"] == 1
    assert artifact.metadata["blocks"] == 2
    assert artifact.metadata["blocks_left_out"] == 1


def test_a_document_of_which_nothing_can_be_spoken_fails(services: Services):
    engine = ToneEngine()
    engine.crashes_on = {"Line"}
    services.speech_engines().add(engine)
    document = add_document(services, [sentence(n) for n in range(3)])
    job = running_job(services, document, JobKind.RENDER, voice="tone:en")

    with pytest.raises(EngineCrashed):
        voice_document(services, document, job=job)
