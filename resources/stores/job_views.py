"""Saved views of the history: a filter with a name, each person's own."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import delete, func, select, update

from lectern.accounts.people import Principal
from lectern.errors import InvalidRequest, LimitReached, NameTaken, NotFound
from lectern.jobs.history import BUILT_IN, NAME_CHARS, JobFilter
from resources.stores.database import Database
from resources.stores.schema_jobs import job_view
from resources.stores.upsert import insert_if_new

VIEWS = 50
"""Of one person."""

_view = job_view.c


@dataclass(frozen=True, slots=True)
class JobView:
    """A filter that somebody named."""

    id: str
    name: str
    filter: JobFilter


class JobViews:
    """The table of saved views."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, principal: Principal) -> Sequence[JobView]:
        """Return a person's views by name. One of another version is left out."""
        query = select(job_view).where(_view.owner_id == principal.owner_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_view.name)).mappings().all()
        found = []
        for row in rows:
            try:
                wanted = JobFilter.model_validate(row["filter"])
            except ValidationError:
                continue
            found.append(JobView(row["id"], row["name"], wanted))
        return found

    def save(self, principal: Principal, name: str, wanted: JobFilter) -> JobView:
        """Keep a filter under a name.

        Raises:
            InvalidRequest: The name is empty or too long.
            LimitReached: The person has as many as one may have.
            NameTaken: There is a view of that name.
        """
        view = JobView(uuid.uuid4().hex, _clean(name), wanted)
        row = {
            "id": view.id,
            "owner_id": principal.owner_id,
            "name": view.name,
            "filter": wanted.model_dump(mode="json"),
            "created_at": self._database.now(),
        }
        own = select(func.count()).where(_view.owner_id == principal.owner_id)
        with self._database.write() as connection:
            if (connection.scalar(own) or 0) >= VIEWS:
                raise LimitReached(
                    f"You have {VIEWS} views, the most one person may have. Delete "
                    "one to save another.",
                    limit=VIEWS,
                )
            if not insert_if_new(connection, job_view, row):
                raise _taken(view.name)
        return view

    def rename(self, principal: Principal, view_id: str, name: str) -> None:
        """Give a view another name.

        Raises:
            InvalidRequest: The name is empty or too long.
            NameTaken: There is a view of that name.
            NotFound: There is no such view of this person.
        """
        clean = _clean(name)
        other = job_view.alias("other")
        is_taken = (
            select(other.c.id)
            .where(other.c.owner_id == principal.owner_id, other.c.name == clean)
            .where(other.c.id != view_id)
        )
        mine = (_view.id == view_id) & (_view.owner_id == principal.owner_id)
        with self._database.write() as connection:
            if connection.scalar(is_taken) is not None:
                raise _taken(clean)
            statement = update(job_view).where(mine).values(name=clean)
            if connection.execute(statement).rowcount != 1:
                raise _no_such_view()

    def change(self, principal: Principal, view_id: str, wanted: JobFilter) -> None:
        """Have a view show something else.

        Raises:
            NotFound: There is no such view of this person.
        """
        mine = (_view.id == view_id) & (_view.owner_id == principal.owner_id)
        stored = wanted.model_dump(mode="json")
        with self._database.write() as connection:
            statement = update(job_view).where(mine).values(filter=stored)
            if connection.execute(statement).rowcount != 1:
                raise _no_such_view()

    def delete(self, principal: Principal, view_id: str) -> None:
        """Forget a view.

        Raises:
            NotFound: There is no such view of this person.
        """
        mine = (_view.id == view_id) & (_view.owner_id == principal.owner_id)
        with self._database.write() as connection:
            if connection.execute(delete(job_view).where(mine)).rowcount != 1:
                raise _no_such_view()


def _clean(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > NAME_CHARS:
        raise InvalidRequest(f"A view needs a name of 1 to {NAME_CHARS} characters.")
    if clean.casefold() in {built_in.casefold() for built_in in BUILT_IN}:
        raise _taken(clean)
    return clean


def _taken(name: str) -> NameTaken:
    return NameTaken(f"There is a view “{name}” already. Choose another name.")


def _no_such_view() -> NotFound:
    return NotFound("There is no such view. It may have been deleted.")
