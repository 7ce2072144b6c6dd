"""Chapters come from the file's outline, else from headings, else by length."""

from lectern.documents.blocks import Chapter
from lectern.documents.chapters import chapter_of_blocks, find_chapters
from lectern.documents.pages import BlockKind, OutlineEntry
from lectern.documents.paragraphs import Paragraph
from tests.support.printing import prose


def book(*titles: str, anchors=(), pages=None) -> list[Paragraph]:
    """Return headings, each followed by two paragraphs of text."""
    made = []
    for n, title in enumerate(titles):
        page = pages[n] if pages else n + 1
        anchor = anchors[n] if anchors else ""
        made.append(Paragraph(BlockKind.HEADING, title, page, 1, anchor=anchor))
        made += [Paragraph(BlockKind.PARAGRAPH, prose(n), page) for n in (n, n + 50)]
    return made


def chapters(paragraphs, *outline):
    firsts = list(range(len(paragraphs) + 1))
    found = find_chapters(paragraphs, firsts, outline)
    return [(chapter.title, chapter.level, chapter.block_index) for chapter in found]


def test_an_outline_entry_leads_to_the_heading_it_names():
    outline = OutlineEntry("The Lamp", 1, 1), OutlineEntry("2. The Letter", 2, 1)
    paragraphs = book("THE LAMP", "The Letter", pages=[1, 1])

    assert chapters(paragraphs, *outline) == [
        ("The Lamp", 1, 0),
        ("2. The Letter", 2, 3),
    ]


def test_an_entry_without_its_words_leads_to_the_page():
    outline = OutlineEntry("One", 1, 1), OutlineEntry("Two", 1, 2)

    assert chapters(book("The Lamp", "The Letter"), *outline)[1] == ("Two", 1, 3)


def test_an_entry_for_an_empty_page_leads_to_the_next_text():
    outline = OutlineEntry("One", 1, 1), OutlineEntry("Two", 1, 3)
    paragraphs = book("The Lamp", "The Letter", pages=[1, 5])

    assert chapters(paragraphs, *outline)[1] == ("Two", 1, 3)


def test_anchors_are_followed():
    outline = OutlineEntry("A", 1, anchor="x#a"), OutlineEntry("B", 1, anchor="x#b")
    paragraphs = book("The Lamp", "The Letter", anchors=["x#a", "x#b"])

    assert chapters(paragraphs, *outline) == [("A", 1, 0), ("B", 1, 3)]


def test_entries_that_lead_backwards_or_nowhere_are_left_out():
    outline = (
        OutlineEntry("Two", 1, 2),
        OutlineEntry("One", 1, 1),
        OutlineEntry("Three", 1, 3),
        OutlineEntry("", 1, 3),
        OutlineEntry("Lost", 1, 9),
    )

    found = chapters(book("One", "Two", "Three"), *outline)
    assert [title for title, _, _ in found] == ["Two", "Three"]


def test_without_an_outline_headings_are_chapters():
    assert chapters(book("The Lamp", "The Letter")) == [
        ("The Lamp", 1, 0),
        ("The Letter", 1, 3),
    ]


def test_levels_of_headings_start_at_one():
    paragraphs = [
        Paragraph(BlockKind.HEADING, "Deep", 1, 4),
        Paragraph(BlockKind.PARAGRAPH, prose(1), 1),
        Paragraph(BlockKind.PARAGRAPH, prose(2), 1),
        Paragraph(BlockKind.HEADING, "Deeper", 1, 6),
        Paragraph(BlockKind.PARAGRAPH, prose(3), 1),
    ]

    assert [level for _, level, _ in chapters(paragraphs)] == [1, 2]


def test_a_long_text_without_headings_has_parts_of_ten_minutes():
    paragraphs = [Paragraph(BlockKind.PARAGRAPH, prose(n), 1) for n in range(150)]

    found = chapters(paragraphs)
    assert [title for title, _, _ in found][:2] == ["Part 1", "Part 2"]
    assert len(found) == sum(len(p.text) for p in paragraphs) // 9000 + 1


def test_a_short_text_without_headings_has_no_chapters():
    assert chapters([Paragraph(BlockKind.PARAGRAPH, prose(1), 1)]) == []


def test_every_block_after_a_chapters_beginning_belongs_to_it():
    found = chapter_of_blocks(5, [Chapter("A", 1, 1), Chapter("B", 1, 3)])

    assert found == [None, 0, 0, 1, 1]
