"""Retention never plans to delete what is in use, and says so when it cannot help."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
)

from lectern.ids import OwnerId
from lectern.operations.retention import (
    Held,
    Item,
    Kind,
    Plan,
    Policy,
    Rule,
    Why,
    plan,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANNE = OwnerId("anne")


def item(
    name: str,
    *,
    kind: Kind = Kind.EXPORT,
    mb: int = 1,
    days_ago: float = 0,
    is_rebuildable: bool = True,
    held: Held | None = None,
) -> Item:
    """Return something of Anne's."""
    return Item(
        name,
        kind,
        ANNE,
        mb * 1_000_000,
        NOW - timedelta(days=days_ago),
        is_rebuildable,
        frozenset({held} if held else ()),
    )


def names(planned: Plan) -> list[str]:
    """Return what is to be deleted, in order."""
    return [deletion.item.id for deletion in planned.deletions]


def under(policy: Policy, *items: Item) -> Plan:
    """Return the plan when everybody has the same policy."""
    return plan(items, lambda _owner: policy, NOW)


def test_without_rules_nothing_is_deleted() -> None:
    old = item("old", days_ago=10_000, mb=10_000)

    assert under(Policy(), old) == Plan(NOW, (), ())


def test_what_was_not_used_for_long_goes_by_its_kinds_rule() -> None:
    policy = Policy({Kind.EXPORT: Rule(days=30), Kind.LOG: Rule(days=90)})

    planned = under(
        policy,
        item("export", days_ago=31),
        item("newer", days_ago=29),
        item("log", kind=Kind.LOG, days_ago=31),
    )

    assert names(planned) == ["export"]
    assert planned.deletions[0].why is Why.AGE


def test_what_can_be_made_again_goes_first_and_then_the_oldest_use() -> None:
    policy = Policy(total_bytes=1_000_000, takes_sources=True)

    planned = under(
        policy,
        item("book", kind=Kind.SOURCE, days_ago=400, is_rebuildable=False),
        item("newer export", days_ago=1),
        item("older pages", kind=Kind.DERIVED, days_ago=2),
    )

    assert names(planned) == ["older pages", "newer export"]
    assert {deletion.why for deletion in planned.deletions} == {Why.TOTAL_CAP}


def test_a_cap_takes_no_more_than_it_needs() -> None:
    policy = Policy({Kind.EXPORT: Rule(size_bytes=2_000_000)})

    planned = under(policy, *(item(str(n), days_ago=n) for n in range(4)))

    assert names(planned) == ["3", "2"]


def test_what_was_handed_in_is_left_unless_the_rules_say_so() -> None:
    book = item("book", kind=Kind.SOURCE, days_ago=400, is_rebuildable=False)

    kept = under(Policy({Kind.SOURCE: Rule(days=1)}, total_bytes=0), book)
    taken = under(Policy({Kind.SOURCE: Rule(days=1)}, takes_sources=True), book)

    assert names(kept) == []
    assert "never deleted by rule" in kept.cannot[0].message
    assert names(taken) == ["book"]


def test_a_cap_that_cannot_be_met_is_told_with_what_stands_against_it() -> None:
    policy = Policy({Kind.EXPORT: Rule(size_bytes=1_000_000)})

    planned = under(
        policy,
        item("kept", mb=3, held=Held.PIN),
        item("open", mb=2, held=Held.LEASE),
        item("free", mb=1),
    )

    assert names(planned) == ["free"]
    [short] = planned.cannot
    assert short.message == (
        "Kind “export” cannot be brought to 1 MB: 5 MB must stay "
        "(3 MB pinned, 2 MB being edited)."
    )


def test_each_person_has_rules_and_caps_of_their_own() -> None:
    bob = OwnerId("bob")
    of_bob = Item("bob's", Kind.EXPORT, bob, 5_000_000, NOW - timedelta(days=9))

    def policy_of(owner: OwnerId | None) -> Policy:
        return Policy({Kind.EXPORT: Rule(days=1)}) if owner == bob else Policy()

    assert names(plan([item("a", days_ago=9), of_bob], policy_of, NOW)) == ["bob's"]


