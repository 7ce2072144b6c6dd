"""What the first bytes of a file say it is. Pure: no reading, no containers."""

from enum import StrEnum

START_BYTES = 4096
"""How much of a file's beginning these rules want to see."""


class Signature(StrEnum):
    """A kind of file by its first bytes."""

    PDF = "pdf"
    ZIP = "zip"
    IMAGE = "image"
    RTF = "rtf"
    OLE = "ole"  # old Office files, and encrypted new ones
    REFUSED = "refused"  # known, and surely no document
    UNKNOWN = "unknown"  # perhaps text


IMAGES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)
HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif"}
)
REFUSED = (
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a Windows program"),
    (0, b"ID3", "a recording"),
    (0, b"OggS", "a recording"),
    (0, b"fLaC", "a recording"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (8, b"WAVE", "a recording"),
    (8, b"AVI ", "a video"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"SQLite format 3\x00", "a database"),
    (0, b"AT&TFORM", "a DjVu file"),
    (60, b"BOOKMOBI", "a Kindle book"),
    (0, b"wOFF", "a font"),
    (0, b"wOF2", "a font"),
)


def signature(start: bytes) -> Signature:
    """Return what the first bytes of a file say."""
    if b"%PDF-" in start[:1024]:  # some programs write before it
        return Signature.PDF
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Signature.ZIP
    if _is_image(start):
        return Signature.IMAGE
    if start.lstrip()[:5] == b"{\\rtf":
        return Signature.RTF
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return Signature.OLE
    return Signature.REFUSED if refused_as(start) else Signature.UNKNOWN


def refused_as(start: bytes) -> str:
    """Return what a file that is surely no document is; empty when it may be one."""
    for offset, magic, what in REFUSED:
        if start[offset : offset + len(magic)] == magic and not _is_text(start):
            return what
    is_media = start[4:8] == b"ftyp" and start[8:12] not in HEIF_BRANDS
    return "a recording or video" if is_media else ""


def _is_image(start: bytes) -> bool:
    if start.startswith(IMAGES):
        return True
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return True
    if start[4:8] == b"ftyp":
        return start[8:12] in HEIF_BRANDS
    # "BM" may begin a text; a bitmap's size and header length are plausible too.
    is_bitmap = start[:2] == b"BM" and start[6:10] == b"\x00\x00\x00\x00"
    return is_bitmap and start[14:18] in (
        b"\x28\0\0\0",
        b"\x0c\0\0\0",
        b"\x7c\0\0\0",
        b"\x6c\0\0\0",
        b"\x38\0\0\0",
        b"\x40\0\0\0",
    )


def _is_text(start: bytes) -> bool:
    """Return whether a short magic ("MZ", "BZh") only begins an ordinary text."""
    return len(start) > 16 and not any(byte < 9 for byte in start[:512])


def looks_binary(start: bytes) -> bool:
    """Return whether bytes without a known signature can be no text."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    zeros = start.count(0)
    wide = max(start[0::2].count(0), start[1::2].count(0)) > len(start) * 0.2
    if zeros and not wide:
        return True
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b\x00" for byte in start)
    return controls > 0.02 * max(1, len(start))
