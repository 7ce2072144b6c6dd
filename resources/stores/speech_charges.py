"""What speech costs: held with the claim of a sound, charged when the sound exists.

Both belong to the transaction that is there anyway. A sound exists if and only if it
was charged, whatever dies in between; and no block waits for a transaction more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from lectern.accounts.ledger import Amounts
from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.ids import NO_DOCUMENT, DocumentId, VariantKey, digest
from lectern.speech.variants import Outcome
from lectern.usage.quotes import MS_PER_CHAR
from resources.stores.ledger import Ledger

if TYPE_CHECKING:
    from resources.stores.variants import Claim, Completion


@dataclass(frozen=True, slots=True)
class Costs:
    """What making some variants may take, and on whose account."""

    principal: Principal
    by_key: Mapping[VariantKey, Amounts]


def expected(chars: int, price_micros: int | None) -> Amounts:
    """Return what speaking so many characters takes; a price not known is none."""
    return {
        Unit.TTS_CHARS: chars,
        Unit.TTS_MS: chars * MS_PER_CHAR,
        Unit.MICROS: price_micros or 0,
    }


def hold_for(
    ledger: Ledger, connection: Connection, costs: Costs, claims: list["Claim"]
) -> list["Claim"]:
    """Set aside what the claimed variants may take; return them, saying so.

    Raises:
        AllowanceUsedUp: There is not so much left.
    """
    wanted = {_hold_key(claim): costs.by_key[claim.key] for claim in claims}
    if not ledger.reserve_all(costs.principal, wanted, connection=connection):
        return claims
    return [replace(claim, held_for=costs.principal.owner_id) for claim in claims]


def charge(
    ledger: Ledger,
    connection: Connection,
    principal: Principal,
    document_id: DocumentId,
    *,
    made: Sequence["Completion"],
    refused: Sequence["Completion"],
    at: datetime,
) -> None:
    """Charge what now exists. What was there before and was lost is made for nothing,
    and so is what somebody else has made meanwhile."""
    new = [one for one in made if one.outcome is not Outcome.LOST]
    used = {
        Unit.TTS_CHARS: sum(one.link.chars for one in new),
        Unit.TTS_MS: sum(one.link.duration_ms for one in new),
        Unit.MICROS: sum(one.price_micros for one in new),
    }
    keys = [_hold_key(one.claim) for one in made]
    is_held = any(one.claim.held_for is not None for one in made)
    ledger.settle(
        principal,
        used,
        key=f"speech:{digest(*keys)}",
        ref="" if document_id == NO_DOCUMENT else f"document:{document_id}",
        holds=keys if is_held else (),
        at=at,
        connection=connection,
    )
    give_back(ledger, connection, [one.claim for one in refused])


def give_back(
    ledger: Ledger, connection: Connection, claims: Collection["Claim"]
) -> None:
    """Free what was set aside for claims that came to nothing."""
    owners = {claim.held_for for claim in claims if claim.held_for is not None}
    for owner_id in sorted(owners):
        keys = [_hold_key(claim) for claim in claims if claim.held_for == owner_id]
        ledger.release(Principal(owner_id), keys, connection=connection)


def _hold_key(claim: "Claim") -> str:
    """Return the name of a claim's hold: a claim has a token of its own."""
    return f"speech:{claim.key}:{claim.token}"
