"""The ledger's rules: what an entry, a hold, a credit and a balance are.

    grant ──→ balance ──→ reserve (held) ──→ settle (use)   what was really made
                                         └─→ release        failed, cancelled, cached

Every change of a balance is an entry that is never changed again, and each has its
counterpart on the account of the house: the deltas of a unit add up to 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from lectern.accounts.units import Unit
from lectern.ids import OwnerId

HOUSE = OwnerId("@house")
"""The account that gives what people are granted and takes what they use."""

Amounts = Mapping[Unit, int]


class EntryKind(StrEnum):
    """Why a balance changed; the value is stored."""

    GRANT = "grant"
    USE = "use"
    REFUND = "refund"  # of use
    EXPIRE = "expire"  # of a credit
    ADJUST = "adjust"  # by an operator, or a gauge that was read


class HoldState(StrEnum):
    """What became of what was set aside; the value is stored."""

    OPEN = "open"
    SETTLED = "settled"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one balance."""

    id: int
    key: str  # of the operation: the same key changes a balance once
    owner_id: OwnerId
    unit: Unit
    delta: int
    kind: EntryKind
    ref: str  # what it was for: a document, a job, a reason in words
    at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """What somebody has of one unit."""

    unit: Unit
    balance: int
    held: int  # set aside for work that is being done
    floor: int | None  # None: no bound

    @property
    def left(self) -> int | None:
        """Return what may still be reserved, 0 at least; None without a bound."""
        if self.floor is None:
            return None
        return max(0, self.balance - self.held - self.floor)

    @property
    def is_below_floor(self) -> bool:
        """Whether more was used than there was."""
        return self.floor is not None and self.balance < self.floor


@dataclass(frozen=True, slots=True)
class Credit:
    """An amount that was granted, and what remains of it."""

    id: int
    source: str  # "month:2026-11", "rollover:…", or the key of a grant
    amount: int
    remaining: int
    expires_at: datetime | None  # None: never

    def has_expired(self, now: datetime) -> bool:
        """Whether what remains is gone."""
        return self.expires_at is not None and self.expires_at <= now


def waterfall(credits_: Sequence[Credit], spent: int) -> list[Credit]:
    """Return credits after so much was spent: what expires first is used first.

    What no credit covers is debt, and stays in the balance alone.
    """
    never = datetime.max.replace(tzinfo=UTC)
    after = []
    for credit in sorted(credits_, key=lambda one: (one.expires_at or never, one.id)):
        taken = min(max(0, spent), credit.remaining)
        spent -= taken
        after.append(replace(credit, remaining=credit.remaining - taken))
    return after


def to_expire(
    credits_: Sequence[Credit], *, held: int, now: datetime
) -> list[tuple[Credit, int]]:
    """Return what of which credit is gone now. What is held is left until settled:
    it was set aside while it was good, from what expires first."""
    gone = []
    for credit in credits_:
        if credit.has_expired(now) and credit.remaining:
            kept = min(held, credit.remaining)
            held -= kept
            if credit.remaining > kept:
                gone.append((credit, credit.remaining - kept))
    return gone
