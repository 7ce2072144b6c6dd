"""A recognition made into the text of a document: the one way from pages to blocks."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

from lectern.documents.blocks import Block, DocumentText, Finding
from lectern.documents.chapters import chapter_of_blocks, find_chapters
from lectern.documents.flow import PrintedPage, flow
from lectern.documents.furniture import Furniture, find_furniture
from lectern.documents.hyphens import Vocabulary
from lectern.documents.kinds import STANDING_TITLE, classify_page, type_scale
from lectern.documents.layout import Group, group_rows
from lectern.documents.marks import find_marks
from lectern.documents.ordering import sort_pages
from lectern.documents.pages import BlockKind, RecognisedPage, Recognition, Span
from lectern.documents.paragraphs import Paragraph, from_element
from lectern.documents.rows import rows_of
from lectern.documents.script import direction_of
from lectern.documents.splitting import SentenceFinder, cut, cut_lines, needs_sentences
from lectern.documents.titles import TITLE_CHARS
from lectern.ids import DocumentId, block_id

TITLE_PARAGRAPHS = 12
BETWEEN_PARAGRAPHS = 2  # characters: "\n\n"
BY_LINES = frozenset({BlockKind.TABLE, BlockKind.CODE, BlockKind.MATHS})


class LanguageFinder(Protocol):
    """Finds which language paragraphs are written in."""

    def of_paragraphs(
        self,
        texts: Sequence[str],
        *,
        stated: Sequence[str | None],
        document: str | None,
    ) -> list[str]:
        """Return a BCP 47 primary tag for each text.

        ``stated`` is what the source says of each, ``document`` of all of them.
        """


def build_text(
    recognition: Recognition,
    document_id: DocumentId,
    *,
    sentences: SentenceFinder,
    languages: LanguageFinder,
) -> DocumentText:
    """Return the blocks, chapters and findings of a recognised document."""
    ordered = sort_pages(recognition.pages, page_count=recognition.page_count)
    paragraphs, furniture_findings = paragraphs_of(ordered.pages)
    tags = languages.of_paragraphs(
        [paragraph.text for paragraph in paragraphs],
        stated=[paragraph.language for paragraph in paragraphs],
        document=recognition.language,
    )
    cuts = _cuts(paragraphs, tags, sentences)
    first_blocks = [0, *accumulate(map(len, cuts))]
    chapters = find_chapters(paragraphs, first_blocks, recognition.outline)
    of_blocks = chapter_of_blocks(first_blocks[-1], chapters)
    blocks = _blocks(paragraphs, tags, cuts, of_blocks, document_id=document_id)
    return DocumentText(
        blocks=tuple(blocks),
        chapters=tuple(chapters),
        findings=(*ordered.findings, *furniture_findings),
        title=_title(recognition, paragraphs),
        language=_main_language(paragraphs, tags, recognition.language),
        page_count=recognition.page_count,
    )


def paragraphs_of(
    pages: Sequence[RecognisedPage],
) -> tuple[list[Paragraph], tuple[Finding, ...]]:
    """Return the paragraphs of sorted pages, and what was found beside them."""
    printed_pages = [page for page in pages if not page.elements]
    furniture = find_furniture(printed_pages)
    printed = _printed_paragraphs(printed_pages, furniture)
    if len(printed_pages) == len(pages):
        return printed, furniture.findings
    stated = [
        paragraph
        for page in pages
        for element in page.elements
        if (paragraph := from_element(element, page=page.number)) is not None
    ]
    both = sorted([*stated, *printed], key=lambda paragraph: paragraph.page)
    return both, furniture.findings


def _printed_paragraphs(
    pages: Sequence[RecognisedPage], furniture: Furniture
) -> list[Paragraph]:
    grouped = [_page_groups(page, furniture, place) for place, page in enumerate(pages)]
    rows = (row.text for groups in grouped for group in groups for row in group.rows)
    vocabulary = Vocabulary(rows)
    scale = type_scale(grouped)
    flowing: list[PrintedPage] = []
    in_references = False
    for place, (page, groups) in enumerate(zip(pages, grouped, strict=True)):
        printed, in_references = classify_page(
            groups, scale, in_references=in_references
        )
        head, foot = _furniture_texts(page, furniture, place)
        flowing.append(PrintedPage(page.number, printed, head, foot))
    return flow(flowing, vocabulary)


def _page_groups(page: RecognisedPage, furniture: Furniture, place: int) -> list[Group]:
    lines = [
        line
        for index, line in enumerate(page.lines)
        if (place, index) not in furniture.places
    ]
    return group_rows(rows_of(page, lines)) if lines else []


def _furniture_texts(
    page: RecognisedPage, furniture: Furniture, place: int
) -> tuple[str, str]:
    """Return a page's furniture in its upper and in its lower half."""
    head: list[str] = []
    foot: list[str] = []
    for index, line in enumerate(page.lines):
        if (place, index) in furniture.places:
            is_upper = line.box is None or line.box.top + line.box.bottom < 1
            (head if is_upper else foot).append(" ".join(line.text.split()))
    return " · ".join(filter(None, head)), " · ".join(filter(None, foot))