class Upkeep(RuleBasedStateMachine):
    """Documents are edited, pinned, worked on, used, and cleaned up, in any order."""

    things = Bundle("things")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.kept: dict[str, Item] = {}
        self.holds: dict[str, set[Held]] = {}
        self.lost: list[str] = []
        self.count = 0

    @rule(
        target=things,
        kind=st.sampled_from(Kind),
        size_bytes=st.integers(0, 5),
        owner=st.sampled_from([ANNE, OwnerId("bob"), None]),
    )
    def make(self, kind: Kind, size_bytes: int, owner: OwnerId | None) -> str:
        self.count += 1
        name = f"{self.count:03d}"
        can = kind is not Kind.SOURCE
        self.kept[name] = Item(name, kind, owner, size_bytes, self.now, can)
        self.holds[name] = set()
        return name

    @rule(name=things, held=st.sampled_from([Held.PIN, Held.LEASE, Held.RUN]))
    def begin(self, name: str, held: Held) -> None:
        """Pin it, open it in an editor, or start a job on it."""
        self.holds[name].add(held)

    @rule(name=things, held=st.sampled_from([Held.PIN, Held.LEASE, Held.RUN]))
    def end(self, name: str, held: Held) -> None:
        self.holds[name].discard(held)

    @rule(name=things)
    def use(self, name: str) -> None:
        if name in self.kept:
            old = self.kept[name]
            self.kept[name] = Item(
                name,
                old.kind,
                old.owner_id,
                old.size_bytes,
                self.now,
                old.is_rebuildable,
            )

    @rule(days=st.integers(1, 40))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(
        days=st.none() | st.integers(1, 30),
        kind_cap=st.none() | st.integers(0, 10),
        total=st.none() | st.integers(0, 20),
        takes_sources=st.booleans(),
    )
    def clean_up(
        self,
        days: int | None,
        kind_cap: int | None,
        total: int | None,
        takes_sources: bool,
    ) -> None:
        policy = Policy(
            {kind: Rule(days, kind_cap) for kind in Kind}, total, takes_sources
        )
        before = [
            Item(
                old.id,
                old.kind,
                old.owner_id,
                old.size_bytes,
                old.used_at,
                old.is_rebuildable,
                frozenset(self.holds[old.id]),
            )
            for old in self.kept.values()
        ]
        planned = plan(before, lambda _owner: policy, self.now)
        for deletion in planned.deletions:
            if self.holds[deletion.item.id]:
                self.lost.append(deletion.item.id)
            del self.kept[deletion.item.id]
        self.check_caps(planned, kind_cap, total)
        self.check_order(planned, before, takes_sources)
        again = plan(
            [one for one in before if one.id in self.kept],
            lambda _owner: policy,
            self.now,
        )
        assert not again.deletions, "a second look finds nothing more to delete"

    def check_caps(
        self, planned: Plan, kind_cap: int | None, total: int | None
    ) -> None:
        """The cap is reached, or “cannot” is said, and with reason."""
        told = {(short.owner_id, short.kind): short for short in planned.cannot}
        for owner in (ANNE, OwnerId("bob"), None):
            own = [one for one in self.kept.values() if one.owner_id == owner]
            for kind in (*Kind, None):
                cap = total if kind is None else kind_cap
                left = sum(
                    one.size_bytes for one in own if kind is None or one.kind is kind
                )
                is_met = cap is None or left <= cap
                assert is_met == ((owner, kind) not in told)
                if not is_met:
                    assert told[owner, kind].left_bytes >= left > 0
                    assert told[owner, kind].held_bytes

    def check_order(
        self, planned: Plan, before: list[Item], takes_sources: bool
    ) -> None:
        """For the total cap nothing goes while something before it could have gone."""
        by_cap = [d.item for d in planned.deletions if d.why is Why.TOTAL_CAP]
        for gone in by_cap:
            for left in before:
                is_free = not left.held and (
                    takes_sources or left.kind is not Kind.SOURCE
                )
                if left.owner_id == gone.owner_id and left.id in self.kept and is_free:
                    mine = (not gone.is_rebuildable, gone.used_at, gone.id)
                    other = (not left.is_rebuildable, left.used_at, left.id)
                    assert mine < other or not left.size_bytes

    @invariant()
    def nothing_in_use_was_deleted(self) -> None:
        assert self.lost == []


TestUpkeep = pytest.mark.filterwarnings("error")(Upkeep.TestCase)
Upkeep.TestCase.settings = settings(stateful_step_count=30)
