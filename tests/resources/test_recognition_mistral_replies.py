"""Pages as Mistral returns them, made into elements of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.pages import BlockKind, RecognitionMethod, SpanKind
from lectern.errors import BadEngineReply
from resources.engines.recognition.mistral_replies import (
    name_in_document,
    page_of,
    places,
    read_reply,
)
from resources.engines.recognition.paper import Drawing
from tests.support.mistral_server import block, usual_page

DRAWING = Drawing(7, "shown", 595.0, 842.0)
TABLE = (
    "<table><tr><th>Year</th><th>Masts</th></tr><tr><td>1901</td><td>20</td></tr>"
    "</table>"
)


def page_with(*blocks, **fields):
    return {**usual_page(7, 0), "header": None, "footer": None, **fields} | {
        "blocks": list(blocks)
    }


def elements_of(page):
    return [(e.kind, e.text) for e in page_of(page, DRAWING, model="m").elements]


def test_every_type_of_block_has_a_kind():
    page = page_with(
        block("header", "THE KEEPER"),
        block("title", "## The Lamp"),
        block("text", "It was **older** than the tower."),
        block("list", "- oil\n- wick"),
        block("equation", "$$\nE = mc^2\n$$"),
        block("table", "[tbl-0.html](tbl-0.html)", table_id="tbl-0.html"),
        block("image", "![img-0.jpeg](img-0.jpeg)", image_id="img-0.jpeg"),
        block("caption", "Figure 1: the tower."),
        block("code", "```python\nlamp.light()\n```"),
        block("aside_text", "A word in the margin."),
        block("references", "[1] A. Keeper. Lamps. 1901."),
        block("signature", "A. Keeper"),
        block("footer", "7"),
        tables=[{"id": "tbl-0.html", "content": TABLE, "format": "html"}],
    )

    assert elements_of(page) == [
        (BlockKind.FURNITURE, "THE KEEPER"),
        (BlockKind.HEADING, "The Lamp"),
        (BlockKind.PARAGRAPH, "It was older than the tower."),
        (BlockKind.LIST, "oil"),
        (BlockKind.LIST, "wick"),
        (BlockKind.MATHS, "E = mc^2"),
        (BlockKind.TABLE, "Year\tMasts\n1901\t20"),
        (BlockKind.CAPTION, "Figure 1: the tower."),
        (BlockKind.CODE, "lamp.light()"),
        (BlockKind.QUOTE, "A word in the margin."),
        (BlockKind.FOOTNOTE, "[1] A. Keeper. Lamps. 1901."),
        (BlockKind.PARAGRAPH, "A. Keeper"),
        (BlockKind.FURNITURE, "7"),
    ]


def test_a_block_of_a_type_to_come_is_a_paragraph():
    assert elements_of(page_with(block("stamp", "Received in May."))) == [
        (BlockKind.PARAGRAPH, "Received in May.")
    ]


def test_a_picture_that_is_described_is_a_caption_under_its_own_name():
    page = page_with(
        block("image", "![img-4.jpeg](img-4.jpeg)", image_id="img-4.jpeg"),
        images=[{"id": "img-4.jpeg", "image_annotation": "A tower by the sea."}],
    )
    [element] = page_of(page, DRAWING, model="m").elements

    assert (element.kind, element.text) == (BlockKind.CAPTION, "A tower by the sea.")
    assert element.anchor == "p7-img4"


def test_names_carry_their_page_as_every_reply_counts_from_nothing():
    assert name_in_document("img-11.jpeg", 27) == "p27-img11"
    assert name_in_document("tbl-3.html", 5) == "p5-tbl3"


def test_without_blocks_the_markdown_is_read_with_its_tables():
    page = {
        **usual_page(7, 0),
        "blocks": None,
        "markdown": "# The Lamp\n\nBefore it.\n\n[tbl-0.md](tbl-0.md)\n\n"
        "![img-0.jpeg](img-0.jpeg)\n\nAfter it &amp; more.",
        "tables": [
            {
                "id": "tbl-0.md",
                "content": "| a | b |\n|---|---|\n| 1 | 2 |",
                "format": "markdown",
            }
        ],
    }

    assert elements_of(page) == [
        (BlockKind.FURNITURE, "THE KEEPER"),
        (BlockKind.HEADING, "The Lamp"),
        (BlockKind.PARAGRAPH, "Before it."),
        (BlockKind.TABLE, "a\tb\n1\t2"),
        (BlockKind.PARAGRAPH, "After it & more."),
        (BlockKind.FOOTNOTE, "¹ By four men."),
        (BlockKind.FURNITURE, "7"),
    ]


def test_a_footer_is_parted_into_footnotes_and_the_page_number():
    footer = (
        "\\( ^{3} \\) See the letter of\nthe second of May.\n\\( ^{4} \\) Ibid.\n- 27 -"
    )

    assert elements_of(page_with(block("footer", footer))) == [
        (BlockKind.FOOTNOTE, "³ See the letter of the second of May."),
        (BlockKind.FOOTNOTE, "⁴ Ibid."),
        (BlockKind.FURNITURE, "- 27 -"),
    ]


@pytest.mark.parametrize("formula", ["\\( x^2 \\)", "$x^2$"])
def test_formulas_in_running_text_are_marked_in_both_ways_of_writing(formula):
    page = page_with(block("text", f"The side is {formula} long."))
    [element] = page_of(page, DRAWING, model="m").elements
    [span] = element.spans

    assert span.kind is SpanKind.MATHS
    assert element.text[span.start : span.end].strip() == "x^2"


@pytest.mark.parametrize("mark", ["\\( ^{12} \\)", "$^{12}$", "${}^{12}$"])
def test_a_raised_number_is_the_mark_of_a_note(mark):
    page = page_with(block("text", f"He said so {mark}. And left."))

    assert elements_of(page)[0][1] == "He said so¹². And left."


def test_sums_of_money_are_no_formulas():
    page = page_with(block("text", "It cost $5 and then $6.50, in all $12."))
    [element] = page_of(page, DRAWING, model="m").elements

    assert element.text == "It cost $5 and then $6.50, in all $12."
    assert element.spans == ()


def test_a_page_without_words_is_blank():
    page = page_of(page_with(markdown=""), DRAWING, model="m")

    assert (page.method, page.confidence) == (RecognitionMethod.BLANK, None)


def test_a_table_nested_beyond_reason_is_taken_by_its_words():
    deep = "<table><tr><td>" + "<div>" * 500 + "in the middle"
    [(kind, text)] = elements_of(page_with(block("table", deep)))

    assert (kind, text) == (BlockKind.TABLE, "in the middle")


def test_fields_that_are_missing_or_new_cost_nothing():
    reply = read_reply({"pages": [{"index": 0, "novelty": 1}]}, [0], sent=1)
    page = page_of(reply.pages[0], DRAWING, model=reply.model)

    assert (reply.model, reply.pages_processed) == ("unknown model", 1)
    assert page.method is RecognitionMethod.BLANK


@pytest.mark.parametrize(
    ("indices", "asked", "expected"),
    [
        ([1, 0, 2], [0, 1, 2], [1, 0, 2]),  # by place
        ([1, 2, 3], [0, 1, 2], [0, 1, 2]),  # from one
        ([0, 1], [5, 7], [5, 7]),  # among those asked for
        ([7, 5], [5, 7], [7, 5]),  # by place, some asked for
        ([6, 8], [5, 7], [5, 7]),  # from one, some asked for
        ([0, 2], [0, 1, 2], [0, 2]),  # with a gap
        ([0, 1, 2], [1], [0, 1, 2]),  # more than was asked for
    ],
)
def test_an_index_means_one_of_three_things(indices, asked, expected):
    assert places(indices, asked, sent=9 if max(asked) > 2 else 3) == expected


def test_numbers_that_mean_none_of_them_are_refused():
    with pytest.raises(BadEngineReply, match="cannot be told apart"):
        places([40, 41], [0, 1], sent=2)


@given(st.permutations(range(9)), st.booleans())
def test_whatever_the_order_every_page_finds_its_place(order, is_from_one):
    indices = [place + is_from_one for place in order]

    assert places(indices, range(9), sent=9) == list(order)
