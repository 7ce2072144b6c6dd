r"""What a rule looks for, as a program of RE2's that takes time linear in the text.

RE2 has no look-around and no references back inside a pattern: they are what makes
other engines run for ever. What a pattern may hold: https://github.com/google/re2/wiki/Syntax
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import re2

from lectern.documents.filters import Rule, RuleKind
from lectern.errors import BadPattern

PROGRAM_BYTES = 4 * 1024**2
"""Memory of one compiled pattern, its automaton included."""
PROGRAM_STEPS = 8_000
"""Instructions of one compiled pattern; a class of all letters has 1,200."""
SAID_CHARS = 1_000
"""Of one replacement, with what its groups stand for."""
WINDOW_CHARS = 4_000
"""A longer paragraph is looked at in pieces of this length, ended at a blank."""

Spend = Callable[[int], bool]
"""Whether so much more may be looked at."""

_LETTER = r"\pL\pM\pN_"
_BEFORE, _AFTER = rf"(?:^|[^{_LETTER}])", rf"(?:[^{_LETTER}]|$)"
_BLANK = r"[\s\pZ]+"
_GROUP = re.compile(r"\\(?:([0-9]{1,2})|g<(\w+)>|(.)|$)", re.DOTALL)
_ADVICE = {
    "(?<=": "RE2 cannot look behind. Put what stands before into a group, and say it "
    r"again with \1.",
    "(?<!": "RE2 cannot look behind. Name the characters that may stand before, as in "
    r"([^x]), and say them again with \1.",
    "(?=": r"RE2 cannot look ahead. Put what follows into a group, and say it again "
    r"with \1.",
    "(?!": "RE2 cannot look ahead. Name the characters that may follow, as in ([^x]), "
    r"and say them again with \1.",
    "(?>": "RE2 has no atomic groups, and needs none: write (?:…).",
    "(?P=": "RE2 cannot refer back inside a pattern. Write what is repeated once more.",
    "missing )": "A bracket ( is not closed.",
    "unexpected )": "A bracket ) closes nothing.",
    "missing ]": "A bracket [ is not closed.",
    "trailing \\": r"It ends in a single \. Write \\ for the sign itself.",
    "no argument": "There is nothing to repeat before this sign.",
    "bad repetition": "Repeat once; RE2 has no possessive repetition, and needs none.",
    "invalid repetition": "A number of repetitions may be 1,000 at most, from less to "
    "more.",
    "invalid character class": "There is no such class of characters.",
    "invalid escape": r"There is no such sign after \. References back are not "
    "possible inside a pattern.",
    "invalid named capture": "The name of a group is written (?P<name>…), each once.",
    "pattern too large": "It is too large. Repeat less often, or make two rules of it.",
}
"""What to do about what RE2 refuses, by its words or by the sign it stumbles over."""


@dataclass(frozen=True, slots=True)
class Match:
    """A place in a text, and what a rule says instead."""

    start: int
    end: int
    said: str


class Pattern:
    """A rule, compiled."""

    def __init__(self, rule: Rule) -> None:
        is_words = rule.kind is RuleKind.WORDS
        find = _words(rule.find) if is_words else rule.find
        options = re2.Options()
        options.max_mem = PROGRAM_BYTES
        options.log_errors = False
        options.case_sensitive = rule.is_case_sensitive
        alone = _compiled(find, options, rule)
        self._first = 0  # the group that is replaced
        self._program = alone
        if rule.is_whole_words:
            self._first = 1
            before = _BEFORE if not is_words or _is_letter(rule.find[0]) else ""
            after = _AFTER if not is_words or _is_letter(rule.find[-1]) else ""
            self._program = _compiled(f"{before}({find}){after}", options, rule)
        self._template = (
            [rule.replacement] if is_words else _template(rule, alone, self._first)
        )
        self._hint = _hint(rule) if is_words else ""

    def may_match(self, folded: str) -> bool:
        """Whether it is worth looking, in a text whose case was folded."""
        return self._hint in folded

    def matches(self, text: str, spend: Spend = bool) -> Iterator[Match]:
        """Yield what is found: in order, apart from each other, nothing empty.

        Each look costs the characters that may be looked at, which are ``spend``;
        once that says no, nothing more is found.
        """
        for low, high in windows(text):
            yield from self._within(text[low:high], low, spend)

    def _within(self, text: str, low: int, spend: Spend) -> Iterator[Match]:
        data = text.encode()
        place = _Places(data)
        at = 0
        while spend(len(data) - at) and (
            (found := self._program.search(data, at)) is not None
        ):
            start, end = found.span(self._first)
            if end > start:
                said = self._said(found)
                if said is not None:
                    yield Match(low + place.of(start), low + place.of(end), said)
                at = end
            else:  # nothing was found, at this very place: look on behind it
                at = _next_char(data, max(at, end))
            if at >= len(data):
                return

    def _said(self, found: "re2._Match") -> str | None:
        """Return the replacement; None when it would be too long."""
        parts: list[str] = []
        chars = 0
        for part in self._template:
            said = (
                part if isinstance(part, str) else (found.group(part) or b"").decode()
            )
            chars += len(said)
            if chars > SAID_CHARS:
                return None
            parts.append(said)
        return "".join(parts)


@lru_cache(maxsize=1024)
def compiled(rule: Rule) -> Pattern:
    """Return a rule's pattern.

    Raises:
        BadPattern: RE2 refuses it; the message says where and what to do.
    """
    return Pattern(rule)


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Yield the pieces in which a text is looked at: all of it, but for very long."""
    low = 0
    while len(text) - low > WINDOW_CHARS:
        last = low + WINDOW_CHARS
        blank = max(text.rfind(sign, low + WINDOW_CHARS // 2, last) for sign in " \n")
        high = blank + 1 if blank >= 0 else last
        yield low, high
        low = high
    yield low, len(text)


class _Places:
    """Where the characters of a text lie, asked for by growing places in its bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._is_ascii = data.isascii()
        self._at = self._chars = 0

    def of(self, place: int) -> int:
        if self._is_ascii:
            return place
        self._chars += len(self._data[self._at : place].decode())
        self._at = place
        return self._chars


def _next_char(data: bytes, at: int) -> int:
    at += 1
    while at < len(data) and data[at] & 0xC0 == 0x80:
        at += 1
    return at


def _is_letter(char: str) -> bool:
    return char.isalnum() or char == "_"


def _words(find: str) -> str:
    """Return a pattern for words: any white space between, either apostrophe."""
    words = (re2.escape(word) for word in find.split())
    either = (re.sub(r"(?:\\')|['’]", "['’]", word) for word in words)
    return _BLANK.join(either)


def _hint(rule: Rule) -> str:
    """Return letters that must stand in every text in which the words are found."""
    pieces = re.split(r"['’\s]+", rule.find.casefold())
    return max(pieces, key=len)


def _compiled(find: str, options: "re2.Options", rule: Rule) -> "re2._Regexp":
    try:
        program = re2.compile(find, options)
    except re2.error as error:
        raise _refusal(rule, error.args[0].decode(errors="replace")) from error
    if max(program.programsize, program.reverseprogramsize) > PROGRAM_STEPS:
        raise _refusal(rule, "pattern too large")
    return program


def _refusal(rule: Rule, reply: str) -> BadPattern:
    """Return the error for what RE2 refused, with the place it stumbled over."""
    reason, _, fragment = reply.partition(": ")
    at = _place(rule.find, reply, fragment)
    near = rule.find[at:]
    keys = [key for key in _ADVICE if near.startswith(key) or reply.startswith(key)]
    advice = _ADVICE[max(keys, key=len)] if keys else f"RE2 says: {reason}."
    where = "" if reason == "pattern too large" else f" at character {at + 1}"
    return BadPattern(
        f"The pattern “{_shortened(rule.find)}” cannot be used{where}. {advice}",
        at=at,
    )


def _place(find: str, reply: str, fragment: str) -> int:
    """Return where the mistake is: where what RE2 names stands, in doubt the last."""
    if reply.startswith("trailing"):
        return len(find) - 1
    if fragment == find:
        return _unmatched(find)
    return max(find.rfind(fragment), 0) if fragment else 0


def _unmatched(find: str) -> int:
    """Return the bracket that has no other, where RE2 only says that there is one."""
    opened: list[int] = []
    in_class: int | None = None
    at = 0
    while at < len(find):
        sign = find[at]
        if sign == "\\":
            at += 1
        elif in_class is not None:
            if sign == "]" and at > in_class + 1:
                in_class = None
        elif sign == "[":
            in_class = at
        elif sign == "(":
            opened.append(at)
        elif sign == ")":
            if not opened:
                return at
            opened.pop()
        at += 1
    if in_class is not None:
        return in_class
    return opened[-1] if opened else 0


def _shortened(find: str) -> str:
    return find if len(find) <= 60 else find[:59] + "…"


def _template(rule: Rule, alone: "re2._Regexp", shift: int) -> list[str | int]:
    """Return a replacement as texts and numbers of groups.

    Raises:
        BadPattern: It names a group that the pattern does not have.
    """
    names: dict[str, int] = alone.groupindex
    template: list[str | int] = []
    at = 0
    for match in _GROUP.finditer(rule.replacement):
        template.append(rule.replacement[at : match.start()])
        at = match.end()
        number, name, sign = match.groups()
        if sign is not None:
            template.append({"n": "\n", "t": "\t"}.get(sign, sign))
            continue
        group = _group_number(number or name or "", names)
        if group is None or group > alone.groups:
            raise BadPattern(
                f"The replacement names the group “{match[0]}”, and the pattern has no "
                "such group. Put what it stands for into round brackets.",
                at=match.start(),
            )
        template.append(group + shift)
    template.append(rule.replacement[at:])
    return template


def _group_number(said: str, names: dict[str, int]) -> int | None:
    return int(said) if said.isdigit() else names.get(said)
