"""From recognised pages to blocks: ids, edits, mixed sources, titles, languages."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lectern.documents.building import build_text
from lectern.documents.pages import (
    BlockKind,
    Element,
    OutlineEntry,
    RecognisedPage,
    Recognition,
    RecognitionMethod,
    Span,
    SpanKind,
)
from tests.support.printing import (
    DOCUMENT,
    AllEnglish,
    EveryFullStop,
    Sheet,
    prose,
    read,
    shown,
)


def markup(*elements: Element, number: int = 1) -> RecognisedPage:
    return RecognisedPage(
        number, RecognitionMethod.MARKUP, "m 1", "", elements=tuple(elements)
    )


def text_page(*texts: str) -> RecognisedPage:
    return markup(*(Element(BlockKind.PARAGRAPH, text) for text in texts))


def novel(seed: int, paragraphs: int = 300) -> list[str]:
    chance = random.Random(seed)
    return [prose(seed + n, sentences=chance.randint(1, 15)) for n in range(paragraphs)]


def revised(texts: list[str], *, edits: int, seed: int) -> list[str]:
    """Return the texts with words, sentences and paragraphs changed here and there."""
    chance = random.Random(seed)
    made = list(texts)
    for _ in range(edits):
        at = chance.randrange(len(made))
        change = chance.choice(("word", "sentence", "paragraph", "cut"))
        if change == "word":
            made[at] = made[at].replace(" ", " newly ", 1)
        elif change == "sentence":
            made[at] += " A sentence was added in the second edition."
        elif change == "paragraph":
            made.insert(at, prose(seed + at + 7777))
        else:
            del made[at]
    return made


def test_revised_documents_keep_the_audio_of_almost_all_their_text():
    before = novel(1)
    known = set(shown(read(text_page(*before))))

    for seed in range(5):
        after = shown(read(text_page(*revised(before, edits=10, seed=seed))))
        new = sum(len(block) for block in after if block not in known)
        assert new <= 0.04 * sum(map(len, after))


def test_a_printed_document_set_anew_after_an_edit_keeps_its_blocks():
    """Every line and page break moves, and no block but one or two changes."""
    texts = [prose(n, sentences=7) for n in range(60)]

    def printed(paragraphs):
        sheets = [Sheet(1)]
        for paragraph in paragraphs:
            if sheets[-1].top > 0.85:
                sheets.append(Sheet(len(sheets) + 1))
            sheets[-1].text(paragraph)
        return shown(read(*(sheet.page() for sheet in sheets)))

    before = set(printed(texts))
    after = printed(["A new beginning. " + texts[0], *texts[1:]])
    assert sum(block not in before for block in after) <= 2


@given(st.lists(st.sampled_from(["One.", "Two.", "Three."]), min_size=1, max_size=9))
def test_ids_are_unique_even_where_texts_repeat(texts):
    ids = [block.id for block in read(text_page(*texts)).blocks]

    assert len(set(ids)) == len(texts)


def test_ids_stay_when_a_paragraph_is_inserted_elsewhere():
    texts = novel(2, paragraphs=20)
    before = {b.id: b.shown for b in read(text_page(*texts)).blocks}
    after = {b.id: b.shown for b in read(text_page("New.", *texts)).blocks}

    assert before.items() <= after.items()


def test_places_count_characters_of_the_whole_text():
    texts = novel(3, paragraphs=5)
    whole = "\n\n".join(texts)

    for block in read(text_page(*texts)).blocks:
        assert whole[block.start_char : block.end_char] == block.shown


def test_indices_and_parts_count_from_zero():
    blocks = read(text_page(prose(1, sentences=20), "Short.")).blocks

    assert [block.index for block in blocks] == list(range(len(blocks)))
    assert blocks[-1].part == 0
    assert [block.part for block in blocks[:3]] == [0, 1, 2]


def test_marks_move_along_when_a_paragraph_is_cleaned_and_cut():
    text = f"{prose(1, sentences=6)}  The  linked words end it."
    start = text.index("linked")
    link = Span(start, start + len("linked words"), SpanKind.LINK, "#x")
    blocks = read(markup(Element(BlockKind.PARAGRAPH, text, spans=(link,)))).blocks

    (span,) = blocks[-1].spans
    assert blocks[-1].shown[span.start : span.end] == "linked words"


def test_the_cells_of_a_table_are_told_apart():
    page = markup(Element(BlockKind.TABLE, "a\tb\nc\td"))

    assert shown(read(page)) == ["a | b\nc | d"]


def test_code_keeps_its_lines_and_indent():
    page = markup(Element(BlockKind.CODE, "def f():\n    return 1\n"))

    assert shown(read(page)) == ["def f():\n    return 1"]


def test_elements_without_words_make_no_block():
    assert read(text_page("  ", "\n", "One.")).blocks[0].index == 0


def test_printed_and_stated_pages_stand_in_the_order_of_their_numbers():
    printed = Sheet(2).text("Printed on the second page.").page()
    stated = markup(Element(BlockKind.PARAGRAPH, "Stated on the first."), number=1)

    assert [b.page for b in read(printed, stated).blocks] == [1, 2]


def test_chapters_are_known_to_their_blocks():
    page = markup(
        Element(BlockKind.HEADING, "One", 1, anchor="#1"),
        Element(BlockKind.PARAGRAPH, prose(1)),
        Element(BlockKind.HEADING, "Two", 1, anchor="#2"),
        Element(BlockKind.PARAGRAPH, prose(2)),
    )
    outline = (
        OutlineEntry("One", 1, anchor="#1"),
        OutlineEntry("Two", 1, anchor="#2"),
    )

    text = read(page, outline=outline)
    assert [chapter.title for chapter in text.chapters] == ["One", "Two"]
    assert {block.chapter for block in text.blocks} == {0, 1}


def test_the_title_is_the_stated_one_else_the_first_large_heading():
    page = markup(
        Element(BlockKind.HEADING, "Chapter", 2), Element(BlockKind.HEADING, "Book", 1)
    )

    assert read(page).title == "Book"
    assert read(page, title=" The  Keeper ").title == "The Keeper"
    assert read(text_page("Words.")).title == ""
    assert read(markup(Element(BlockKind.HEADING, "Contents", 1))).title == ""


def test_the_language_is_that_of_most_letters():
    page = markup(
        Element(BlockKind.PARAGRAPH, "Kurz.", language="de"),
        Element(BlockKind.PARAGRAPH, prose(1), language="en"),
    )

    assert read(page).language == "en"


def test_hebrew_runs_from_the_right():
    page = markup(
        Element(BlockKind.PARAGRAPH, "שלום עולם", language="he"),
        Element(BlockKind.PARAGRAPH, "Hello world"),
    )

    assert [block.direction for block in read(page).blocks] == ["rtl", "ltr"]


def test_missing_pages_are_found_and_the_rest_is_read():
    recognition = Recognition((Sheet(1).text(prose(1)).page(),), page_count=3)

    text = build_text(
        recognition, DOCUMENT, sentences=EveryFullStop(), languages=AllEnglish()
    )
    assert text.findings[0].code == "missing_page"
    assert text.page_count == 3
    assert text.blocks


def test_pages_in_any_order_give_the_same_blocks():
    pages = [Sheet(n).text(prose(n)).page() for n in (1, 2, 3)]
    backwards = [replace(page) for page in reversed(pages)]

    assert read(*pages).blocks == read(*backwards).blocks
