"""What may be deleted to keep within what was promised, in which order, and what not.

``plan`` decides and touches nothing: ``resources/retaining.py`` lists what there is,
and deletes what is planned, looking again in the transaction that deletes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from lectern.ids import OwnerId
from lectern.units import size


class Kind(StrEnum):
    """What something is to the person it belongs to."""

    SOURCE = "source"  # what was handed in: nobody can make it again
    DERIVED = "derived"  # what steps made of it
    EXPORT = "export"  # files that were made to be taken away
    AUDIO = "audio"  # sounds of blocks, which several people may share
    LOG = "log"  # what jobs wrote


class Held(StrEnum):
    """Why something is not deleted, whatever the rules say."""

    PIN = "pinned"
    LEASE = "being edited"
    RUN = "used by a running job"
    HEARD = "being listened to"
    PROMISED = "promised for longer"
    COMMON = "shared by many documents"
    NEEDED = "not to be made again"
    RULES = "never deleted by rule"


class Why(StrEnum):
    """What asks for something to be deleted."""

    AGE = "not used for long"
    KIND_CAP = "more of its kind than may be"
    TOTAL_CAP = "more in all than may be"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is kept, and that is deleted whole or not at all."""

    id: str
    kind: Kind
    owner_id: OwnerId | None  # None: nobody's own
    size_bytes: int
    used_at: datetime
    is_rebuildable: bool = True
    held: frozenset[Held] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """How long and how much of one kind is kept; None is without end."""

    days: int | None = None
    size_bytes: int | None = None

    @property
    def is_bound(self) -> bool:
        """Whether it can ask for anything to be deleted."""
        return self.days is not None or self.size_bytes is not None


UNBOUND = Rule()


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept of one person; of what is nobody's own, what is kept at all."""

    rules: Mapping[Kind, Rule] = field(default_factory=dict)
    total_bytes: int | None = None
    takes_sources: bool = False  # whether what was handed in may go, to the trash

    def rule(self, kind: Kind) -> Rule:
        """Return what holds for a kind."""
        return self.rules.get(kind, UNBOUND)

    def is_bound(self, kind: Kind) -> bool:
        """Whether anything of a kind can be asked for."""
        return self.rule(kind).is_bound or self.total_bytes is not None


@dataclass(frozen=True, slots=True)
class Deletion:
    """One thing to delete, and what asks for it."""

    item: Item
    why: Why


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A cap that cannot be met, as what is left is held."""

    owner_id: OwnerId | None
    kind: Kind | None  # None: all kinds together
    cap_bytes: int
    left_bytes: int
    held_bytes: Mapping[Held, int]  # what is held for several reasons, under each

    @property
    def message(self) -> str:
        """Return why it cannot be met, in words."""
        what = "Everything together" if self.kind is None else f"Kind “{self.kind}”"
        held = ", ".join(
            f"{size(bytes_)} {reason}" for reason, bytes_ in self.held_bytes.items()
        )
        return (
            f"{what} cannot be brought to {size(self.cap_bytes)}: "
            f"{size(self.left_bytes)} must stay ({held})."
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What to delete, in order, and which caps are not met even so."""

    made_at: datetime
    deletions: tuple[Deletion, ...]
    cannot: tuple[Shortfall, ...]

    @property
    def freed_bytes(self) -> int:
        """Return how much is deleted."""
        return sum(deletion.item.size_bytes for deletion in self.deletions)


PolicyOf = Callable[[OwnerId | None], Policy]


def plan(items: Iterable[Item], policy_of: PolicyOf, now: datetime) -> Plan:
    """Return what to delete: what can be made again first, and the oldest use first.

    Nothing that is held is ever among it. A cap takes no more than its order needs; one
    that is not met is told, with what stands against it.
    """
    of_owner: defaultdict[OwnerId | None, list[Item]] = defaultdict(list)
    for item in items:
        of_owner[item.owner_id].append(item)
    deletions: list[Deletion] = []
    cannot: list[Shortfall] = []
    for owner_id, own in of_owner.items():
        policy = policy_of(owner_id)
        gone, short = _plan_of(owner_id, _in_order(own, policy), policy, now)
        deletions += gone
        cannot += short
    deletions.sort(key=lambda deletion: _order(deletion.item))
    return Plan(now, tuple(deletions), tuple(cannot))


def _order(item: Item) -> tuple[bool, datetime, str]:
    return (not item.is_rebuildable, item.used_at, item.id)


def _in_order(own: list[Item], policy: Policy) -> list[Item]:
    """Return a person's things as they would go, sources held where rules keep them."""
    if not policy.takes_sources:
        own = [
            replace(item, held=item.held | {Held.RULES})
            if item.kind is Kind.SOURCE
            else item
            for item in own
        ]
    return sorted(own, key=_order)


def _plan_of(
    owner_id: OwnerId | None, own: Sequence[Item], policy: Policy, now: datetime
) -> tuple[list[Deletion], list[Shortfall]]:
    """Return the plan for one person's things, which are in order."""
    gone: dict[str, Deletion] = {}
    for item in own:
        days = policy.rule(item.kind).days
        is_old = days is not None and item.used_at <= now - timedelta(days=days)
        if is_old and not item.held:
            gone[item.id] = Deletion(item, Why.AGE)
    cannot = []
    for kind in Kind:
        of_kind = [item for item in own if item.kind is kind]
        cap_bytes = policy.rule(kind).size_bytes
        cannot += _meet(owner_id, kind, of_kind, cap_bytes, gone)
    cannot += _meet(owner_id, None, own, policy.total_bytes, gone)
    return list(gone.values()), cannot


def _meet(
    owner_id: OwnerId | None,
    kind: Kind | None,
    some: Sequence[Item],
    cap_bytes: int | None,
    gone: dict[str, Deletion],
) -> list[Shortfall]:
    """Add what must go to meet a cap; return the cap itself where it is not met."""
    if cap_bytes is None:
        return []
    left_bytes = sum(item.size_bytes for item in some if item.id not in gone)
    why = Why.TOTAL_CAP if kind is None else Why.KIND_CAP
    for item in some:
        if left_bytes <= cap_bytes:
            return []
        if item.id not in gone and not item.held and item.size_bytes:
            gone[item.id] = Deletion(item, why)
            left_bytes -= item.size_bytes
    if left_bytes <= cap_bytes:
        return []
    held_bytes: defaultdict[Held, int] = defaultdict(int)
    for item in some:
        for reason in sorted(item.held):
            held_bytes[reason] += item.size_bytes
    return [Shortfall(owner_id, kind, cap_bytes, left_bytes, dict(held_bytes))]
