"""Printed pages set by us: paragraphs in, lines with boxes out, as engines reply."""

import random
from dataclasses import dataclass, field

from lectern.documents.blocks import DocumentText
from lectern.documents.building import build_text
from lectern.documents.pages import (
    Box,
    Line,
    OutlineEntry,
    RecognisedPage,
    Recognition,
    RecognitionMethod,
)
from lectern.ids import DocumentId

WIDTH_PT, HEIGHT_PT = 595.0, 842.0
LETTER_EM = 0.5
DOCUMENT = DocumentId("0" * 32)


WORDS = """
harbour lantern market winter chalk collector letter village keeper tower honey
window spring table paper silver forest garden morning evening bridge captain
mirror candle thunder meadow sailor orchard whisper journey
""".split()  # noqa: SIM905


def prose(seed: int, *, sentences: int = 4) -> str:
    """Return sentences of our own, others for each seed."""
    chance = random.Random(seed)
    made = (
        " ".join(chance.choices(WORDS, k=chance.randint(6, 14))).capitalize() + "."
        for _ in range(sentences)
    )
    return " ".join(made)


@dataclass
class Sheet:
    """One page being set, from the top down."""

    number: int = 1
    top: float = 0.1
    lines: list[Line] = field(default_factory=list)

    def text(
        self,
        text: str,
        *,
        size_pt: float = 10.0,
        left: float = 0.1,
        right: float = 0.9,
        indent: float = 0.0,
        gap: float = 0.5,
        bold: bool = False,
    ) -> "Sheet":
        """Set a justified paragraph; ``gap`` is in lines, ``indent`` of the width."""
        pitch = 1.2 * size_pt / HEIGHT_PT
        letter = LETTER_EM * size_pt / WIDTH_PT
        self.top += gap * pitch
        rows = _wrapped(text, int((right - left) / letter), int(indent / letter))
        for number, row in enumerate(rows):
            start = left + (indent if number == 0 else 0.0)
            is_last = number == len(rows) - 1
            end = start + len(row) * letter if is_last else right
            box = Box(start, self.top, end, self.top + size_pt / HEIGHT_PT)
            self.lines.append(Line(row, box, size_pt, bold))
            self.top += pitch
        return self

    def line(self, text: str, top: float, *, left: float = 0.1, **kwargs) -> "Sheet":
        """Set one line somewhere."""
        width = len(text) * LETTER_EM * 10 / WIDTH_PT
        box = Box(left, top, left + width, top + 10 / HEIGHT_PT)
        self.lines.append(Line(text, box, **{"font_size_pt": 10.0, **kwargs}))
        return self

    def page(self) -> RecognisedPage:
        """Return the page as an engine replies it."""
        return RecognisedPage(
            number=self.number,
            method=RecognitionMethod.TEXT_LAYER,
            engine="press 1",
            content_digest="",
            lines=tuple(self.lines),
            width_pt=WIDTH_PT,
            height_pt=HEIGHT_PT,
        )


def _wrapped(text: str, chars: int, first_less: int) -> list[str]:
    rows: list[str] = [""]
    for word in text.split():
        room = chars - (first_less if len(rows) == 1 else 0)
        longer = f"{rows[-1]} {word}".strip()
        if len(longer) <= room or not rows[-1]:
            rows[-1] = longer
        else:
            rows.append(word)
    return rows


class EveryFullStop:
    """Takes each full stop for a sentence's end."""

    def starts(self, texts, *, language):
        """Return the places after ". "."""
        return [
            [n + 2 for n in range(len(text) - 2) if text[n : n + 2] == ". "]
            for text in texts
        ]


class AllEnglish:
    """Takes every paragraph for English unless its source says otherwise."""

    def of_paragraphs(self, texts, *, stated, document):
        """Return a language for each text."""
        return [tag or document or "en" for tag in stated]


def read(
    *pages: RecognisedPage, outline: tuple[OutlineEntry, ...] = (), **about
) -> DocumentText:
    """Return the text of a document made of these pages."""
    recognition = Recognition(
        pages=pages, page_count=max(p.number for p in pages), outline=outline, **about
    )
    return build_text(
        recognition, DOCUMENT, sentences=EveryFullStop(), languages=AllEnglish()
    )


def shown(text: DocumentText, *kinds: str) -> list[str]:
    """Return what is shown, of some kinds only where any are named."""
    return [b.shown for b in text.blocks if not kinds or b.kind.value in kinds]
