"""Short documents for the component tests, and a long one."""

from typing import Any

from tests.support.component_page import Stage, block, number


def story(*, count: int = 8, words: int = 6) -> Stage:
    """Return a document of equal paragraphs in two chapters, all unvoiced."""
    text = " ".join(f"word{n}" for n in range(words))
    blocks = number([block(f"{text} {i}.") for i in range(count)])
    half = count // 2
    chapters = [{"i": 0, "t": "One", "l": 1}, {"i": half, "t": "Two", "l": 1}]
    return Stage(blocks, chapters=chapters)


def kinds() -> Stage:
    """Return a document with a block of every kind, some of them not spoken."""
    return Stage(
        number(
            [
                block("Of the sea", kind="heading", l=1),
                block("THE SEA 1", kind="furniture", x="furniture"),
                block("One sentence here.", g=9),
                block("And a second one.", g=9),
                block("Bold and a link.", s=_spans(), p=2),
                block("First item", kind="list", l=1, p=2),
                block("An item below it", kind="list", l=2, p=2),
                block("So it is said.", kind="quote", p=2),
                block("a = 1\n  b = 2", kind="code", p=2, x="code"),
                block("Year\tTons", kind="table", p=2, x="table"),
                block("שלום לכולם", n="he", r=True, p=2),
                block('<img src=x onerror="window.hacked = 1">', p=3),
            ]
        )
    )


def _spans() -> list[list[Any]]:
    return [[0, 4, "strong", ""], [11, 15, "link", "javascript:alert(1)"]]


def long_book(*, count: int = 12_000) -> Stage:
    """Return a book of blocks of about 250 characters, three to a paragraph."""
    sentence = "The harbour woke before the town did, and the gulls were arguing. "
    blocks = []
    for i in range(count):
        if i % 120 == 0:
            blocks.append(block(f"Chapter {i // 120 + 1}", kind="heading", l=2, g=-i))
        else:
            text = f"{i} {sentence * 4}"[:250]
            blocks.append(block(text, g=i // 3, p=1 + i // 12))
    chapters = [
        {"i": i, "t": f"Chapter {i // 120 + 1}", "l": 1} for i in range(0, count, 120)
    ]
    return Stage(number(blocks), chapters=chapters)
