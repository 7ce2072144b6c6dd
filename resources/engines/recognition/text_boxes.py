"""Text boxes of DOCX files, moved beside the paragraphs they are anchored in.

pandoc reads either the text box or the paragraph's own words, so a paragraph that
carries a box would lose them.
"""

import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from lxml import etree

from lectern.errors import DamagedFile
from resources.engines.recognition.guards import Archive

DOCUMENT = "word/document.xml"
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def with_boxes_freed(path: Path, archive: Archive, scratch: Path) -> Path:
    """Return a copy in which every box has a paragraph of its own, if one has none."""
    if not archive.has(DOCUMENT):
        return path
    data = archive.read(DOCUMENT)
    if b"txbxContent" not in data:
        return path
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        tree = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise DamagedFile(
            "The document cannot be read: its main part is damaged. Open it in Word "
            "or LibreOffice, save it again, and try that."
        ) from error
    freed_count = sum(_free(paragraph) for paragraph in list(tree.iter(f"{WORD}p")))
    if not freed_count:
        return path
    freed = scratch / "freed.docx"
    with zipfile.ZipFile(freed, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in archive.names:
            is_document = name == DOCUMENT
            copy.writestr(
                name, etree.tostring(tree) if is_document else archive.read(name)
            )
    return freed


def _free(paragraph: Any) -> bool:
    """Move the boxes of a paragraph that also has words; return whether it had any."""
    runs = [run for run in paragraph if run.tag == f"{WORD}r"]
    boxed = [run for run in runs if _holds_box(run)]
    if not boxed or not any(_has_words(run) for run in runs if run not in boxed):
        return False
    for run in boxed:
        own = etree.Element(f"{WORD}p")
        own.append(deepcopy(run))
        paragraph.addprevious(own)
        paragraph.remove(run)
    return True


def _holds_box(run: Any) -> bool:
    return next(run.iter(f"{WORD}txbxContent"), None) is not None


def _has_words(run: Any) -> bool:
    return any((text.text or "").strip() for text in run.iter(f"{WORD}t"))
