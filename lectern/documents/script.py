"""Which script a text is written in, and the way it runs."""

import re
from typing import Literal

RTL_LANGUAGES = frozenset(
    {
        "ar",
        "arc",
        "ckb",
        "dv",
        "fa",
        "ha",
        "he",
        "iw",
        "ks",
        "ku-arab",
        "ps",
        "sd",
        "ug",
        "ur",
        "yi",
    }
)
RTL_LETTER = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
LTR_LETTER = re.compile(r"[A-Za-z\u00c0-\u058f\u0900-\u1fff\u3040-\ud7af]")
SAMPLE_CHARS = 400


def direction_of(text: str, language: str) -> Literal["ltr", "rtl"]:
    """Return the way a paragraph runs: that of most of its letters."""
    if text.isascii():
        return "ltr"
    sample = text[:SAMPLE_CHARS]
    if RTL_LETTER.search(sample) is None:
        return "ltr"
    rtl = len(RTL_LETTER.findall(sample))
    ltr = len(LTR_LETTER.findall(sample))
    if language in RTL_LANGUAGES:
        return "rtl" if 3 * rtl >= ltr else "ltr"
    return "rtl" if rtl > ltr else "ltr"
