"""What kind of file this is, by its content. A name only breaks ties.

Runs in the web app too, so it reads little and parses nothing at length.
"""

import logging
import re
import zipfile
import zlib
from pathlib import Path

from lectern.documents.formats import Format
from lectern.documents.signatures import (
    START_BYTES,
    Signature,
    looks_binary,
    refused_as,
    signature,
)
from lectern.errors import (
    DamagedFile,
    LegacyFormat,
    PasswordProtected,
    UnsupportedFormat,
)
from resources.engines.recognition.guards import archive_directory
from resources.engines.recognition.plain_text import decode

logger = logging.getLogger(__name__)

READ = "Lectern reads PDF, EPUB, DOCX, ODT, RTF, PPTX, FB2, HTML, Markdown, plain text and pictures."  # noqa: E501
DIRECTORY_BYTES = 8 * 1024**2
"""An archive's directory past this size is not loaded to look at its names."""
UNZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
)
OLE_LOOKED_AT_BYTES = 4 * 1024**2
TEXT_LOOKED_AT_BYTES = 64 * 1024
OPEN_DOCUMENTS = {
    b"application/epub+zip": Format.EPUB,
    b"application/vnd.oasis.opendocument.text": Format.ODT,
    b"application/vnd.oasis.opendocument.text-template": Format.ODT,
}
OFFICE_PARTS = {"word/": Format.DOCX, "ppt/": Format.PPTX}
HTML_TAG = re.compile(
    r"<(?:!doctype\s+html|html|head|body|title|meta|article|section|div|p|h[1-6]|"
    r"table|center|font|span|main)\b",
    re.IGNORECASE,
)
XML_PROLOGUE = re.compile(
    r"(?:\s*<\?.*?\?>|\s*<!--.*?-->|\s*<!doctype[^>]*>)+", re.DOTALL | re.IGNORECASE
)
FIRST_ELEMENT = re.compile(r"\s*<([\w:.-]+)")
CONTAINER_NAMES = (".epub", ".docx", ".odt", ".ott", ".pptx")
"""What is packed in a ZIP archive whenever it is whole."""
MARKDOWN_NAMES = (".md", ".markdown", ".mdown", ".mkd")
MARKDOWN_SIGNS = (
    re.compile(r"^#{1,6} \S", re.MULTILINE),
    re.compile(r"\[[^\]\n]+\]\([^)\s]+\)"),
    re.compile(r"^(?:```|~~~)", re.MULTILINE),
    re.compile(r"(?:\*\*|__)\S[^*_\n]*(?:\*\*|__)"),
    re.compile(r"^\|.*\|\s*\n\|[\s:|-]+\|", re.MULTILINE),
    re.compile(r"\A---\n(?:.*\n)*?---\n"),
)


def sniff_start(start: bytes, *, name: str = "") -> None:
    """Refuse, after the first bytes of an upload, what is surely no document.

    Raises:
        UnsupportedFormat: It is of a kind that Lectern does not read.
        DamagedFile: It is named as a container, and is neither that nor text.
    """
    if what := refused_as(start):
        raise UnsupportedFormat(f"This is {what}. {READ}")
    if signature(start) is Signature.UNKNOWN and looks_binary(start[:START_BYTES]):
        if _is_named_container(name):
            raise _unopenable()
        raise UnsupportedFormat(f"This file is of a kind Lectern does not know. {READ}")


def sniff(path: Path, *, name: str = "") -> Format:
    """Return the kind of a complete file.

    Raises:
        UnsupportedFormat: It is of a kind that Lectern does not read.
        LegacyFormat: It is an old kind; the message says how to convert it.
        PasswordProtected: It is encrypted.
        DamagedFile: It is empty, or a container that cannot be opened or is none
            though its name says so.
    """
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    if not start:
        raise DamagedFile("The file is empty. Choose the file again.")
    sniff_start(start, name=name)
    found = _by_signature(path, start) or _by_text(path, name)
    if name and not _name_agrees(found, name):
        logger.info("File named %s is %s by its content", name[-20:], found)
    return found


def _by_signature(path: Path, start: bytes) -> Format | None:
    match signature(start):
        case Signature.PDF:
            return Format.PDF
        case Signature.IMAGE:
            return Format.IMAGE
        case Signature.RTF:
            return Format.RTF
        case Signature.ZIP:
            return _by_container(path)
        case Signature.OLE:
            raise _ole(path)
        case _:
            return None


def _by_container(path: Path) -> Format:
    names, mimetype = _peek(path)
    for stated, kind in OPEN_DOCUMENTS.items():
        if mimetype == stated:
            return kind
    if "META-INF/container.xml" in names:
        return Format.EPUB
    if "[Content_Types].xml" in names:
        for folder, kind in OFFICE_PARTS.items():
            if any(name.startswith(folder) for name in names):
                return kind
        raise UnsupportedFormat(
            "This is a spreadsheet or another Office file that is no running text. "
            f"Save it as PDF or DOCX and upload that. {READ}"
        )
    if mimetype.startswith(b"application/vnd.oasis.opendocument"):
        raise UnsupportedFormat(
            "This is an OpenDocument file that is no text. Save it as PDF or ODT and "
            f"upload that. {READ}"
        )
    raise UnsupportedFormat(
        "This is a ZIP archive. Unpack it and upload the documents one by one."
    )


