"""Does the ledger overspend, and how long does a reservation take?

Eight at once (processes on PostgreSQL; threads on SQLite, whose writers queue in the
process) reserve, settle, release, repeat themselves and grant, at random, on a
few accounts that are nearly used up; then the books are checked. Beside it, in the same
run, the naive way: look whether there is enough, then write.

    nice -n -10 python -m bench.ledger --operations 100000
"""

import argparse
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from lectern.accounts.allowances import Allowance
from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.errors import AllowanceUsedUp
from lectern.ids import OwnerId
from resources.stores.database import Database
from resources.stores.ledger import Ledger
from resources.stores.ledger_checks import mismatches
from resources.stores.migrations import migrate
from tests.support.postgres import running_postgres, server_folder

PROCESSES = 8
PEOPLE = 20
ALLOWANCE = 20_000
CHARS = Unit.TTS_CHARS
GOAL_MS = 10.0
NAIVE_ROUNDS = 150


@dataclass
class Counts:
    """What one process did."""

    spans_ms: list[float] = field(default_factory=list)  # of each reservation
    granted: int = 0
    refused: int = 0


def open_ledger(url: str) -> tuple[Database, Ledger]:
    """Return the ledger of a database in which everybody has the same allowance."""
    database = Database(url)
    allowances = {CHARS: Allowance(ALLOWANCE)}
    return database, Ledger(database, allowances=lambda _who, _its: allowances)


def person(random_: random.Random) -> Principal:
    """Return somebody, some of them much oftener than others."""
    return Principal(
        OwnerId(f"person-{min(random_.randrange(PEOPLE), random_.randrange(PEOPLE))}")
    )


def work_alone(url: str, number: int, operations: int) -> Counts:
    """Do random operations in a process of its own."""
    database, ledger = open_ledger(url)
    counts = work(ledger, number, operations)
    database.close()
    return counts


