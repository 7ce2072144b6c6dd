"""What the stores' questions cost in a large library, on each database.

Fills a database past the stores, asks every hot question some times, and prints
medians, 95th percentiles and what a plan reads from end to end. Then what a block's
sound costs in a folder and on S3 (moto's, on loopback: a network adds its own time).

    python -m bench.stores --documents 100000 --links 10000000
    python -m bench.stores --on blobs
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lectern.settings import Settings
from resources.services import Services
from resources.stores.blob_contract import blob_hash
from resources.stores.blob_opening import blobs_at
from resources.stores.database import Database
from tests.support.filled import NOW, Size, fill
from tests.support.hot_queries import Call, HotQueries, full_scans, listened
from tests.support.postgres import running_postgres, server_folder
from tests.support.s3_server import s3_server

TIMES = 15
SOUND_BYTES = 46_000
"""Of a block of 12 seconds."""
SOUNDS = 200
SLOW_SECONDS = 2.0
"""Asked once when the first answer takes as long."""


@contextlib.contextmanager
def databases(folder: Path, chosen: str) -> Iterator[dict[str, str | None]]:
    """Yield the addresses of empty databases by kind; None is SQLite's default."""
    with contextlib.ExitStack() as stack:
        found: dict[str, str | None] = {}
        if chosen in ("sqlite", "both"):
            found["SQLite"] = None
        if chosen in ("postgresql", "both") and server_folder() is not None:
            server = stack.enter_context(running_postgres())
            server.execute("ALTER SYSTEM SET shared_buffers = '1GB'")
            server.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
            server.execute("ALTER SYSTEM SET maintenance_work_mem = '512MB'")
            server.control("restart")
            found["PostgreSQL"] = stack.enter_context(server.database())
        yield found


def measured_ms(call: Call) -> list[float]:
    """Return how long a question takes, asked again and again."""
    spent: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        call()
        spent.append((time.perf_counter() - began) * 1000)
        if spent[0] > SLOW_SECONDS * 1000:
            break
    return spent


def scans_of(services: Services, call: Call) -> list[str]:
    """Return what the plans of a question's statements read from end to end."""
    with listened(services.database) as statements:
        call()
    found: dict[str, None] = {}
    with services.database.read() as connection:
        for statement, values in statements.sent:
            found |= dict.fromkeys(full_scans(connection, statement, values))
    return list(found)


def measure(kind: str, settings: Settings, size: Size, only: str) -> None:
    """Fill one database, ask everything, and print."""
    services = Services.open(settings, clock=lambda: NOW)
    began = time.monotonic()
    fill(
        services.database,
        size,
        lambda table: print(f"  {time.monotonic() - began:6.0f} s  {table}"),
    )
    filled = time.monotonic() - began
    print(
        f"\n{kind}: {size.documents:,} documents, {size.links:,} links ({filled:.0f} s)"
    )
    print(f"{'':40}{'p50 ms':>10}{'p95 ms':>10}  read from end to end")
    for name, call in HotQueries(services, size).all().items():
        if only not in name:
            continue
        spent = measured_ms(call)
        worst = statistics.quantiles(spent, n=20)[-1] if len(spent) > 1 else spent[0]
        scans = "; ".join(scans_of(services, call))
        print(f"{name:40}{statistics.median(spent):10.2f}{worst:10.2f}  {scans}")
    services.close()


def measure_blobs(folder: Path) -> None:
    """Put and get blocks' sounds in each store, and print medians."""
    with s3_server() as server:
        url = f"s3://{server.bucket()}/library"
        settings = Settings(_env_file=None, data_dir=folder, s3=server.settings())
        database = Database(settings.database)
        stores = {
            "folder": blobs_at(str(folder / "blobs"), settings, database),
            "S3": blobs_at(url, settings, database),
        }
        cold = settings.s3.model_copy(update={"cache_dir": folder / "cold"})
        elsewhere = settings.model_copy(update={"s3": cold})
        rows: dict[str, list[float]] = {}
        for kind, store in stores.items():
            sounds = [os.urandom(SOUND_BYTES) for _ in range(SOUNDS)]
            rows[f"put, {kind}"] = [spent_ms(store.put, data) for data in sounds]
            names = [blob_hash(data) for data in sounds]
            rows[f"get, {kind}, here"] = [spent_ms(store.read, n) for n in names]
            if kind == "S3":
                fresh = blobs_at(url, elsewhere, database)
                rows["get, S3, fetched"] = [spent_ms(fresh.read, n) for n in names]
        database.close()
    print(f"\nBlobs of {SOUND_BYTES:,} bytes\n{'':40}{'p50 ms':>10}{'p95 ms':>10}")
    for name, spent in rows.items():
        worst = statistics.quantiles(spent, n=20)[-1]
        print(f"{name:40}{statistics.median(spent):10.2f}{worst:10.2f}")


def spent_ms(call: Callable[..., object], *given: object) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    call(*given)
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=int, default=10_000)
    options.add_argument("--links", type=int, default=1_000_000)
    options.add_argument(
        "--on", choices=("sqlite", "postgresql", "both", "blobs"), default="both"
    )
    options.add_argument("--only", default="", help="questions whose name has this")
    asked = options.parse_args()
    size = Size(asked.documents, asked.links)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        with databases(folder, asked.on) as found:
            for kind, address in found.items():
                settings = Settings(
                    _env_file=None,
                    data_dir=folder / kind,
                    database_url=address,
                    disk_reserve_bytes=0,
                )
                measure(kind, settings, size, asked.only)
        measure_blobs(folder / "stored")


if __name__ == "__main__":
    main()