def _peek(path: Path) -> tuple[frozenset[str], bytes]:
    """Return the names in an archive and what its ``mimetype`` member says."""
    try:
        with path.open("rb") as file:
            _, directory_bytes = archive_directory(file)
            if directory_bytes > DIRECTORY_BYTES:
                raise _unopenable()
            with zipfile.ZipFile(file) as archive:
                names = frozenset(archive.namelist())
                return names, _mimetype(archive) if "mimetype" in names else b""
    except UNZIP_ERRORS as error:
        raise _unopenable() from error


def _mimetype(archive: zipfile.ZipFile) -> bytes:
    with archive.open("mimetype") as member:
        return member.read(200).strip()


def _is_named_container(name: str) -> bool:
    return name.lower().endswith(CONTAINER_NAMES)


def _unopenable() -> DamagedFile:
    return DamagedFile(
        "The file is an archive that cannot be opened: it is damaged or cut off. "
        "Save or download it again."
    )


def _ole(path: Path) -> LegacyFormat | PasswordProtected | UnsupportedFormat:
    """Return why an OLE file is refused: the streams it holds tell what it is."""
    with path.open("rb") as file:
        data = file.read(OLE_LOOKED_AT_BYTES)
        size_bytes = file.seek(0, 2)
        file.seek(max(len(data), size_bytes - OLE_LOOKED_AT_BYTES))
        data += file.read()
    if _names_stream(data, "EncryptedPackage"):
        return PasswordProtected(
            "This Office document is protected with a password. Open it in Word or "
            "LibreOffice, remove the password (File, Info, Protect Document), and "
            "upload it again."
        )
    if _names_stream(data, "WordDocument"):
        return LegacyFormat(
            "This is a Word document of the old .doc kind. Open it in Word or "
            "LibreOffice, save it as .docx, and upload that."
        )
    if _names_stream(data, "PowerPoint Document"):
        return LegacyFormat(
            "This is a presentation of the old .ppt kind. Open it in PowerPoint or "
            "LibreOffice, save it as .pptx, and upload that."
        )
    return UnsupportedFormat(
        "This is an old Office file that is no text document. Save it as PDF or "
        f".docx and upload that. {READ}"
    )


def _names_stream(data: bytes, name: str) -> bool:
    return name.encode("utf-16-le") in data


def _by_text(path: Path, name: str) -> Format:
    """Return the kind of a file without a signature: some sort of text."""
    with path.open("rb") as file:
        data = file.read(TEXT_LOOKED_AT_BYTES)
    text = _whole_lines(decode(data[: len(data) // 4 * 4 or None], is_glance=True))
    if not text.strip():
        raise DamagedFile("The file holds no text. Choose another file.")
    if text.lstrip()[:1] == "<" and (found := _by_first_tag(text)):
        return found
    if _is_named_container(name):
        raise _unopenable()
    if name.lower().endswith(MARKDOWN_NAMES):
        return Format.MARKDOWN
    if name.lower().endswith((".html", ".htm", ".xhtml")) and HTML_TAG.search(text):
        return Format.HTML
    signs = sum(bool(sign.search(text)) for sign in MARKDOWN_SIGNS)
    is_named_text = name.lower().endswith((".txt", ".text"))
    return Format.MARKDOWN if signs >= 2 and not is_named_text else Format.TEXT


def _by_first_tag(text: str) -> Format | None:
    """Return the kind of a text that begins with a tag."""
    is_html = bool(
        re.match(
            r"\s*(?:<\?xml.*?\?>|<!--.*?-->|\s)*<!doctype\s+html",
            text,
            re.IGNORECASE | re.DOTALL,
        )
    )
    body = XML_PROLOGUE.sub("", text, count=1)
    first = FIRST_ELEMENT.match(body)
    element = first.group(1).lower() if first else ""
    if element == "fictionbook":
        return Format.FB2
    if is_html or HTML_TAG.match(body.lstrip()):
        return Format.HTML
    if text.lstrip().startswith("<?xml"):
        raise UnsupportedFormat(
            f"This is an XML file of a kind Lectern does not know. {READ}"
        )
    return None


def _whole_lines(text: str) -> str:
    """Return a cut-off text without the character that was cut."""
    return text.rstrip("\ufffd")


def _name_agrees(found: Format, name: str) -> bool:
    suffix = Path(name).suffix.lower().lstrip(".")
    return not suffix or suffix == found.value or found in (Format.TEXT, Format.IMAGE)
