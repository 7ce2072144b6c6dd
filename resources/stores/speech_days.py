"""Speech counted against the day: taken with the claim of a sound, in its transaction.

What was expected is taken before the sound is made and put right when it exists, so
that two runs of one person can never both take what is left once. Whoever dies in
between has taken what was expected: some seconds of that day.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.errors import DailyLimitReached
from lectern.ids import OwnerId
from lectern.speech.variants import Outcome
from resources.stores.allowed import Allowed
from resources.stores.speech_charges import Costs

if TYPE_CHECKING:
    from resources.stores.variants import Claim, Completion

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken of somebody's day for one sound."""

    owner_id: OwnerId
    ms: int


class SpeechDays:
    """What speech takes of people's days."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._daily = allowed.daily

    def take(
        self, connection: Connection, costs: Costs, claims: list["Claim"]
    ) -> list["Claim"]:
        """Take what the claimed sounds may last; return the claims, saying so. Whoever
        has no limit takes nothing before it is used.

        Raises:
            DailyLimitReached: There is not so much left of today.
        """
        principal = costs.principal
        limits = self._allowed.limits.of(principal, connection=connection)
        minutes = limits.daily_speech_minutes
        if minutes is None:
            return claims
        expected = {
            one.key: costs.by_key[one.key].get(Unit.TTS_MS, 0) for one in claims
        }
        total_ms, limit_ms = sum(expected.values()), minutes * MINUTE_MS
        owner_id = principal.owner_id
        if total_ms and not self._daily.take_within(
            connection, owner_id, Unit.TTS_MS, total_ms, limit=limit_ms
        ):
            raise self._used_up(minutes)
        return [
            replace(one, day=Taken(owner_id, expected[one.key]))
            if expected[one.key]
            else one
            for one in claims
        ]

    def _used_up(self, minutes: int) -> DailyLimitReached:
        return DailyLimitReached(
            f"{minutes:,} minutes of speech have been made for you today, as many as "
            f"one person may have. {self._allowed.more_later()} What is spoken already "
            "can be heard as before.",
            used=minutes,
            limit=minutes,
            retry_after_seconds=self._allowed.seconds_left(),
        )

    def settle(
        self,
        connection: Connection,
        principal: Principal,
        *,
        made: Sequence["Completion"],
        refused: Sequence["Completion"],
    ) -> None:
        """Count what was made as long as it is, in place of what was expected. What was
        there before and was lost is made for nothing."""
        new = [one for one in made if one.outcome is not Outcome.LOST]
        made_ms = sum(one.link.duration_ms for one in new)
        self._daily.add(connection, principal.owner_id, Unit.TTS_MS, made_ms)
        self.give_back(connection, [one.claim for one in (*made, *refused)])

    def give_back(self, connection: Connection, claims: Collection["Claim"]) -> None:
        """Give back what was taken for claims."""
        taken = [claim.day for claim in claims if claim.day is not None]
        for owner_id in sorted({one.owner_id for one in taken}):
            ms = sum(one.ms for one in taken if one.owner_id == owner_id)
            self._daily.add(connection, owner_id, Unit.TTS_MS, -ms)
