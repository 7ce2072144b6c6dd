"""Filters: a person's find-and-replace rules, for one document or for all of them.

Every change makes a version, and the older ones can be looked at and brought back.
Whoever changes filters of a person first raises that person's row in
``text_filter_set``: changes of one person so come one after the other, on PostgreSQL
too, and a limit that was counted still holds when the row is written.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import (
    Connection,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from lectern.accounts.limits import Limits
from lectern.accounts.people import Principal
from lectern.documents.filter_files import RuleEntry
from lectern.documents.filter_patterns import compiled
from lectern.documents.filters import MOST_RULES, Filter, Rule, cleaned
from lectern.errors import InvalidRequest, LimitReached, NotFound
from lectern.ids import DocumentId
from resources.stores import schema, schema_filters
from resources.stores.database import Database
from resources.stores.filter_rows import (
    FilterVersion,
    KeptFilter,
    filter_of,
    is_mine,
    is_of,
    kept_filters,
    no_such_filter,
    own_filter,
)
from resources.stores.upsert import insert_new

KEPT_VERSIONS = 100
"""Of one filter; older ones are forgotten."""

_filter = schema_filters.text_filter.c
_version = schema_filters.text_filter_version.c
_set = schema_filters.text_filter_set.c

__all__ = ["FilterVersion", "Filters", "KeptFilter"]

LimitsOf = Callable[[Principal], Limits]


class Filters:
    """The tables of filters."""

    def __init__(self, database: Database, limits_of: LimitsOf) -> None:
        self._database = database
        self._limits_of = limits_of

    def all(
        self, principal: Principal, document_id: DocumentId | None = None
    ) -> list[KeptFilter]:
        """Return the filters of one document, or those for all documents, in order."""
        with self._database.read() as connection:
            return kept_filters(connection, is_mine(principal) & is_of(document_id))

    def count(self, principal: Principal) -> int:
        """Return how many filters somebody has."""
        query = select(func.count()).select_from(schema_filters.text_filter)
        with self._database.read() as connection:
            return connection.scalar(query.where(is_mine(principal))) or 0

    def bearing_on(
        self, principal: Principal, document_id: DocumentId
    ) -> list[KeptFilter]:
        """Return all filters of a document in order: those for all documents first."""
        both = or_(_filter.document_id.is_(None), _filter.document_id == document_id)
        with self._database.read() as connection:
            return kept_filters(connection, is_mine(principal) & both)

    def get(self, principal: Principal, filter_id: str) -> KeptFilter:
        """Return a filter.

        Raises:
            NotFound: This person has no such filter.
        """
        with self._database.read() as connection:
            return own_filter(connection, principal, filter_id)

    def add(
        self,
        principal: Principal,
        wanted: Filter,
        *,
        document_id: DocumentId | None = None,
    ) -> KeptFilter:
        """Keep a new filter, after those there are.

        Raises:
            InvalidRequest: A name or something to find is missing.
            BadPattern: A pattern cannot be used.
            LimitReached: It is too large, or one too many.
            NotFound: This person has no such document.
        """
        clean = self._checked(principal, wanted)
        limit = self._limits_of(principal).filters
        with self._database.write() as connection:
            self._take_turn(connection, principal)
            _require_document(connection, principal, document_id)
            _require_room(connection, principal, clean, limit=limit)
            filter_id = uuid.uuid4().hex
            last = select(func.max(_filter.position)).where(
                is_mine(principal), is_of(document_id)
            )
            row = {
                "id": filter_id,
                "owner_id": principal.owner_id,
                "document_id": document_id,
                "position": (connection.scalar(last) or 0) + 1,
                "version": 1,
            }
            connection.execute(insert(schema_filters.text_filter).values(row))
            self._add_version(connection, filter_id, 1, clean)
            return own_filter(connection, principal, filter_id)

    def change(
        self,
        principal: Principal,
        filter_id: str,
        wanted: Filter,
        *,
        version: int | None = None,
    ) -> KeptFilter:
        """Replace a filter by another version of it; the same again is none.

        With ``version`` only if that still is the one in force.

        Raises:
            InvalidRequest: Something is missing, or it was changed meanwhile.
            BadPattern: A pattern cannot be used.
            LimitReached: It is too large.
            NotFound: This person has no such filter.
        """
        clean = self._checked(principal, wanted)
        with self._database.write() as connection:
            self._take_turn(connection, principal)
            before = own_filter(connection, principal, filter_id)
            if version not in (None, before.version):
                raise InvalidRequest(
                    f"“{before.filter.name}” was changed meanwhile, in another window "
                    "or by another program. Load it again."
                )
            if clean == before.filter:
                return before
            _require_room(connection, principal, clean, instead_of=before)
            number = before.version + 1
            connection.execute(
                update(schema_filters.text_filter)
                .where(is_mine(principal), _filter.id == filter_id)
                .values(version=number)
            )
            self._add_version(connection, filter_id, number, clean)
            connection.execute(
                delete(schema_filters.text_filter_version).where(
                    _version.filter_id == filter_id,
                    _version.version <= number - KEPT_VERSIONS,
                )
            )
            return own_filter(connection, principal, filter_id)

    def delete(self, principal: Principal, filter_id: str) -> None:
        """Forget a filter and its versions.

        Raises:
            NotFound: This person has no such filter.
        """
        mine = is_mine(principal) & (_filter.id == filter_id)
        with self._database.write() as connection:
            self._take_turn(connection, principal)
            gone = connection.execute(delete(schema_filters.text_filter).where(mine))
            if gone.rowcount != 1:
                raise no_such_filter()

    def reorder(
        self,
        principal: Principal,
        filter_ids: Sequence[str],
        *,
        document_id: DocumentId | None = None,
    ) -> None:
        """Put the filters of one document, or those for all, in another order.

        Raises:
            InvalidRequest: It does not name each of them once.
        """
        with self._database.write() as connection:
            self._take_turn(connection, principal)
            mine = is_mine(principal) & is_of(document_id)
            there = connection.scalars(select(_filter.id).where(mine)).all()
            if sorted(there) != sorted(filter_ids):
                raise InvalidRequest(
                    "The order names other filters than there are. Load them again."
                )
            for position, filter_id in enumerate(filter_ids, start=1):
                this = update(schema_filters.text_filter)
                this = this.where(mine, _filter.id == filter_id)
                connection.execute(this.values(position=position))

    def versions(self, principal: Principal, filter_id: str) -> list[FilterVersion]:
        """Return a filter's versions, newest first.

        Raises:
            NotFound: This person has no such filter.
        """
        query = (
            select(schema_filters.text_filter_version)
            .where(_version.filter_id == filter_id)
            .order_by(_version.version.desc())
        )
        with self._database.read() as connection:
            own_filter(connection, principal, filter_id)
            rows = connection.execute(query).mappings()
            return [
                FilterVersion(row["version"], filter_of(row), row["created_at"])
                for row in rows
            ]

    def restore(self, principal: Principal, filter_id: str, version: int) -> KeptFilter:
        """Bring an older version back, as a new one.

        Raises:
            NotFound: There is no such filter or version.
        """
        for known in self.versions(principal, filter_id):
            if known.version == version:
                return self.change(principal, filter_id, known.filter)
        raise NotFound("There is no such version of the filter any more.")

    def add_rule(
        self,
        principal: Principal,
        rule: Rule,
        *,
        name: str,
        document_id: DocumentId | None = None,
    ) -> KeptFilter:
        """Put a rule into the filter of this name, which is made if need be.

        A rule that looks for the same is replaced, so that saying a word otherwise
        twice leaves one rule.
        """
        for kept in self.all(principal, document_id):
            if kept.filter.name == name:
                others = tuple(
                    r for r in kept.filter.rules if not _is_for_same(r, rule)
                )
                wanted = replace(kept.filter, rules=(*others, rule), is_enabled=True)
                return self.change(principal, kept.id, wanted, version=kept.version)
        return self.add(principal, Filter(name, (rule,)), document_id=document_id)

    def drop_rule(
        self,
        principal: Principal,
        rule: Rule,
        *,
        name: str,
        document_id: DocumentId | None = None,
    ) -> KeptFilter | None:
        """Take the rule that looks for the same out of the filter of this name.

        Return the filter, or None when it has no such rule.
        """
        for kept in self.all(principal, document_id):
            others = tuple(r for r in kept.filter.rules if not _is_for_same(r, rule))
            if kept.filter.name == name and others != kept.filter.rules:
                wanted = replace(kept.filter, rules=others)
                return self.change(principal, kept.id, wanted, version=kept.version)
        return None

    def _checked(self, principal: Principal, wanted: Filter) -> Filter:
        clean = cleaned(wanted, self._limits_of(principal))
        for rule in clean.rules:
            compiled(rule)
        return clean

    def _take_turn(self, connection: Connection, principal: Principal) -> None:
        """Let changes of one person's filters come one after the other."""
        row = {"owner_id": principal.owner_id, "revision": 0}
        table = schema_filters.text_filter_set
        insert_new(connection, table, [row], by=["owner_id"])
        mine = _set.owner_id == principal.owner_id
        connection.execute(update(table).where(mine).values(revision=_set.revision + 1))

    def _add_version(
        self, connection: Connection, filter_id: str, version: int, kept: Filter
    ) -> None:
        row = {
            "filter_id": filter_id,
            "version": version,
            "name": kept.name,
            "is_enabled": kept.is_enabled,
            "rules": [
                RuleEntry.of(rule).model_dump(mode="json") for rule in kept.rules
            ],
            "created_at": self._database.now(),
        }
        connection.execute(insert(schema_filters.text_filter_version).values(row))


