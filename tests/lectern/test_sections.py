"""How far back a voice listens that goes on from what it said."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.blocks import Block
from lectern.documents.pages import BlockKind
from lectern.speech.sections import LONGEST_SECTION_BLOCKS, section_starts
from tests.support.speech import block, sentence


def blocks_of(kinds: str) -> list[Block]:
    """Return blocks: H a heading, P a paragraph, p a further part of one."""
    return [
        replace(
            block(
                index,
                sentence(index),
                kind=BlockKind.HEADING if kind == "H" else BlockKind.PARAGRAPH,
            ),
            part=1 if kind == "p" else 0,
        )
        for index, kind in enumerate(kinds)
    ]


def test_each_heading_begins_a_section():
    assert section_starts(blocks_of("PPHPpHHP")) == [0, 0, 2, 2, 2, 5, 6, 6]


def test_a_long_stretch_is_divided_where_a_paragraph_begins():
    starts = section_starts(blocks_of("H" + "P" * 22 + "ppPP"))

    assert starts[24] == 0  # inside a paragraph
    assert starts[25:] == [25, 25]


@given(st.text("HPPPp", max_size=120))
def test_a_section_begins_at_or_before_each_block(kinds: str):
    starts = section_starts(blocks_of(kinds))

    assert len(starts) == len(kinds)
    assert starts == sorted(starts)
    for index, start in enumerate(starts):
        assert start <= index
        assert starts[start] == start
        assert "H" not in kinds[start + 1 : index + 1]
        if kinds[index] == "P":
            assert index - start < LONGEST_SECTION_BLOCKS
