"""Filters as JSON: to take along, to give away, and as the API speaks of them."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, ValidationError

from lectern.contracts import Contract
from lectern.documents.filters import Filter, Rule, RuleKind, Where
from lectern.errors import InvalidRequest

FILE_BYTES = 1_000_000


class RuleEntry(Contract):
    """One rule as it is written down."""

    find: str
    replace: str = ""
    kind: RuleKind = RuleKind.WORDS
    case: bool = False
    whole_words: bool = True
    languages: tuple[str, ...] = ()
    enabled: bool = True
    where: Where = Where.SPOKEN

    def rule(self) -> Rule:
        """Return the rule."""
        return Rule(
            self.find,
            self.replace,
            self.kind,
            is_case_sensitive=self.case,
            is_whole_words=self.whole_words,
            languages=self.languages,
            is_enabled=self.enabled,
            where=self.where,
        )

    @classmethod
    def of(cls, rule: Rule) -> "RuleEntry":
        """Return how a rule is written down."""
        return cls(
            find=rule.find,
            replace=rule.replacement,
            kind=rule.kind,
            case=rule.is_case_sensitive,
            whole_words=rule.is_whole_words,
            languages=rule.languages,
            enabled=rule.is_enabled,
            where=rule.where,
        )


class FilterEntry(Contract):
    """One filter as it is written down."""

    name: str
    enabled: bool = True
    rules: tuple[RuleEntry, ...] = ()

    def filter(self) -> Filter:
        """Return the filter."""
        rules = tuple(entry.rule() for entry in self.rules)
        return Filter(self.name, rules, self.enabled)

    @classmethod
    def of(cls, one: Filter) -> "FilterEntry":
        """Return how a filter is written down."""
        rules = tuple(map(RuleEntry.of, one.rules))
        return cls(name=one.name, enabled=one.is_enabled, rules=rules)


class FilterFile(Contract):
    """Filters in their order."""

    lectern_filters: Literal[1] = 1
    filters: tuple[FilterEntry, ...] = Field(min_length=1)


def filters_to_json(filters: Iterable[Filter]) -> bytes:
    """Return filters as the bytes of a file."""
    file = FilterFile(filters=tuple(map(FilterEntry.of, filters)))
    return file.model_dump_json(indent=2).encode() + b"\n"


def filters_from_json(data: bytes) -> list[Filter]:
    """Return the filters of a file, as they are written there.

    Raises:
        InvalidRequest: It is too long, or not a file of filters.
    """
    if len(data) > FILE_BYTES:
        raise InvalidRequest(
            f"The file is longer than the {FILE_BYTES:,} bytes that filters may have."
        )
    try:
        file = FilterFile.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise InvalidRequest(
            f"This is not a file of filters: {place}: {problem['msg']}. Export one "
            "from the Filters page to see how it is written."
        ) from error
    return [entry.filter() for entry in file.filters]
