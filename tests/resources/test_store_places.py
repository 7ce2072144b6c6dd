"""Cursors, bookmarks, preferences, recognised pages and block files."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.accounts.people import LOCAL
from lectern.documents.blocks import Block, Chapter, DocumentText, Finding
from lectern.documents.pages import (
    BlockKind,
    Box,
    Element,
    Line,
    RecognisedPage,
    RecognitionMethod,
    Span,
    SpanKind,
)
from lectern.errors import BlobCorrupt, NotFound
from lectern.ids import BlockId, DocumentId
from resources.services import Services
from resources.stores.blocks_file import read_blocks, write_blocks
from resources.stores.cursors import Cursor
from tests.support.stores import OTHER, Clock, add_document, some_text

CURSOR = Cursor(3, 1200, playing=True, rate=1.5, voice_id="v", session="s", sequence=5)


def test_a_place_is_kept_for_each_person(services: Services) -> None:
    document = add_document(services)
    assert services.cursors.get(LOCAL, document.id) is None

    assert services.cursors.put(LOCAL, document.id, CURSOR)

    kept = services.cursors.get(LOCAL, document.id)
    assert kept is not None
    assert replace(kept, updated_at=None) == CURSOR
    assert services.cursors.get(OTHER, document.id) is None
    assert services.cursors.all(LOCAL) == {document.id: kept}


def test_a_late_report_of_the_same_reader_changes_nothing(services: Services) -> None:
    document = add_document(services)
    services.cursors.put(LOCAL, document.id, CURSOR)
    late = replace(CURSOR, block_index=1, sequence=4)
    elsewhere = replace(late, session="phone", sequence=0)

    assert not services.cursors.put(LOCAL, document.id, late)
    assert services.cursors.put(LOCAL, document.id, elsewhere)
    kept = services.cursors.get(LOCAL, document.id)
    assert kept is not None
    assert kept.block_index == 1


def test_bookmarks_come_in_reading_order_and_are_private(services: Services) -> None:
    document = add_document(services)
    bookmarks = services.bookmarks
    for index in (7, 2):
        bookmarks.add(
            LOCAL, document.id, block_id=BlockId(str(index)), block_index=index
        )

    first, second = bookmarks.list(LOCAL, document.id)
    assert (first.block_index, second.block_index) == (2, 7)
    assert bookmarks.list(OTHER, document.id) == []
    with pytest.raises(NotFound):
        bookmarks.delete(OTHER, first.id)
    with pytest.raises(NotFound):
        bookmarks.add(OTHER, document.id, block_id=BlockId("1"), block_index=1)
    bookmarks.delete(LOCAL, first.id)
    assert bookmarks.list(LOCAL, document.id) == [second]


def test_preferences_are_remembered(services: Services) -> None:
    assert services.preferences.get(LOCAL, "theme") is None

    services.preferences.put(LOCAL, "theme", {"dark": True})
    services.preferences.put(LOCAL, "theme", {"dark": False})

    assert services.preferences.get(LOCAL, "theme") == {"dark": False}
    assert services.preferences.get(OTHER, "theme") is None


def some_page(number: int) -> RecognisedPage:
    """Return a page with something in every field."""
    return RecognisedPage(
        number=number,
        method=RecognitionMethod.TESSERACT,
        engine="tesseract 5",
        content_digest=f"digest {number}",
        lines=(Line("Zeile", Box(0.1, 0.2, 0.3, 0.4), 11.5, confidence=0.9),),
        elements=(
            Element(BlockKind.LIST, "one", 1, (Span(0, 3, SpanKind.LINK, "#a"),)),
        ),
        width_pt=595.0,
        confidence=0.93,
        remarks=("turned",),
    )


def test_a_recognised_page_comes_back_as_it_was(services: Services) -> None:
    page = some_page(4)
    services.page_cache.put(page)

    assert services.page_cache.get("digest 4", "tesseract 5") == page
    assert services.page_cache.get("digest 4", "tesseract 6") is None
    assert services.page_cache.get("digest 5", "tesseract 5") is None


def test_old_recognised_pages_are_forgotten(timed: Services, clock: Clock) -> None:
    timed.page_cache.put(some_page(1))
    clock.pass_(100)

    assert timed.page_cache.drop_old(timedelta(seconds=200)) == 0
    assert timed.page_cache.drop_old(timedelta(seconds=50)) == 1


SPANS = st.builds(
    Span,
    st.integers(0, 300),
    st.integers(0, 300),
    st.sampled_from(SpanKind),
    st.text(max_size=20),
)
BLOCKS = st.builds(
    Block,
    id=st.uuids().map(lambda u: BlockId(str(u))),
    index=st.integers(0, 9999),
    kind=st.sampled_from(BlockKind),
    page=st.integers(1, 3000),
    paragraph=st.integers(0, 9999),
    start_char=st.integers(0, 10**10),
    end_char=st.integers(0, 10**10),
    shown=st.text(max_size=80),
    spans=st.lists(SPANS, max_size=3).map(tuple),
    language=st.sampled_from(["en", "he", ""]),
    direction=st.sampled_from(["ltr", "rtl"]),
    level=st.integers(0, 6),
    chapter=st.none() | st.integers(0, 99),
    part=st.integers(0, 9),
)


@given(blocks=st.lists(BLOCKS, max_size=5), title=st.text(max_size=20))
def test_blocks_come_back_as_they_were(blocks: list[Block], title: str) -> None:
    text = DocumentText(
        blocks=tuple(blocks),
        chapters=(Chapter("I", 1, 0), Chapter("II", 2, 5)),
        findings=(Finding("missing_page", "Page 3 is missing.", 3),),
        title=title,
        language="en",
        page_count=9,
    )

    assert read_blocks(write_blocks(text)) == text


def test_the_same_text_makes_the_same_file() -> None:
    assert write_blocks(some_text("a", "b")) == write_blocks(some_text("a", "b"))


def test_a_text_of_several_row_groups_comes_back_whole() -> None:
    text = some_text(*(f"Block {number}\n“\\”\0\U0001f600" for number in range(4000)))
    blocks = (
        replace(block, chapter=block.index if block.index % 3 else None)
        for block in text.blocks
    )
    text = replace(text, blocks=tuple(blocks))

    assert read_blocks(write_blocks(text)) == text


def test_writing_and_reading_blocks_does_not_load_pandas() -> None:
    program = (
        "import sys\n"
        "from resources.stores.blocks_file import read_blocks, write_blocks\n"
        "from tests.support.stores import some_text\n"
        "read_blocks(write_blocks(some_text('a')))\n"
        "sys.exit('pandas' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not a parquet file at all"])
def test_a_damaged_block_file_says_what_to_do(data: bytes) -> None:
    with pytest.raises(BlobCorrupt, match="Prepare the document again"):
        read_blocks(data)


def test_a_place_goes_with_its_document(services: Services) -> None:
    document = add_document(services)
    services.cursors.put(LOCAL, document.id, CURSOR)
    services.catalog.delete(LOCAL, document.id)
    services.catalog.purge(document.id)

    assert services.cursors.get(LOCAL, DocumentId(document.id)) is None