def _is_for_same(one: Rule, other: Rule) -> bool:
    looks_for = [(rule.find.casefold(), rule.kind, rule.where) for rule in (one, other)]
    return looks_for[0] == looks_for[1]


def _require_document(
    connection: Connection, principal: Principal, document_id: DocumentId | None
) -> None:
    if document_id is None:
        return
    document = schema.document.c
    mine = select(document.id).where(
        document.id == document_id,
        document.owner_id == principal.owner_id,
        document.deleted_at.is_(None),
    )
    if connection.execute(mine).first() is None:
        raise NotFound("There is no such document. It may have been deleted.")


def _require_room(
    connection: Connection,
    principal: Principal,
    wanted: Filter,
    *,
    limit: int = 0,  # of filters
    instead_of: KeptFilter | None = None,
) -> None:
    others = [
        kept
        for kept in kept_filters(connection, is_mine(principal))
        if instead_of is None or kept.id != instead_of.id
    ]
    if instead_of is None and len(others) >= limit:
        raise LimitReached(
            f"You have {len(others):,} filters, and may have {limit:,}. Delete "
            "one, or put the rules into one that there is.",
            used=len(others),
            limit=limit,
        )
    rules = sum(len(kept.filter.rules) for kept in others) + len(wanted.rules)
    if rules > MOST_RULES:
        raise LimitReached(
            f"These would be {rules:,} rules; one person may have {MOST_RULES:,} "
            "in all filters together. Delete some first.",
            used=rules,
            limit=MOST_RULES,
        )
