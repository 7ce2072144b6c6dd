"""One text, rewritten in steps, that never forgets where its characters come from."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """``source[start:end]`` reads ``said`` instead."""

    start: int
    end: int
    said: str


class Rewriting:
    """A text on its way from its source through one replacement after another.

    What no replacement has found is kept, letter by letter; what was found twice, by a
    later one in the words of an earlier, is one change of all that both found.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.text = source  # as it reads by now
        self._changes: list[Change] = []

    @property
    def changes(self) -> tuple[Change, ...]:
        """What became of the source: in order, apart from each other."""
        return tuple(self._changes)

    def replace(self, found: Sequence[Change]) -> None:
        """Replace places of the text as it reads now: in order, apart, none empty."""
        if not found:
            return
        self._changes = list(self._merged(found))
        self.text = rewritten(self.source, self._changes)

    def _merged(self, found: Sequence[Change]) -> list[Change]:
        merged: list[Change] = []
        longer = 0  # by how much the text is longer than its source up to here
        for group in _groups(self._changes, found):
            start = group.low - longer
            longer += group.growth
            end = group.high - longer
            if group.found:
                said = _said(self.text, group)
            else:
                said = self.text[group.low : group.high]
            if said != self.source[start:end]:
                merged.append(Change(start, end, said))
        return merged


@dataclass(slots=True)
class _Group:
    """Changes of the source and new ones that overlap; places in the present text."""

    low: int
    high: int
    growth: int  # of the changes of the source
    found: list[Change]


def _groups(changes: Sequence[Change], found: Sequence[Change]) -> list[_Group]:
    """Return what belongs together, in order."""
    items: list[tuple[int, int, int, Change | None]] = []
    longer = 0
    for change in changes:
        growth = len(change.said) - (change.end - change.start)
        low = change.start + longer
        items.append((low, low + len(change.said), growth, None))
        longer += growth
    items += [(new.start, new.end, 0, new) for new in found]
    items.sort(key=lambda item: item[:2])
    groups: list[_Group] = []
    for low, high, growth, new in items:
        if not groups or low >= groups[-1].high:
            groups.append(_Group(low, high, 0, []))
        group = groups[-1]
        group.high = max(group.high, high)
        group.growth += growth
        if new is not None:
            group.found.append(new)
    return groups


def _said(text: str, group: _Group) -> str:
    moved = [
        Change(n.start - group.low, n.end - group.low, n.said) for n in group.found
    ]
    return rewritten(text[group.low : group.high], moved)


def rewritten(text: str, changes: Sequence[Change]) -> str:
    """Return a text after changes that stand in order and apart from each other."""
    parts: list[str] = []
    at = 0
    for change in changes:
        parts += (text[at : change.start], change.said)
        at = change.end
    parts.append(text[at:])
    return "".join(parts)
