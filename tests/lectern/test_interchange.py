"""Recognised pages survive the way to disk and back; anything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.documents import interchange
from lectern.documents.pages import (
    BlockKind,
    Box,
    Element,
    Line,
    OutlineEntry,
    RecognisedPage,
    Recognition,
    RecognitionMethod,
    Span,
    SpanKind,
)
from lectern.errors import BadEngineReply

fractions = st.integers(0, 10**5).map(lambda n: n / 10**5)
boxes = st.builds(Box, fractions, fractions, fractions, fractions)
lines = st.builds(
    Line,
    text=st.text(),
    box=st.none() | boxes,
    font_size_pt=st.none() | st.floats(1, 90),
    bold=st.booleans(),
    italic=st.booleans(),
    rotated=st.booleans(),
    confidence=st.none() | fractions,
)
spans = st.builds(
    Span, st.integers(0, 9), st.integers(0, 9), st.sampled_from(SpanKind), st.text()
)
elements = st.builds(
    Element,
    kind=st.sampled_from(BlockKind),
    text=st.text(),
    level=st.integers(0, 6),
    spans=st.lists(spans, max_size=2).map(tuple),
    language=st.none() | st.just("de"),
    anchor=st.text(),
)
pages = st.builds(
    RecognisedPage,
    number=st.integers(1, 3000),
    method=st.sampled_from(RecognitionMethod),
    engine=st.text(),
    content_digest=st.text(),
    lines=st.lists(lines, max_size=3).map(tuple),
    elements=st.lists(elements, max_size=3).map(tuple),
    remarks=st.lists(st.text(), max_size=2).map(tuple),
    confidence=st.none() | fractions,
)


@given(st.lists(pages, max_size=3), st.text())
def test_what_is_written_is_read_back_unchanged(some_pages, title):
    outline = (OutlineEntry("One", 1, 2), OutlineEntry("Two", 2, None, "#two"))
    whole = Recognition(tuple(some_pages), 7, title, "Somebody", "en", outline, 2)

    assert interchange.from_json(interchange.to_json(whole)) == whole


@given(pages)
def test_one_page_is_read_back_unchanged(page):
    assert interchange.page_from_json(interchange.page_to_json(page)) == page


GOOD = interchange.to_json(Recognition((), 0))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xff",
        GOOD.replace(b"recognition-1", b"recognition-0"),
        GOOD.replace(b'"pages":[]', b'"pages":[[1,2]]'),
        GOOD.replace(b'"pages":[]', b'"pages":[],"colour":"red"'),
        GOOD.replace(b'"page_count":0', b'"page_count":"many"'),
    ],
)
def test_anything_else_is_refused_in_words(data):
    with pytest.raises(BadEngineReply, match="Prepare the document again"):
        interchange.from_json(data)


def test_a_page_with_impossible_marks_is_refused():
    page = RecognisedPage(1, RecognitionMethod.TEXT_LAYER, "e", "", (Line("a"),))
    data = interchange.page_to_json(page)

    with pytest.raises(BadEngineReply):
        interchange.page_from_json(data.replace(b'"a",null,null,0', b'"a",null,null,9'))
