"""A recognition made into the text of a document: the one way from pages to blocks."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Protocol

from lectern.documents.blocks import Block, DocumentText, Finding
from lectern.documents.chapters import chapter_of_blocks, find_chapters
from lectern.documents.flow import PrintedPage, flow
from lectern.documents.furniture import Furniture, find_furniture
from lectern.documents.hyphens import Vocabulary
from lectern.documents.kinds import classify_page, type_scale
from lectern.documents.layout import Group, group_rows
from lectern.documents.marks import find_marks
from lectern.documents.ordering import sort_pages
from lectern.documents.pages import BlockKind, RecognisedPage, Recognition, Span
from lectern.documents.paragraphs import Paragraph, from_element
from lectern.documents.rows import rows_of
from lectern.documents.script import direction_of
from lectern.documents.splitting import SentenceFinder, cut, cut_lines, needs_sentences
from lectern.ids import DocumentId, block_id

BETWEEN_PARAGRAPHS = 2  # characters: "\n\n"
BY_LINES = frozenset({BlockKind.TABLE, BlockKind.CODE, BlockKind.MATHS})
TITLE_CHARS = 200


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
    blocks = _blocks(paragraphs, tags, document_id, sentences=sentences)
    chapters = find_chapters(blocks, paragraphs, recognition.outline)
    of_blocks = chapter_of_blocks(len(blocks), chapters)
    return DocumentText(
        blocks=tuple(
            _in_chapter(block, chapter)
            for block, chapter in zip(blocks, of_blocks, strict=True)
        ),
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


def _page_groups(
    page: RecognisedPage, furniture: Furniture, place: int
) -> list[Group]:
    lines = [
        line for index, line in enumerate(page.lines)
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


def _blocks(
    paragraphs: Sequence[Paragraph],
    tags: Sequence[str],
    document_id: DocumentId,
    *,
    sentences: SentenceFinder,
) -> list[Block]:
    starts = _sentence_starts(paragraphs, tags, sentences)
    seen: Counter[str] = Counter()
    blocks: list[Block] = []
    at_char = 0
    for number, (paragraph, tag) in enumerate(zip(paragraphs, tags, strict=True)):
        direction = direction_of(paragraph.text, tag)
        spans = find_marks(paragraph.text, paragraph.spans)
        for part, (start, end) in enumerate(_cut(paragraph, starts.get(number, []))):
            shown = paragraph.text[start:end]
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
                    chapter=None,
                    part=part,
                )
            )
            seen[shown] += 1
        at_char += len(paragraph.text) + BETWEEN_PARAGRAPHS
    return blocks


def _cut(paragraph: Paragraph, starts: Sequence[int]) -> list[tuple[int, int]]:
    if not needs_sentences(paragraph.text):
        return cut(paragraph.text, ())
    if paragraph.kind in BY_LINES:
        return cut_lines(paragraph.text)
    return cut(paragraph.text, starts)


def _sentence_starts(
    paragraphs: Sequence[Paragraph], tags: Sequence[str], sentences: SentenceFinder
) -> dict[int, list[int]]:
    """Return sentence starts of the paragraphs that are longer than a block."""
    by_language: dict[str, list[int]] = defaultdict(list)
    for number, (paragraph, tag) in enumerate(zip(paragraphs, tags, strict=True)):
        if paragraph.kind not in BY_LINES and needs_sentences(paragraph.text):
            by_language[tag].append(number)
    starts: dict[int, list[int]] = {}
    for tag, numbers in by_language.items():
        texts = [paragraphs[number].text for number in numbers]
        found = sentences.starts(texts, language=tag)
        starts.update(zip(numbers, found, strict=True))
    return starts


def _within(spans: Sequence[Span], start: int, end: int) -> tuple[Span, ...]:
    """Return the spans that reach into a block, moved to its own characters."""
    return tuple(
        Span(max(s.start, start) - start, min(s.end, end) - start, s.kind, s.target)
        for s in spans
        if s.start < end and s.end > start
    )


def _in_chapter(block: Block, chapter: int | None) -> Block:
    if chapter is None:
        return block
    return Block(
        id=block.id,
        index=block.index,
        kind=block.kind,
        page=block.page,
        paragraph=block.paragraph,
        start_char=block.start_char,
        end_char=block.end_char,
        shown=block.shown,
        spans=block.spans,
        language=block.language,
        direction=block.direction,
        level=block.level,
        chapter=chapter,
        part=block.part,
    )


def _title(recognition: Recognition, paragraphs: Sequence[Paragraph]) -> str:
    """Return the stated title, else the first heading near the beginning."""
    if recognition.title.strip():
        return " ".join(recognition.title.split())[:TITLE_CHARS]
    early: Iterator[Paragraph] = (
        paragraph for paragraph in paragraphs[:12] if paragraph.kind is BlockKind.HEADING
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
