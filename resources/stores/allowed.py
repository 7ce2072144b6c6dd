"""What somebody may still add, met in the transaction that adds it.

Every method first waits until nobody else counts this person's things: of two requests
that come at once and have room for one, one is refused.
"""

from datetime import timedelta

from sqlalchemy import Connection

from lectern.accounts.limits import Limits
from lectern.accounts.people import Principal
from lectern.errors import (
    DailyLimitReached,
    FileTooLarge,
    StorageUsedUp,
    TooManyDocuments,
    TooManyJobs,
    TooManyVoices,
)
from lectern.jobs.states import JobKind
from lectern.units import size
from resources.stores.daily_use import DailyUse
from resources.stores.measuring import (
    announced_bytes,
    count_documents,
    count_exports,
    count_jobs,
    count_voices,
    stored_bytes,
)
from resources.stores.one_at_a_time import hold_person
from resources.stores.person_limits import PersonLimits


class Allowed:
    """Sees that there is room for one more, last before it is added."""

    def __init__(self, limits: PersonLimits, daily: DailyUse) -> None:
        self.limits = limits
        self.daily = daily

    def document(
        self, connection: Connection, principal: Principal, *, size_bytes: int
    ) -> None:
        """See that a document may be added.

        Raises:
            TooManyDocuments: The person has as many as one may have.
            StorageUsedUp: Its bytes would be more than one may keep.
        """
        limits = self._held(connection, principal)
        self._document_room(connection, principal, limits)
        self._require_bytes(connection, principal, limits, size_bytes)

    def upload(
        self,
        connection: Connection,
        principal: Principal,
        *,
        name: str,
        size_bytes: int,
    ) -> None:
        """See that a file may be sent: with what is being sent already, it has room.

        Raises:
            FileTooLarge: One file may not have so many bytes.
            TooManyDocuments: The person has as many documents as one may have.
            StorageUsedUp: Its bytes would be more than one may keep.
        """
        limits = self._held(connection, principal)
        if size_bytes > limits.upload_bytes:
            raise FileTooLarge(
                f"“{name}” has {size(size_bytes)}; one file may have "
                f"{size(limits.upload_bytes)}. Split it, or have the limit raised.",
                used=size_bytes,
                limit=limits.upload_bytes,
            )
        self._document_room(connection, principal, limits)
        if limits.stored_bytes is not None:
            on_its_way = announced_bytes(connection, principal.owner_id)
            self._require_bytes(connection, principal, limits, size_bytes + on_its_way)

    def voice(self, connection: Connection, principal: Principal) -> None:
        """See that a custom voice may be added.

        Raises:
            TooManyVoices: The person has as many as one may have.
        """
        limits = self._held(connection, principal)
        count = count_voices(connection, principal.owner_id)
        if count >= limits.voices:
            raise TooManyVoices(
                f"You have {count} voices, which is as many as one person may have. "
                "Delete one to make room.",
                used=count,
                limit=limits.voices,
            )

    def job(self, connection: Connection, principal: Principal, kind: JobKind) -> None:
        """See that work may be begun. To listen never is refused here.

        Raises:
            TooManyJobs: The person has as much unfinished work as one may have.
            DailyLimitReached: The person has made as many exports as one may in a day.
        """
        if kind is JobKind.LISTEN:
            return
        limits = self._held(connection, principal)
        if limits.jobs is not None:
            count = count_jobs(connection, principal.owner_id)
            if count >= limits.jobs:
                raise TooManyJobs(
                    f"{count} pieces of your work are not finished, as many as one "
                    "person may have. Wait until one is done, or stop one under "
                    "Activity.",
                    used=count,
                    limit=limits.jobs,
                )
        if kind is JobKind.EXPORT and limits.daily_exports is not None:
            self._require_export(connection, principal, limits.daily_exports)

    def _require_export(
        self, connection: Connection, principal: Principal, limit: int
    ) -> None:
        since = self.daily.began_at()
        count = count_exports(connection, principal.owner_id, since=since)
        if count >= limit:
            raise DailyLimitReached(
                f"You have made {count} exports today, as many as one person may. "
                f"{self.more_later()} Files that are made already can be downloaded.",
                used=count,
                limit=limit,
                retry_after_seconds=self.seconds_left(),
            )

    def _held(self, connection: Connection, principal: Principal) -> Limits:
        hold_person(connection, principal.owner_id)
        return self.limits.of(principal, connection=connection)

    def _document_room(
        self, connection: Connection, principal: Principal, limits: Limits
    ) -> None:
        count = count_documents(connection, principal.owner_id)
        if count >= limits.documents:
            raise TooManyDocuments(
                f"You have {count:,} documents; one person may have "
                f"{limits.documents:,}. Delete some to add another.",
                used=count,
                limit=limits.documents,
            )

    def _require_bytes(
        self,
        connection: Connection,
        principal: Principal,
        limits: Limits,
        wanted_bytes: int,
    ) -> None:
        if limits.stored_bytes is None or not wanted_bytes:
            return
        kept = stored_bytes(connection, principal.owner_id)
        if kept + wanted_bytes > limits.stored_bytes:
            raise StorageUsedUp(
                f"Your files have {size(kept)} of {size(limits.stored_bytes)}, so "
                f"{size(wanted_bytes)} more find no room. Delete some; what is deleted "
                "counts until it is removed for good.",
                used=kept,
                limit=limits.stored_bytes,
            )

    def seconds_left(self) -> float:
        """Return how long it is until a new day begins."""
        begins_at = self.daily.began_at() + timedelta(days=1)
        return (begins_at - self.daily.now()).total_seconds()

    def more_later(self) -> str:
        """Return when a new day begins, for people."""
        hours = round(self.seconds_left() / 3600)
        when = "within the hour" if hours < 1 else f"in {hours} hours"
        return f"A new day begins {when if hours != 1 else 'in an hour'}."