Cuts = list[tuple[int, int]]
"""The blocks of one paragraph, as characters of its text."""


def _blocks(
    paragraphs: Sequence[Paragraph],
    tags: Sequence[str],
    cuts: Sequence[Cuts],
    of_chapters: Sequence[int | None],
    *,
    document_id: DocumentId,
) -> list[Block]:
    seen: Counter[str] = Counter()
    blocks: list[Block] = []
    at_char = 0
    for number, (paragraph, tag) in enumerate(zip(paragraphs, tags, strict=True)):
        text = paragraph.text
        direction = direction_of(text, tag)
        spans = find_marks(text, paragraph.spans)
        for part, (start, end) in enumerate(cuts[number]):
            shown = text[start:end]
            blocks.append(
                Block(
                    id=block_id(document_id, shown, seen[shown]),
                    index=len(blocks),
                    kind=paragraph.kind,
                    page=paragraph.page_at(start),
                    paragraph=number,
                    start_char=at_char + start,
                    end_char=at_char + end,
                    shown=shown,
                    spans=_within(spans, start, end) if spans else (),
                    language=tag,
                    direction=direction,
                    level=paragraph.level,
                    chapter=of_chapters[len(blocks)],
                    part=part,
                )
            )
            seen[shown] += 1
        at_char += len(text) + BETWEEN_PARAGRAPHS
    return blocks


def _cuts(
    paragraphs: Sequence[Paragraph], tags: Sequence[str], sentences: SentenceFinder
) -> list[Cuts]:
    """Return the blocks of every paragraph.

    Sentences are looked for only in paragraphs that are longer than a block.
    """
    cuts = [
        cut(paragraph.text, ())
        if not needs_sentences(paragraph.text)
        else cut_lines(paragraph.text)
        if paragraph.kind in BY_LINES
        else []
        for paragraph in paragraphs
    ]
    by_language: dict[str, list[int]] = defaultdict(list)
    for number, (_paragraph, tag) in enumerate(zip(paragraphs, tags, strict=True)):
        if not cuts[number]:
            by_language[tag].append(number)
    for tag, numbers in by_language.items():
        texts = [paragraphs[number].text for number in numbers]
        for number, starts in zip(
            numbers, sentences.starts(texts, language=tag), strict=True
        ):
            cuts[number] = cut(paragraphs[number].text, starts)
    return cuts


def _within(spans: Sequence[Span], start: int, end: int) -> tuple[Span, ...]:
    """Return the spans that reach into a block, moved to its own characters."""
    return tuple(
        Span(max(s.start, start) - start, min(s.end, end) - start, s.kind, s.target)
        for s in spans
        if s.start < end and s.end > start
    )


def _title(recognition: Recognition, paragraphs: Sequence[Paragraph]) -> str:
    """Return the stated title, else the largest heading of the first page.

    Titles that many documents have ("Contents") name none of them.
    """
    if recognition.title.strip():
        return " ".join(recognition.title.split())[:TITLE_CHARS]
    early = (
        paragraph
        for paragraph in paragraphs[:TITLE_PARAGRAPHS]
        if paragraph.kind is BlockKind.HEADING
        and paragraph.page == paragraphs[0].page
        and not STANDING_TITLE.match(paragraph.text)
    )
    best = min(early, key=lambda paragraph: paragraph.level, default=None)
    return " ".join(best.text.split())[:TITLE_CHARS] if best else ""


def _main_language(
    paragraphs: Sequence[Paragraph], tags: Sequence[str], stated: str | None
) -> str:
    chars: Counter[str] = Counter()
    for paragraph, tag in zip(paragraphs, tags, strict=True):
        chars[tag] += len(paragraph.text)
    if chars:
        return chars.most_common(1)[0][0]
    return (stated or "en").split("-")[0].lower()
