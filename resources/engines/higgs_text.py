"""What Higgs Audio is given to say: without signs that make it stumble.

It sings, repeats or garbles what follows "[5][6]", takes "[SPEAKER1]" for a change of
voice, and its control words end its turn.
"""

import re

VERSION = "higgs text 1"  # raise when what is said of a text changes

CITATION = re.compile(r"\s?\[\d{1,4}(?:\s?[,;–-]\s?\d{1,4})*\]")
SPEAKER = re.compile(r"\[\s*SPEAKER\s*\d*\s*\]", re.IGNORECASE)
CONTROL = re.compile(r"<\|[^|>]{0,64}\|>|<\||\|>")
BRACKETS = str.maketrans({"[": "(", "]": ")"})
ENDS = ".!?…。！？\"'”’)»"


def plain(text: str) -> str:
    """Return a text that the model says as it stands; never empty for one that is not.

    A text that is nothing but citations says their numbers.
    """
    clean = SPEAKER.sub(" ", CONTROL.sub(" ", text))
    without = CITATION.sub("", clean)
    said = without if any(map(str.isalnum, without)) else clean.replace("][", ", ")
    said = " ".join(said.translate(BRACKETS).split())
    if said and said[-1] not in ENDS:
        said += "."  # without an end the model goes on speaking
    return said or text
