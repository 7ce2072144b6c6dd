"""Filters: a person's find-and-replace rules, and how much of them one may have.

A rule says otherwise what it finds. Rules are carried out one after the other, each on
what the one before has left, and always in the same order, so that the same rules over
the same text give the same text.
"""

import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from lectern.accounts.limits import Limits
from lectern.errors import InvalidRequest, LimitReached
from lectern.ids import digest

SCHEME = "1"
"""Raise to filter every document anew, when what a rule does has changed."""
NAME_CHARS = 80
LANGUAGES = 20
"""Of one rule."""
MOST_RULES = 1_000
"""Of one person, in all filters together: so many may bear on each document."""


class RuleKind(StrEnum):
    """How what a rule looks for is written."""

    WORDS = "words"  # letter by letter; blanks stand for any white space
    PATTERN = "pattern"  # a regular expression as RE2 understands it


class Where(StrEnum):
    """What a rule changes."""

    SPOKEN = "spoken"  # what is said; the text stays on the page as it is
    SHOWN = "shown"  # the text itself, and with it what is said


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to find, and what is said (or shown) instead of it."""

    find: str
    replacement: str = ""  # a pattern's may hold \\1 or \\g<name>; empty: leave out
    kind: RuleKind = RuleKind.WORDS
    is_case_sensitive: bool = False
    is_whole_words: bool = True  # nothing but whole words is found
    languages: tuple[str, ...] = ()  # BCP 47 primary tags; empty: all
    is_enabled: bool = True
    where: Where = Where.SPOKEN

    def is_for(self, language: str) -> bool:
        """Whether the rule bears on text of a language."""
        return not self.languages or language in self.languages


@dataclass(frozen=True, slots=True)
class Filter:
    """Rules that belong together, under a name."""

    name: str
    rules: tuple[Rule, ...] = ()
    is_enabled: bool = True


def active_rules(filters: Iterable[Filter]) -> Iterator[Rule]:
    """Yield the rules that are switched on, in their order."""
    for one in filters:
        if one.is_enabled:
            yield from (rule for rule in one.rules if rule.is_enabled)


def rules_digest(rules: Iterable[Rule]) -> str:
    """Return one name for rules in their order; empty when there are none."""
    said = [
        [
            rule.find,
            rule.replacement,
            rule.kind,
            rule.is_case_sensitive,
            rule.is_whole_words,
            list(rule.languages),
            rule.where,
        ]
        for rule in rules
    ]
    return digest(SCHEME, json.dumps(said)) if said else ""


def cleaned(wanted: Filter, limits: Limits) -> Filter:
    """Return a filter as it is kept: names trimmed, letters in one form.

    Raises:
        InvalidRequest: A name or something to find is missing, or cannot be written.
        LimitReached: A name, a pattern or a replacement is too long.
    """
    name = " ".join(wanted.name.split())
    if not name:
        raise InvalidRequest("A filter needs a name. Give it one.")
    _check_length(name, NAME_CHARS, "The name of a filter")
    if len(wanted.rules) > limits.filter_rules:
        raise LimitReached(
            f"This filter has {len(wanted.rules):,} rules; one may have "
            f"{limits.filter_rules:,}. Make two of it.",
            used=len(wanted.rules),
            limit=limits.filter_rules,
        )
    rules = tuple(_cleaned_rule(rule, limits) for rule in wanted.rules)
    return Filter(name, rules, wanted.is_enabled)


def _cleaned_rule(rule: Rule, limits: Limits) -> Rule:
    find = unicodedata.normalize("NFC", rule.find)
    if rule.kind is RuleKind.WORDS:
        find = " ".join(find.split())
    if not find:
        raise InvalidRequest("A rule needs something to look for. Write it down.")
    replacement = unicodedata.normalize("NFC", rule.replacement)
    _check_length(find, limits.pattern_chars, "What a rule looks for")
    _check_length(replacement, limits.pattern_chars, "A replacement")
    for text in (find, replacement):
        if any(unicodedata.category(char) == "Cs" for char in text):
            raise InvalidRequest("A rule holds half a character. Write it anew.")
    if len(rule.languages) > LANGUAGES:
        raise InvalidRequest(
            f"A rule may name {LANGUAGES} languages. Leave them out for all."
        )
    languages = tuple(sorted({tag.split("-")[0].lower() for tag in rule.languages}))
    return Rule(
        find,
        replacement,
        rule.kind,
        is_case_sensitive=rule.is_case_sensitive,
        is_whole_words=rule.is_whole_words,
        languages=languages,
        is_enabled=rule.is_enabled,
        where=rule.where,
    )


def _check_length(text: str, limit: int, what: str) -> None:
    if len(text) > limit:
        raise LimitReached(
            f"{what} may have {limit:,} characters; this one has {len(text):,}.",
            used=len(text),
            limit=limit,
        )
