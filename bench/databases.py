"""Play → first sound on PostgreSQL and on SQLite, turn by turn on one machine.

Starts `lectern serve` on each, and plays a new text on one and then on the other, so
that whatever else the machine does falls on both. The part before the first line of
user code is told by the job's own times.
"""

import argparse
import random
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.product import Listener, first_sounds, report
from lectern.accounts.people import LOCAL
from lectern.jobs.states import JobKind
from resources.services import Services
from tests.support.drill import settings_of
from tests.support.postgres import running_postgres
from tests.support.product import running

GOAL_SECONDS = 0.1
"""PostgreSQL may be slower by this at most."""


def starts(services: Services, count: int) -> list[float]:
    """Return the times from a listening job to its run's first line of user code."""
    jobs = services.jobs.list(LOCAL, kinds=[JobKind.LISTEN], limit=count)
    return [
        (job.started_at - job.created_at).total_seconds()
        for job in jobs
        if job.started_at is not None
    ]


def main() -> int:
    """Measure both; 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    rounds = parser.parse_args().rounds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running_postgres(is_durable=True))
        address = stack.enter_context(server.database())
        wanted = {"SQLite": None, "PostgreSQL": address}
        listeners, services = {}, {}
        for kind, url in wanted.items():
            named = {} if url is None else {"database_url": url}
            quick = {"speech__keep_warm_seconds": "2", "sample_document": "false"}
            product = stack.enter_context(running(folder / kind, **named, **quick))
            settings = settings_of(product).model_copy(update={"database_url": url})
            listeners[kind], services[kind] = Listener(product), Services.open(settings)
        random_ = random.Random(20261121)
        found: dict[str, list[float]] = {kind: [] for kind in wanted}
        for round_ in range(rounds + 1):
            for kind, listener in listeners.items():
                seconds = first_sounds(listener, random_, 1)
                found[kind] += seconds if round_ else []
        for kind, seconds in found.items():
            report(f"play → first sound on {kind}", seconds, "")
            report(
                f"  of it to user code on {kind}", starts(services[kind], rounds), ""
            )
            services[kind].close()
    medians = {kind: statistics.median(seconds) for kind, seconds in found.items()}
    slower = medians["PostgreSQL"] - medians["SQLite"]
    verdict = "ok" if slower <= GOAL_SECONDS else "MISSED"
    print(f"PostgreSQL is slower by {slower:.2f} s  goal ≤ {GOAL_SECONDS} s  {verdict}")
    return 0 if slower <= GOAL_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
