"""Documents made for the scenario tests: our own words, in real formats."""

import zipfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LEFT_COLUMN = """The harbour woke before the town did. Boats that had waited
all night for the tide began to lean towards the open water, and the gulls, who
never wait for anything, were already arguing above the market. A woman with a
lantern walked the length of the quay and counted the masts. She counted them
every morning, and every morning she wrote the number on the wall of the ice
house with a piece of chalk.

Nobody remembered why the counting had begun. Some said a boat had been lost in
a fog, and that its owner had not been believed until the chalk was read."""

RIGHT_COLUMN = """Others said that a tax had once been laid on every mast, and
that the wall was the only ledger which the collector could not carry away. The
woman herself gave a different answer to each person who asked, and she seemed
to enjoy the asking more than the answer.

On the last day of the winter the number was wrong. There were nineteen masts
where there should have been twenty, and the chalk stopped in the middle of a
stroke. By noon the whole town stood on the quay and looked at the water."""

CHAPTERS = {
    "The Lamp": """In the tower there was a lamp, and the lamp was older than the
tower. It had been carried up the stairs by four men who never agreed on which of
them had carried the heavy end. When it was lit for the first time the whole bay
turned the colour of honey.

The keeper learned to sleep in the hours when nobody needed him. He dreamed of
roads, of wheels and of dust, and he woke whenever the light failed to pass over
his face.""",
    "The Letter": """A letter came in the spring, and it had been opened twice on
its way. The keeper read it by the window and then by the lamp, because he did not
trust the daylight to tell him everything.

It said that the road had reached the village at last, and that he might come down
whenever he liked. He folded it along the creases that others had made, and he put
it under the foot of the table that had never stood quite level.""",
}


def _column(draw: ImageDraw.ImageDraw, text: str, left: int, width: int) -> None:
    """Set a column of justified-left text, as a printer would."""
    font = ImageFont.truetype("DejaVuSerif.ttf", 44)
    top = 420
    for paragraph in text.split("\n\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if draw.textlength(longer, font=font) > width:
                draw.text((left, top), line, font=font, fill=20)
                top, line = top + 64, word
            else:
                line = longer
        draw.text((left, top), line, font=font, fill=20)
        top += 110


def scanned_two_columns(path: Path) -> Path:
    """Write a PDF that holds one picture of a two-column page, and no text."""
    page = Image.new("L", (2480, 3508), 245)
    draw = ImageDraw.Draw(page)
    title = ImageFont.truetype("DejaVuSerif-Bold.ttf", 84)
    draw.text((220, 220), "The Counting of the Masts", font=title, fill=20)
    _column(draw, LEFT_COLUMN, left=220, width=940)
    _column(draw, RIGHT_COLUMN, left=1320, width=940)
    page.save(path, "PDF", resolution=300, title="")
    return path


def small_epub(path: Path) -> Path:
    """Write an EPUB 3 of two chapters with navigation."""
    names = [f"chapter{n}.xhtml" for n in range(1, len(CHAPTERS) + 1)]
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(names)))
    toc = "".join(
        f'<li><a href="{name}">{title}</a></li>'
        for name, title in zip(names, CHAPTERS, strict=True)
    )
    xhtml = '<html xmlns="http://www.w3.org/1999/xhtml" lang="en"'
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
            'version="1.0"><rootfiles><rootfile full-path="book.opf" '
            'media-type="application/oebps-package+xml"/></rootfiles></container>',
        )
        book.writestr(
            "book.opf",
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
            'unique-identifier="id"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/">'
            "<dc:title>The Keeper</dc:title><dc:language>en</dc:language>"
            '<dc:identifier id="id">lectern-test-keeper</dc:identifier></metadata>'
            '<manifest><item id="nav" href="nav.xhtml" properties="nav" '
            f'media-type="application/xhtml+xml"/>{items}</manifest>'
            f"<spine>{spine}</spine></package>",
        )
        book.writestr(
            "nav.xhtml",
            f'{xhtml} xmlns:epub="http://www.idpf.org/2007/ops"><body>'
            f'<nav epub:type="toc"><ol>{toc}</ol></nav></body></html>',
        )
        for name, (title, text) in zip(names, CHAPTERS.items(), strict=True):
            paragraphs = "".join(f"<p>{part}</p>" for part in text.split("\n\n"))
            book.writestr(
                name, f"{xhtml}><body><h1>{title}</h1>{paragraphs}</body></html>"
            )
    return path
