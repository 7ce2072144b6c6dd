"""The one clock of an export: nothing is lost, nothing comes twice."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.blocks import Chapter
from lectern.errors import InvalidRequest
from lectern.exports.formats import ExportFormat
from lectern.exports.requests import ExportRequest, chosen_blocks
from lectern.exports.timeline import SAMPLES_PER_MS, Timeline

FRAME_MS = 20
durations = st.lists(st.integers(1, 500).map(lambda frames: frames * FRAME_MS))


@st.composite
def heard(draw):
    """Return (block index, milliseconds) of some blocks, and chapters of all."""
    lengths = draw(durations)
    gaps = draw(
        st.lists(st.integers(1, 3), min_size=len(lengths), max_size=len(lengths))
    )
    index, blocks = -1, []
    for gap, length in zip(gaps, lengths, strict=True):
        index += gap
        blocks.append((index, length))
    places = draw(st.lists(st.integers(0, index + 3 if blocks else 3), max_size=8))
    chapters = [
        Chapter(f"Chapter {number}", draw(st.integers(1, 3)), place)
        for number, place in enumerate(sorted(places))
    ]
    return blocks, chapters


@given(heard())
def test_blocks_follow_one_another_without_gap_or_overlap(of):
    blocks, _ = of
    timeline = Timeline(blocks)

    end = 0
    for slot, (index, duration_ms) in zip(timeline.slots, blocks, strict=True):
        assert (slot.block_index, slot.start) == (index, end)
        assert slot.length == duration_ms * SAMPLES_PER_MS
        end = slot.end
    assert timeline.samples == end
    assert timeline.duration_ms == sum(duration_ms for _, duration_ms in blocks)


@given(heard())
def test_chapters_cover_all_that_is_heard_from_the_first_one_on(of):
    blocks, chapters = of
    timeline = Timeline(blocks)

    marks = timeline.marks(chapters)

    starts = [slot.start for slot in timeline.slots]
    assert all(mark.start in starts and mark.start < mark.end for mark in marks)
    for before, after in itertools.pairwise(marks):
        assert before.end == after.start
    if marks:
        assert marks[-1].end == timeline.samples


@given(heard())
def test_sections_hold_each_block_once_and_in_order(of):
    blocks, chapters = of
    timeline = Timeline(blocks)

    sections = timeline.sections(chapters, title="Book")

    places = [n for section in sections for n in range(section.first, section.last)]
    assert places == list(range(len(blocks)))
    assert all(section.first < section.last for section in sections)
    parts = [timeline.cut(section.first, section.last) for section in sections]
    assert sum(part.samples for part in parts) == timeline.samples


def test_a_chapter_of_which_nothing_is_heard_has_no_mark():
    chapters = [Chapter("One", 1, 0), Chapter("Silent", 1, 2), Chapter("Two", 1, 3)]

    marks = Timeline([(0, 100), (1, 100), (3, 100)]).marks(chapters)

    assert [mark.title for mark in marks] == ["One", "Two"]


CHAPTERS = (
    Chapter("One", 1, 0),
    Chapter("One a", 2, 2),
    Chapter("Two", 1, 5),
    Chapter("Three", 1, 8),
)


@pytest.mark.parametrize(
    ("fields", "blocks"),
    [
        ({}, range(10)),
        ({"chapters": (0,)}, range(5)),  # with the one inside it
        ({"chapters": (1,)}, range(2, 5)),
        ({"chapters": (3, 1, 0)}, [*range(5), 8, 9]),
        ({"first_block": 4}, range(4, 10)),
        ({"first_block": 4, "last_block": 4}, [4]),
        ({"last_block": 2}, range(3)),
    ],
)
def test_a_request_names_its_blocks(fields, blocks):
    request = ExportRequest(format=ExportFormat.M4B, **fields)

    assert chosen_blocks(request, count=10, chapters=CHAPTERS) == list(blocks)


@pytest.mark.parametrize(
    "fields",
    [{"chapters": (4,)}, {"first_block": 10}, {"first_block": 3, "last_block": 2}],
)
def test_a_request_for_what_is_not_there_is_refused(fields):
    request = ExportRequest(format=ExportFormat.MP3, **fields)

    with pytest.raises(InvalidRequest, match=r"There (is|are) no"):
        chosen_blocks(request, count=10, chapters=CHAPTERS)


@pytest.mark.parametrize(
    "fields",
    [
        {"chapters": (0,), "first_block": 1},
        {"format": "epub", "by_chapter": True},
        {"loudness_lufs": -3},
        {"format": "aiff"},
        {"colour": "red"},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValueError):
        ExportRequest.model_validate({"format": "m4b"} | fields)
