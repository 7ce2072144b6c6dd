"""Fifty people at once: how long each of them waits for a page.

    python -m bench.people [--people 50] [--seconds 60] [--pause 5]

`lectern serve` with accounts. Everybody has signed in, has documents of their own and
an open page; they go to another page some seconds after the last one was there, as
people do, while what is on the page keeps itself fresh. A third of them listens: their
players report where they are and fetch one sound after the other. A page takes from
asking to the last of its messages. The baseline is one person alone, in the same run.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import httpx
import psutil

from lectern.settings import Settings
from resources.services import Services
from tests.support.accounts import add_person, cookie_of
from tests.support.library import ready_document, voice_block
from tests.support.page_client import PageClient
from tests.support.product import Product, running

PAGES = ("library", "listen", "activity", "stats", "voices", "settings", "library")
DOCUMENTS = 20
GOAL_MS = 500
SOUND_SECONDS = 6.0
REPORT_SECONDS = 5.0
VOICE = "espeak:en-gb"
KEPT_VOICE = "espeak:de"  # of a sound that no run replaces while it is fetched
SOUND = b"OggS" + bytes(24_000)


@dataclass
class Waits:
    """How long people waited, in seconds."""

    pages: dict[str, list[float]] = field(default_factory=dict)
    fragments: list[float] = field(default_factory=list)
    reports: list[float] = field(default_factory=list)
    sounds: list[float] = field(default_factory=list)

    def add_page(self, path: str, seconds: float) -> None:
        """Take down one page."""
        self.pages.setdefault(path, []).append(seconds)

    @property
    def all_pages(self) -> list[float]:
        """Return every page's wait."""
        return [seconds for some in self.pages.values() for seconds in some]


@dataclass(frozen=True)
class Visitor:
    """Somebody with a session and a library."""

    cookie: str
    document: str
    key: str  # of a sound in it


def visitors(services: Services, count: int) -> list[Visitor]:
    """Return people who have signed in and have documents."""
    found = []
    for number in range(count):
        person = add_person(services, f"reader-{number}")
        cookies = cookie_of(services, person)
        cookie = "; ".join(f"{name}={text}" for name, text in cookies.items())
        for title in range(DOCUMENTS):
            document = ready_document(
                services, principal=person.principal, title=f"Walk {number} {title}"
            )
        sound = SOUND + str(number).encode()
        key = voice_block(services, document, 1, voice_id=KEPT_VOICE, sound=sound)
        found.append(Visitor(cookie, document.id, key))
    return found


async def browse(
    product: Product, visitor: Visitor, waits: Waits, *, until: float, pause: float
) -> None:
    """Go from page to page."""
    random_ = random.Random(visitor.document)
    await asyncio.sleep(random_.uniform(0, pause))
    async with PageClient(product.address, cookie=visitor.cookie) as client:
        while perf_counter() < until:
            path = random_.choice(PAGES)
            query = f"document={visitor.document}" if path == "listen" else ""
            waits.add_page(path, await client.show(path, query))
            await asyncio.sleep(random_.expovariate(1 / pause))
        waits.fragments += client.fragment_seconds


async def listen(
    product: Product, visitor: Visitor, waits: Waits, *, until: float
) -> None:
    """Do what the player does while it plays."""
    headers = {"cookie": visitor.cookie, "origin": product.address}
    async with httpx.AsyncClient(
        base_url=product.address, headers=headers, timeout=30
    ) as client:
        sequence = 0
        while perf_counter() < until:
            sequence += 1
            report = {
                "session": visitor.document,
                "sequence": sequence,
                "block": 1,
                "offset_ms": sequence * 10,
                "playing": True,
                "rate": 1.0,
                "voice": VOICE,
                "listened_ms": 0,
                "listened_words": 0,
            }
            address = f"/api/documents/{visitor.document}/cursor"
            waits.reports.append(await timed(client.post(address, json=report)))
            sound = client.get(f"/api/audio/{visitor.key}.ogg")
            waits.sounds.append(await timed(sound))
            await asyncio.sleep(REPORT_SECONDS)


async def timed(request: Awaitable[httpx.Response]) -> float:
    """Return how many seconds a request takes that is answered well."""
    began = perf_counter()
    (await request).raise_for_status()
    return perf_counter() - began


async def visit(
    product: Product, people: Sequence[Visitor], *, seconds: float, pause: float
) -> Waits:
    """Have people use the app side by side."""
    waits = Waits()
    until = perf_counter() + seconds
    async with asyncio.TaskGroup() as group:
        for number, visitor in enumerate(people):
            group.create_task(browse(product, visitor, waits, until=until, pause=pause))
            if number % 3 == 0 and len(people) > 1:
                group.create_task(listen(product, visitor, waits, until=until))
    return waits


def line(name: str, seconds: Sequence[float], goal_ms: float | None = None) -> str:
    """Return one row of the result."""
    if not seconds:
        return f"{name:28} none"
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] * 1000
    p50 = statistics.median(ordered) * 1000
    verdict = "" if goal_ms is None else "  ok" if p95 <= goal_ms else "  missed"
    goal = "" if goal_ms is None else f"  goal p95 ≤ {goal_ms:.0f} ms:{verdict}"
    return f"{name:28} p50 {p50:7.1f} ms  p95 {p95:7.1f} ms  n {len(ordered):5}{goal}"


def report(title: str, waits: Waits, *, goal_ms: float | None = None) -> None:
    """Print what was waited for."""
    print(title)
    print(line("  every page", waits.all_pages, goal_ms))
    for path, seconds in sorted(waits.pages.items()):
        print(line(f"    {path}", seconds))
    print(line("  what keeps itself fresh", waits.fragments))
    print(line("  a player's report", waits.reports))
    print(line("  a sound", waits.sounds))


def app_of(product: Product) -> psutil.Process:
    """Return the process of the web app."""
    return product.processes("uvicorn", "dashboard.server:app")[0]


def main() -> None:
    """Run it: one alone, then everybody."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=5)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        with running(root, accounts__mode="multi", sample_document="false") as product:
            services = Services.open(Settings(_env_file=None, data_dir=root))
            people = visitors(services, wanted.people)
            alone = asyncio.run(visit(product, people[:1], seconds=15, pause=0.5))
            report("one person alone (baseline)", alone)
            before = sum(app_of(product).cpu_times()[:2])
            waits = asyncio.run(
                visit(product, people, seconds=wanted.seconds, pause=wanted.pause)
            )
            used = sum(app_of(product).cpu_times()[:2]) - before
            report(f"{wanted.people} people at once", waits, goal_ms=GOAL_MS)
            print(f"  the app's share of one core  {used / wanted.seconds:.0%}")


if __name__ == "__main__":
    main()
