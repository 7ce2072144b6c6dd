"""Filters as rows: what is asked of their tables, and what becomes of an answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from lectern.accounts.people import Principal
from lectern.documents.filter_files import RuleEntry
from lectern.documents.filters import Filter, Rule
from lectern.errors import NotFound
from lectern.ids import DocumentId
from resources.stores import schema_filters

_filter = schema_filters.text_filter.c
_version = schema_filters.text_filter_version.c


@dataclass(frozen=True, slots=True)
class KeptFilter:
    """A filter as it is now."""

    id: str
    document_id: DocumentId | None  # None: for all documents
    version: int  # from 1
    filter: Filter
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class FilterVersion:
    """A filter as it was at one time."""

    version: int
    filter: Filter
    made_at: datetime


def is_mine(principal: Principal) -> ColumnElement[bool]:
    """Tell a person's filters from those of others."""
    return _filter.owner_id == principal.owner_id


def is_of(document_id: DocumentId | None) -> ColumnElement[bool]:
    """Tell the filters of one document, or those for all documents."""
    return _filter.document_id == document_id  # None becomes IS NULL


def kept_filters(
    connection: Connection, which: ColumnElement[bool]
) -> list[KeptFilter]:
    """Return filters as they are now, in order."""
    query: Select[Any] = (
        select(
            _filter.id,
            _filter.document_id,
            _filter.version,
            _version.name,
            _version.is_enabled,
            _version.rules,
            _version.created_at,
        )
        .join(
            schema_filters.text_filter_version,
            (_version.filter_id == _filter.id) & (_version.version == _filter.version),
        )
        .where(which)
        .order_by(_filter.document_id.is_not(None), _filter.position, _filter.id)
    )
    return [_kept_of(row) for row in connection.execute(query).mappings()]


def own_filter(
    connection: Connection, principal: Principal, filter_id: str
) -> KeptFilter:
    """Return a filter of a person.

    Raises:
        NotFound: There is none.
    """
    found = kept_filters(connection, is_mine(principal) & (_filter.id == filter_id))
    if not found:
        raise no_such_filter()
    return found[0]


def no_such_filter() -> NotFound:
    """Return the error for a filter that is not there, or not theirs."""
    return NotFound("There is no such filter. It may have been deleted.")


def _kept_of(row: Mapping[Any, Any]) -> KeptFilter:
    return KeptFilter(
        id=row["id"],
        document_id=row["document_id"],
        version=row["version"],
        filter=filter_of(row),
        changed_at=row["created_at"],
    )


def filter_of(row: Mapping[Any, Any]) -> Filter:
    """Return the filter that a version's row holds."""
    return Filter(row["name"], tuple(_rules_of(row["rules"])), row["is_enabled"])


def _rules_of(entries: Iterable[Mapping[str, Any]]) -> Iterable[Rule]:
    return (RuleEntry.model_validate(entry).rule() for entry in entries)
