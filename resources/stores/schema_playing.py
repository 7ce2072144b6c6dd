"""The table of how listening goes, beside ``schema.py``."""

from sqlalchemy import BigInteger, Column, Integer, String, Table

from resources.stores.columns import metadata

# A histogram of waits: how many were up to a bound and beyond the bound before, and
# under the bound ``TOTAL`` their sum. About nobody, some dozens of rows for ever.
playing_tally = Table(
    "playing_tally",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("bound_ms", Integer, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
)
