"""Marked stretches inside a paragraph, told by how they are written: citations,
addresses, marks of footnotes. Which of them are spoken is decided in ``spoken``.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from lectern.documents.pages import Span, SpanKind

NUMBERED_CITATION = re.compile(
    r"\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*(?:,\s*(?:p|pp|S|ch|sec)\.\s*[\d–-]+)?\]"
)
DATED_CITATION = re.compile(
    r"\[[^\W\d_][^\[\]]{1,160}?\b(?:1[5-9]|20)\d\d[a-z]?[^\[\]]{0,120}\]"
)
KEYED_CITATION = re.compile(
    r"\[[A-Z][A-Za-z+]{0,8}\d{2,4}[a-z]?(?:\s*[,;]\s*[A-Z][A-Za-z+]{0,8}\d{2,4}[a-z]?)*\]"
)
ADDRESS = re.compile(
    r"(?:https?://|ftp://|www\.)[^\s<>\"“”«»]+|"
    r"\b(?:doi\.org/|doi:\s?)10\.\d{4,9}/[^\s<>\"“”]+|"
    r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
)
ADDRESS_TAIL = ".,;:!?)]}'’"
RAISED = re.compile("[⁰¹²³⁴-⁹†‡§¶]")
RAISED_NUMBER = re.compile(r"(?<=[^\s\d(⁰¹²³⁴-⁹])[⁰¹²³⁴-⁹]{1,3}(?![⁰¹²³⁴-⁹\w])")
DAGGER = re.compile(r"(?<=[\w.,;:!?”’)])[†‡§¶]+(?=[\s,.;:]|$)")
POWER = re.compile(r"(?:^|[\W\d_])(?:[kcmdµμn]?m|ft|in|yd|mi|sec|[^\W\d_]{1,2}|[)\]])$")
"""Ends in a unit or a variable: what is raised after it is a power."""


def find_marks(text: str, stated: Sequence[Span] = ()) -> tuple[Span, ...]:
    """Return the stretches of a text, those the source states first."""
    found = list(stated)
    for span in _told(text):
        if not any(span.start < s.end and s.start < span.end for s in found):
            found.append(span)
    return tuple(sorted(found, key=lambda span: (span.start, -span.end)))


def _told(text: str) -> Iterator[Span]:
    if "[" in text:
        for pattern in (NUMBERED_CITATION, KEYED_CITATION, DATED_CITATION):
            yield from _spans(pattern.finditer(text), SpanKind.CITATION)
    if "@" in text or "://" in text or "www." in text or "doi" in text:
        yield from _addresses(text)
    if not text.isascii():
        yield from _note_marks(text)


def _spans(matches: Iterable[re.Match[str]], kind: SpanKind) -> Iterator[Span]:
    for match in matches:
        # What a list of references or a paragraph begins with is its label.
        if match.start() > 0:
            yield Span(match.start(), match.end(), kind)


def _addresses(text: str) -> Iterator[Span]:
    for match in ADDRESS.finditer(text):
        address = match.group()
        while address and address[-1] in ADDRESS_TAIL:
            if address[-1] == ")" and address.count("(") >= address.count(")"):
                break
            address = address[:-1]
        if len(address) > 4:
            end = match.start() + len(address)
            yield Span(match.start(), end, SpanKind.LINK, _target(address))


def _target(address: str) -> str:
    if "://" in address:
        return address
    if "@" in address:
        return f"mailto:{address}"
    if address.startswith("doi"):
        return "https://doi.org/" + address[address.index("10.") :]
    return f"https://{address}"


def _note_marks(text: str) -> Iterator[Span]:
    if RAISED.search(text) is None:
        return
    for match in RAISED_NUMBER.finditer(text):
        if not POWER.search(text[max(0, match.start() - 4) : match.start()]):
            yield Span(match.start(), match.end(), SpanKind.NOTE_MARK, match.group())
    for match in DAGGER.finditer(text):
        yield Span(match.start(), match.end(), SpanKind.NOTE_MARK, match.group())
