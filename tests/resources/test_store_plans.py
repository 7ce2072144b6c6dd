"""No question of the stores reads a whole table that grows.

The plans are those of a small database. A database would rightly scan a small table,
so PostgreSQL is told to do so only where nothing else leads to the rows.
"""

import pytest
from sqlalchemy import Connection, Constraint, UniqueConstraint, text

from lectern.settings import Settings
from resources.services import Services
from resources.stores.schema import metadata
from tests.support.filled import NOW, Size, fill
from tests.support.hot_queries import HotQueries, full_scans, listened

SIZE = Size(documents=300, links=3000)
STAY_SMALL = {"claim", "voice", "voice_guest", "batch", "upload", "api_token"}
"""Tables that hold what is being done just now, or what a few people set up."""


@pytest.fixture
def filled(stored: Settings) -> Services:
    """Return services over a small library of some people, and their statistics."""
    services = Services.open(stored, clock=lambda: NOW)
    fill(services.database, SIZE)
    return services


def test_no_question_reads_a_growing_table_from_end_to_end(filled: Services) -> None:
    found: dict[str, list[str]] = {}
    for name, call in HotQueries(filled, SIZE).all().items():
        with listened(filled.database) as statements:
            call()
        assert statements.sent, f"“{name}” asks the database nothing"
        with filled.database.read() as connection:
            _prefer_indices(connection)
            scans = {
                scan
                for statement, values in statements.sent
                for scan in full_scans(connection, statement, values)
            }
        if grown := sorted(scan for scan in scans if not _is_of_a_small_table(scan)):
            found[name] = grown
    filled.close()

    assert found == {}


def test_a_scan_is_seen(filled: Services) -> None:
    """What finds nothing wrong with any question must be able to."""
    with filled.database.read() as connection:
        _prefer_indices(connection)
        for question in (
            "SELECT title FROM document WHERE word_count = 3",
            "SELECT d.title FROM document d JOIN job j ON j.message = d.title",
            "SELECT count(*) FROM variant",
        ):
            assert full_scans(connection, question, ()), question
        indexed = "SELECT title FROM document WHERE id = 'x'"
        assert full_scans(connection, indexed, ()) == []
    filled.close()


def test_whatever_is_deleted_with_a_row_is_found_by_an_index() -> None:
    """Else deleting one document would read every cursor and every bookmark."""
    for table in metadata.tables.values():
        ways = [
            list(table.primary_key.columns),
            *(list(i.columns) for i in table.indexes),
            *(list(one.columns) for one in table.constraints if _is_unique(one)),
        ]
        for key in table.foreign_key_constraints:
            columns = list(key.columns)
            found = any(way[: len(columns)] == columns for way in ways)
            assert found, f"{table.name} by {columns}"


def _is_unique(constraint: Constraint) -> bool:
    """Whether a constraint is kept by an index."""
    return isinstance(constraint, UniqueConstraint)


def _prefer_indices(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        for way in ("seqscan", "hashjoin", "mergejoin"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))


def _is_of_a_small_table(scan: str) -> bool:
    words = scan.replace("Seq Scan ", "SCAN ").split()
    return words[0] == "SCAN" and words[1] in STAY_SMALL
