"""Retention carried out: what there is, what goes by the rules, and deleting it."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lectern.ids import OwnerId
from lectern.operations.retention import Item, Kind, Plan, Policy, Shortfall, plan
from lectern.settings_retention import Retention
from resources.stores.blob_contract import Blobs
from resources.stores.clock_watch import ClockWatch
from resources.stores.database import Database
from resources.stores.discarding import Discarding
from resources.stores.joblog import JobLog
from resources.stores.stock import Stock

if TYPE_CHECKING:
    from resources.services import Services

PlanName = Callable[[OwnerId], str]


@dataclass(frozen=True, slots=True)
class Retained:
    """What was deleted by the rules, and which caps are not met even so."""

    deleted: Counter[Kind]
    deleted_bytes: int
    kept_after_all: int  # planned, and then in use
    cannot: tuple[Shortfall, ...]


class Retaining:
    """Plans and carries out what the rules ask for."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        joblog: JobLog,
        rules: Retention,
        *,
        plan_name: PlanName = lambda _owner: "",
    ) -> None:
        self._database = database
        self._stock = Stock(database, blobs, joblog)
        self._discarding = Discarding(database, joblog)
        self._rules = rules
        self._plan_name = plan_name

    def plan(self) -> Plan:
        """Return what would be deleted now, and why."""
        now = self._database.now()
        names: dict[OwnerId, str] = {}

        def policy_of(owner_id: OwnerId | None) -> Policy:
            if owner_id is None:
                return self._rules.policy(None)
            if owner_id not in names:
                names[owner_id] = self._plan_name(owner_id)
            return self._rules.policy(owner_id, names[owner_id])

        return plan(self._items(), policy_of, now)

    def carry_out(self, planned: Plan) -> Retained:
        """Delete what was planned and still may be; all else stays."""
        items = [deletion.item for deletion in planned.deletions]
        gone = self._discarding.discard(items, planned_at=planned.made_at)
        return Retained(
            deleted=Counter(item.kind for item in gone),
            deleted_bytes=sum(item.size_bytes for item in gone),
            kept_after_all=len(items) - len(gone),
            cannot=planned.cannot,
        )

    def _items(self) -> Iterator[Item]:
        """Yield what any rule may ask for; the rest need not be looked at."""
        for kind in Kind:
            if self._rules.is_bound(kind) and not self._is_audio_within(kind):
                yield from self._stock.of(kind)

    def _is_audio_within(self, kind: Kind) -> bool:
        """Whether audio is bound by a cap alone, and below it."""
        cap_bytes = self._rules.audio_bytes
        if kind is not Kind.AUDIO or self._rules.audio_days is not None:
            return False
        return cap_bytes is None or self._stock.audio_bytes() <= cap_bytes


def keep_within_rules(services: "Services") -> Retained | None:
    """Delete what the rules ask for; None, and nothing is deleted, while the clock is
    doubted: it is what tells how old anything is."""
    watch = ClockWatch(services.preferences)
    clock = watch.look(services.database.now())
    if not clock.is_steady:
        watch.put_off(clock)
        return None
    retaining = services.retaining()
    return retaining.carry_out(retaining.plan())
