"""Short formulas in a sentence, from TeX to what a voice can say.

Only what occurs in running text: powers, indices, fractions, Greek letters. Long
formulas are blocks of their own and are announced.
"""

import re

FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
POWER = re.compile(r"\^\s*(?:\{([^{}]*)\}|(\\?\w))")
INDEX = re.compile(r"_\s*(?:\{([^{}]*)\}|(\\?\w))")
WRAPPED = re.compile(r"\\(?:text|mathrm|mathbf|mathit|operatorname)\s*\{([^{}]*)\}")
SPACING = re.compile(r"\\[,;:!\s]|\\q?quad\b|\\(?:left|right|displaystyle)\b|[{}$&~]")
COMMAND = re.compile(r"\\([A-Za-z]+)")
SIGNS = {
    "times": "times",
    "cdot": "times",
    "pm": "plus or minus",
    "leq": "at most",
    "le": "at most",
    "geq": "at least",
    "ge": "at least",
    "neq": "is not",
    "ne": "is not",
    "approx": "is about",
    "infty": "infinity",
    "sum": "the sum of",
    "int": "the integral of",
    "partial": "partial",
    "in": "in",
    "to": "to",
    "rightarrow": "to",
    "ldots": "and so on",
    "dots": "and so on",
    "cdots": "and so on",
}
WORDY_POWERS = {"2": "squared", "3": "cubed"}
DEEPEST = 4
"""Times a construct is taken out of another one."""


def say_formula(tex: str) -> str:
    """Return a formula in words; empty when it holds nothing to say."""
    text = tex
    for _ in range(DEEPEST):
        before = text
        text = WRAPPED.sub(r" \1 ", text)
        text = FRACTION.sub(r" \1 over \2 ", text)
        text = ROOT.sub(r" the root of \1 ", text)
        text = POWER.sub(_power, text)
        text = INDEX.sub(lambda m: f" sub {m[1] or m[2]} ", text)
        if text == before:
            break
    text = SPACING.sub(" ", text)
    text = COMMAND.sub(lambda m: f" {SIGNS.get(m[1], m[1])} ", text)
    return " ".join(text.replace("\\", " ").split())


def _power(match: re.Match[str]) -> str:
    power = (match[1] or match[2]).strip()
    return f" {WORDY_POWERS.get(power, f'to the power of {power}')} "
