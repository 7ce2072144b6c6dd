"""How long it is quiet after a block."""

import pytest

from lectern.documents.pages import BlockKind
from lectern.speech.pauses import (
    AFTER_CLAUSE_MS,
    AFTER_SENTENCE_MS,
    AFTER_WORD_MS,
    pause_after_ms,
)


@pytest.mark.parametrize(
    ("spoken", "expected_ms"),
    [
        ("It rained.", AFTER_SENTENCE_MS[BlockKind.PARAGRAPH]),
        ("“It rained.”", AFTER_SENTENCE_MS[BlockKind.PARAGRAPH]),
        ("下雨了。", AFTER_SENTENCE_MS[BlockKind.PARAGRAPH]),
        ("क्या हुआ।", AFTER_SENTENCE_MS[BlockKind.PARAGRAPH]),
        ("It rained,", AFTER_CLAUSE_MS),
        ("It rained (all day),", AFTER_CLAUSE_MS),
        ("It rained and", AFTER_WORD_MS),
    ],
)
def test_a_paragraph_is_followed_by_what_its_last_sign_asks_for(
    spoken: str, expected_ms: int
):
    assert pause_after_ms(BlockKind.PARAGRAPH, spoken) == expected_ms


def test_a_heading_needs_no_full_stop():
    assert pause_after_ms(BlockKind.HEADING, "The Harbour") == 800


def test_every_kind_of_block_has_a_pause():
    assert set(AFTER_SENTENCE_MS) == set(BlockKind)
