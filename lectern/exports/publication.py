"""An EPUB 3 with media overlays, document by document. Strings in, strings out.

Each part of the book is a page (XHTML), its overlay (SMIL) and its sound. A reading
system plays the overlay's parts one by one and marks what is being heard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lectern.documents.blocks import Block
from lectern.documents.pages import BlockKind
from lectern.exports.fragments import Fragment
from lectern.exports.markup import block_markup, fragment_id, paragraph, plain

ACTIVE_CLASS = "-epub-media-overlay-active"
PLAYING_CLASS = "-epub-media-overlay-playing"
TEXT = "text"
"""Id of all that stands on a page."""

CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf"\
 media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""

STYLE = f"""body {{ line-height: 1.5; margin: 5%; }}
h1, h2, h3, h4, h5, h6 {{ line-height: 1.2; text-align: start; }}
.caption, .note {{ font-size: 0.9em; }}
.code, .table, .maths {{ white-space: pre-wrap; }}
.code {{ font-family: monospace; }}
.item {{ margin-inline-start: 1.5em; }}
.{ACTIVE_CLASS} {{ background: #f3dca7; color: #201a12; }}
"""


@dataclass(frozen=True, slots=True)
class SpokenBlock:
    """A block of the book; without fragments nothing of it is heard."""

    block: Block
    fragments: tuple[Fragment, ...] = ()
    start_ms: int = 0  # of the block, in the sound of its part


@dataclass(frozen=True, slots=True)
class BookPart:
    """One page of the book, with its sound if anything of it is heard."""

    name: str  # "part-0001"; of its files, without their endings
    title: str
    level: int
    blocks: tuple[SpokenBlock, ...]
    duration_ms: int = 0  # 0: nothing is heard
    is_listed: bool = True  # among the contents

    @property
    def has_sound(self) -> bool:
        """Whether there is an overlay and a sound for it."""
        return self.duration_ms > 0


@dataclass(frozen=True, slots=True)
class BookFacts:
    """What the package states of the whole."""

    identifier: str  # a UUID
    title: str
    language: str
    author: str
    narrator: str
    year: int | None
    modified: datetime


def page(part: BookPart, *, language: str) -> str:
    """Return the XHTML of a part."""
    body = "\n".join(_paragraphs(part))
    tongue = plain(language)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml"'
        ' xmlns:epub="http://www.idpf.org/2007/ops"'
        f' lang="{tongue}" xml:lang="{tongue}">\n'
        f"<head><title>{plain(part.title)}</title>"
        '<link rel="stylesheet" type="text/css" href="style.css"/></head>\n'
        f'<body>\n<section id="{TEXT}" aria-label="{plain(part.title)}">\n'
        f"{body}\n</section>\n</body>\n</html>\n"
    )


def overlay(part: BookPart) -> str:
    """Return the SMIL of a part: which text is heard from when to when."""
    pairs = [
        f'<par id="m{spoken.block.index}-{number}">'
        f'<text src="{part.name}.xhtml#{fragment_id(spoken.block, number)}"/>'
        f'<audio src="{part.name}.m4a"'
        f' clipBegin="{_seconds(spoken.start_ms + one.start_ms)}"'
        f' clipEnd="{_seconds(spoken.start_ms + one.end_ms)}"/></par>'
        for spoken in part.blocks
        for number, one in enumerate(spoken.fragments)
    ]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<smil xmlns="http://www.w3.org/ns/SMIL"'
        ' xmlns:epub="http://www.idpf.org/2007/ops" version="3.0">\n'
        f'<body><seq id="s1" epub:textref="{part.name}.xhtml#{TEXT}">\n'
        + "\n".join(pairs)
        + "\n</seq></body>\n</smil>\n"
    )


def navigation(parts: Sequence[BookPart], facts: BookFacts) -> str:
    """Return the table of contents."""
    tongue = plain(facts.language)
    listed = [part for part in parts if part.is_listed]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml"'
        ' xmlns:epub="http://www.idpf.org/2007/ops"'
        f' lang="{tongue}" xml:lang="{tongue}">\n'
        f"<head><title>{plain(facts.title)}</title></head>\n"
        f'<body><nav epub:type="toc" id="toc"><h1>{plain(facts.title)}</h1>\n'
        f"{_contents(listed)}</nav></body>\n</html>\n"
    )


def package(parts: Sequence[BookPart], facts: BookFacts, *, has_cover: bool) -> str:
    """Return the package document: metadata, manifest and reading order."""
    modified = facts.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = [
        f'<dc:identifier id="uid">urn:uuid:{facts.identifier}</dc:identifier>',
        f"<dc:title>{plain(facts.title)}</dc:title>",
        f"<dc:language>{plain(facts.language)}</dc:language>",
        f'<meta property="dcterms:modified">{modified}</meta>',
        *_people(facts),
        *([f"<dc:date>{facts.year:04d}</dc:date>"] if facts.year else []),
        *_accessibility(),
        f'<meta property="media:active-class">{ACTIVE_CLASS}</meta>',
        f'<meta property="media:playback-active-class">{PLAYING_CLASS}</meta>',
        *_durations(parts),
    ]
    spine = "\n".join(f'<itemref idref="{part.name}"/>' for part in parts)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"'
        f' unique-identifier="uid" xml:lang="{plain(facts.language)}">\n'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        + "\n".join(metadata)
        + "\n</metadata>\n<manifest>\n"
        + "\n".join(_manifest(parts, has_cover=has_cover))
        + f"\n</manifest>\n<spine>\n{spine}\n</spine>\n</package>\n"
    )


def _paragraphs(part: BookPart) -> list[str]:
    """Return the part's blocks, those of one paragraph together."""
    groups: list[list[SpokenBlock]] = []
    for spoken in part.blocks:
        before = groups[-1][-1].block if groups else None
        if before is not None and before.paragraph == spoken.block.paragraph:
            groups[-1].append(spoken)
        else:
            groups.append([spoken])
    return [
        paragraph(
            [one.block for one in group],
            [block_markup(one.block, one.fragments) for one in group],
        )
        for group in groups
    ]


def _contents(parts: Sequence[BookPart]) -> str:
    """Return nested lists; a level that is skipped counts as the next one."""
    lines: list[str] = []
    levels: list[int] = []
    for part in parts:
        while len(levels) > 1 and part.level <= levels[-2]:
            levels.pop()
            lines.append("</li></ol>")
        if not levels or part.level > levels[-1]:
            levels.append(part.level)
            lines.append("<ol>")
        else:
            levels[-1] = part.level
            lines.append("</li>")
        lines.append(f'<li><a href="{part.name}.xhtml">{plain(part.title)}</a>')
    lines += ["</li></ol>"] * len(levels)
    return "\n".join(lines)


def _people(facts: BookFacts) -> list[str]:
    found = []
    if facts.author:
        found += [
            f'<dc:creator id="author">{plain(facts.author)}</dc:creator>',
            '<meta refines="#author" property="role" scheme="marc:relators">aut</meta>',
        ]
    if facts.narrator:
        name = plain(facts.narrator)
        found += [
            f'<dc:contributor id="narrator">{name}</dc:contributor>',
            (
                '<meta refines="#narrator" property="role" scheme="marc:relators">nrt'
                "</meta>"
            ),
            f'<meta property="media:narrator">{name}</meta>',
        ]
    return found


def _accessibility() -> list[str]:
    said = [
        ("accessMode", "textual"),
        ("accessMode", "auditory"),
        ("accessModeSufficient", "textual"),
        ("accessModeSufficient", "auditory"),
        ("accessibilityFeature", "synchronizedAudioText"),
        ("accessibilityFeature", "tableOfContents"),
        ("accessibilityFeature", "readingOrder"),
        ("accessibilityFeature", "structuralNavigation"),
        ("accessibilityFeature", "displayTransformability"),
        ("accessibilityHazard", "noFlashingHazard"),
        ("accessibilityHazard", "noMotionSimulationHazard"),
        ("accessibilityHazard", "noSoundHazard"),
        (
            "accessibilitySummary",
            (
                "The text is read aloud by a synthetic voice, and what is being "
                "heard is highlighted. What is not read aloud can be read on the page."
            ),
        ),
    ]
    return [f'<meta property="schema:{name}">{value}</meta>' for name, value in said]


def _durations(parts: Sequence[BookPart]) -> list[str]:
    heard = [part for part in parts if part.has_sound]
    total = f"{_seconds(sum(part.duration_ms for part in heard))}"
    return [f'<meta property="media:duration">{total}</meta>'] + [
        f'<meta refines="#{part.name}-overlay" property="media:duration">'
        f"{_seconds(part.duration_ms)}</meta>"
        for part in heard
    ]


def _manifest(parts: Sequence[BookPart], *, has_cover: bool) -> list[str]:
    items = [
        (
            '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml"'
            ' properties="nav"/>'
        ),
        '<item id="style" href="style.css" media-type="text/css"/>',
    ]
    if has_cover:
        items.append(
            '<item id="cover" href="cover.jpg" media-type="image/jpeg"'
            ' properties="cover-image"/>'
        )
    for part in parts:
        joined = f' media-overlay="{part.name}-overlay"' if part.has_sound else ""
        items.append(
            f'<item id="{part.name}" href="{part.name}.xhtml"'
            f' media-type="application/xhtml+xml"{joined}/>'
        )
        if part.has_sound:
            items += [
                (
                    f'<item id="{part.name}-overlay" href="{part.name}.smil"'
                    ' media-type="application/smil+xml"/>'
                ),
                (
                    f'<item id="{part.name}-sound" href="{part.name}.m4a"'
                    ' media-type="audio/mp4"/>'
                ),
            ]
    return items


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}s"


def is_in_book(block: Block) -> bool:
    """Whether a block belongs into a book; what belongs to printed pages does not."""
    return block.kind is not BlockKind.FURNITURE
