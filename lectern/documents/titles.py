"""What a document is called before anybody names it."""

import re
from pathlib import PurePath

TITLE_CHARS = 300
LEAST_CHARS = 3
PROGRAM_MADE = re.compile(
    r"^(untitled|document\d*|title|slide ?\d*|microsoft (word|powerpoint)\b.*"
    r"|adobe (acrobat|illustrator|indesign|photoshop) (document|file|pdf)"
    r"|(ms )?word document|powerpoint presentation|presentation)$"
    r"|\.(docx?|rtf|odt|pdf|tex|dvi|indd|qxd|pptx?|fm|wpd|html?|txt"
    r"|jpe?g|png|tiff?|gif|bmp)$"
    r"|[\\/]",
    re.IGNORECASE,
)
"""Titles that a program put into a file by itself: its own name, a path, nothing."""

SAY_NOTHING = frozenset({"document", "file", "pdf", "presentation"})
"""What a program adds to its own name."""

NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
"""Control characters, and those that turn the direction of what follows them."""


def clean_title(text: str) -> str:
    """Return a title without what cannot be seen, in one line of bounded length."""
    return " ".join(NOT_SHOWN.sub(" ", text).split())[:TITLE_CHARS].rstrip()


def title_from(filename: str) -> str:
    """Return a file's name as a title: without folder, ending and underscores."""
    stem = PurePath(filename.replace("\\", "/")).stem
    return clean_title(stem.replace("_", " ")) or "Untitled"


def names_program(title: str, *programs: str) -> bool:
    """Return whether a title is no more than the name of a program that made a file.

    Photoshop calls a picture of a letter "Adobe Photoshop PDF".
    """
    words = [word for word in title.casefold().split() if word not in SAY_NOTHING]
    names = [program.casefold().split() for program in programs]
    return bool(words) and any(words == name[: len(words)] for name in names)


def adopted_title(current: str, *, filename: str, found: str) -> str:
    """Return the title found in a document, unless a person chose the current one.

    A title still made from the file's name is replaced by one that the document
    states or begins with, if that says anything.
    """
    was_chosen = current != title_from(filename)
    found = clean_title(found)
    says_something = (
        len(found) >= LEAST_CHARS
        and any(map(str.isalpha, found))
        and not PROGRAM_MADE.search(found)
    )
    return current if was_chosen or not says_something else found
