"""The kinds of file Lectern reads."""

from enum import StrEnum


class Format(StrEnum):
    """A kind of file, decided by its content and never by its name."""

    PDF = "pdf"
    IMAGE = "image"  # PNG, JPEG, GIF, TIFF (every frame), WebP, BMP, HEIC
    DOCX = "docx"
    ODT = "odt"
    RTF = "rtf"
    PPTX = "pptx"
    FB2 = "fb2"
    EPUB = "epub"
    HTML = "html"
    MARKDOWN = "markdown"
    TEXT = "text"