def work(ledger: Ledger, number: int, operations: int) -> Counts:
    """Do random operations; one in ten is done twice, as by a retry."""
    random_, counts = random.Random(number), Counts()
    held: list[tuple[Principal, str, int]] = []
    for count in range(operations):
        choice = random_.random()
        if choice < 0.5 or not held:
            who, amount = person(random_), random_.randrange(1, 200)
            key = f"work-{number}-{count}"
            began = time.perf_counter()
            try:
                ledger.reserve(who, {CHARS: amount}, key=key)
                counts.granted += 1
                held.append((who, key, amount))
            except AllowanceUsedUp:
                counts.refused += 1
            counts.spans_ms.append((time.perf_counter() - began) * 1000)
        elif choice < 0.95:
            who, key, amount = held.pop(random_.randrange(len(held)))
            times = 1 + (random_.random() < 0.1)
            for _ in range(times):
                if choice < 0.8:
                    ledger.settle(who, {CHARS: random_.randrange(amount + 1)}, key=key)
                else:
                    ledger.release(who, [key])
        else:
            who = person(random_)
            key = f"gift-{number}-{count}"
            ledger.grant(who, CHARS, random_.randrange(1, 300), key=key, reason="")
    for who, key, _amount in held[: len(held) // 2]:
        ledger.release(who, [key])
    return counts


def at_once(url: str, operations: int) -> list[Counts]:
    """Run all eight; return what each did."""
    each = operations // PROCESSES
    if url.startswith("sqlite"):
        database, ledger = open_ledger(url)
        with ThreadPoolExecutor(PROCESSES) as threads:
            done = [
                threads.submit(work, ledger, number, each)
                for number in range(PROCESSES)
            ]
        database.close()
        return [one.result() for one in done]
    arguments = [(url, number, each) for number in range(PROCESSES)]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        return pool.starmap(work_alone, arguments)


def naive_work(url: str, number: int) -> int:
    """Look whether there is enough, then write: as one would at first."""
    database, done = Database(url), 0
    for _ in range(NAIVE_ROUNDS):
        with database.read() as reading:
            used = reading.scalar(text("SELECT coalesce(sum(amount), 0) FROM naive"))
        if (used or 0) + 100 <= 10_000:
            with database.write() as writing:
                writing.execute(text("INSERT INTO naive VALUES (100)"))
            done += 1
    database.close()
    return done


def naive(url: str) -> int:
    """Return by how much the naive way overspends 10,000 in pieces of 100."""
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE naive (amount integer)"))
    database.close()
    arguments = [(url, number) for number in range(PROCESSES)]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        return sum(pool.starmap(naive_work, arguments)) * 100 - 10_000


def overspent(database: Database) -> int:
    """Return how many accounts are below their floor: nothing here runs over."""
    query = "SELECT count(*) FROM ledger_account WHERE balance - held < floor"
    with database.read() as connection:
        return int(connection.scalar(text(query)) or 0)


def measure(kind: str, url: str, operations: int) -> bool:
    """Measure one database; tell whether all is as it must be."""
    database, ledger = open_ledger(url)
    migrate(database)
    began = time.perf_counter()
    counts = at_once(url, operations)
    seconds = time.perf_counter() - began
    wrong, below = mismatches(database), overspent(database)
    for number in range(PEOPLE):
        who = Principal(OwnerId(f"person-{number}"))
        ledger.grant(who, CHARS, 10_000, key="for the paced", reason="")
    among, calm = paced(ledger), alone(ledger)
    database.close()
    spans = sorted(span for one in counts for span in one.spans_ms)
    granted = sum(one.granted for one in counts)
    refused = sum(one.refused for one in counts)
    print(
        f"{kind}: {operations:,} operations by {PROCESSES} at once in {seconds:.0f} s"
    )
    print(
        f"  reserved {granted:,}, refused {refused:,}, "
        f"overspent accounts {below}, mismatches {len(wrong)}"
    )
    told("reserve among eight that never pause", spans, has_goal=False)
    told("reserve among eight at 130 a second", among)
    told("reserve alone", calm)
    print(f"  naive check-then-insert overspends 10,000 by {naive(url):,}")
    return not wrong and not below


def alone(ledger: Ledger) -> list[float]:
    """Return how long reservations take that nobody else is in the way of."""
    spans = []
    for count in range(500):
        who = Principal(OwnerId(f"calm-{count % 50}"))
        began = time.perf_counter()
        with suppress(AllowanceUsedUp):
            ledger.reserve(who, {CHARS: 1}, key=f"calm-{count}")
        spans.append((time.perf_counter() - began) * 1000)
    return sorted(spans)


def paced(ledger: Ledger) -> list[float]:
    """Return how long reservations take among eight who pause now and then."""

    def ask(number: int) -> list[float]:
        random_, spans = random.Random(number), []
        for count in range(80):
            time.sleep(random_.uniform(0.0, 0.12))
            began = time.perf_counter()
            ledger.reserve(person(random_), {CHARS: 1}, key=f"paced-{number}-{count}")
            spans.append((time.perf_counter() - began) * 1000)
        return spans

    with ThreadPoolExecutor(PROCESSES) as threads:
        return sorted(
            one for some in threads.map(ask, range(PROCESSES)) for one in some
        )


def told(what: str, spans_ms: list[float], *, has_goal: bool = True) -> None:
    """Print how long something took."""
    p95 = spans_ms[int(len(spans_ms) * 0.95)]
    verdict = f"goal ≤ {GOAL_MS:.0f} ms  {'ok' if p95 <= GOAL_MS else 'MISSED'}"
    print(
        f"  {what}: p50 {statistics.median(spans_ms):.2f} ms, p95 {p95:.2f} ms  "
        f"{verdict if has_goal else ''}"
    )


def main() -> int:
    """Measure both databases; 1 when the books do not balance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=100_000)
    operations = parser.parse_args().operations
    is_right = True
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {"SQLite": f"sqlite:///{folder / 'ledger.sqlite3'}"}
        if server_folder() is not None:
            server = stack.enter_context(running_postgres(is_durable=True))
            urls["PostgreSQL"] = stack.enter_context(server.database())
        for kind, url in urls.items():
            is_right = measure(kind, url, operations) and is_right
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
