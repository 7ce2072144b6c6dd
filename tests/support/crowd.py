"""Many simulated listeners of a running product, each with a player of their own.

They report where they are by the same call as the app's route does, each on behalf of a
person of their own, and play in real time what has been voiced by then.
"""

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from dashboard import following
from dashboard.api.cursor import CursorPost, take_report
from dashboard.backend import Backend
from lectern.accounts.people import Principal
from lectern.ids import OwnerId
from resources.stores.catalog import Document
from tests.support.speech import WORDS, add_document, block

REPORT_SECONDS = 5.0
LOOK_SECONDS = 0.1
LANGUAGE = "de"  # words are not looked for in the sound: that is another's time


def person(name: str) -> Principal:
    """Return somebody."""
    return Principal(OwnerId(name))


def book(
    here: Backend, owner: Principal, *, blocks: int, chars: int, part: int = 0
) -> Document:
    """Return a document of so many blocks of a length; no two have one the same."""
    shown = []
    for number in range(blocks):
        start = number % len(WORDS)
        words = " ".join(WORDS[start:] + WORDS * (chars // 100 + 1))
        text = f"{owner.owner_id} {part} {number} {words}"[: chars - 1].rstrip() + "."
        shown.append(block(number, text, language=LANGUAGE))
    return add_document(here.services, shown, principal=owner, title=f"{part}")


@dataclass
class Player:
    """One listener in front of one document."""

    here: Backend
    document: Document
    voice: str
    rate: float = 1.0
    first_sound_seconds: float | None = None
    underruns: int = 0
    stalled_seconds: float = 0.0
    played: int = 0  # blocks
    place: int = 0
    _ready: dict[int, int] = field(default_factory=dict)  # milliseconds by block
    _newest: int = 0
    _sequence: int = 0
    _reported_at: float = 0.0
    _starts: list[threading.Thread] = field(default_factory=list)

    def listen(self, seconds: float) -> None:
        """Press play, and listen for so long after the first sound."""
        began = time.monotonic()
        self._wait_for(self.place)
        started = time.monotonic()
        self.first_sound_seconds = started - began
        while time.monotonic() - started < seconds:
            if not self._is_ready(self.place):
                dry_at = time.monotonic()
                self._wait_for(self.place)
                self.underruns += 1
                self.stalled_seconds += time.monotonic() - dry_at
            self._play(self._ready[self.place] / 1000 / self.rate)
            self.place, self.played = self.place + 1, self.played + 1
            self._report()

    def _play(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if time.monotonic() - self._reported_at >= REPORT_SECONDS:
                self._report()
            time.sleep(min(left, 0.5))

    def _wait_for(self, index: int, *, patience_seconds: float = 300.0) -> None:
        deadline = time.monotonic() + patience_seconds
        self._report()
        while not self._is_ready(index):
            assert time.monotonic() < deadline, f"block {index} is never voiced"
            if time.monotonic() - self._reported_at >= REPORT_SECONDS:
                self._report()
            time.sleep(LOOK_SECONDS)

    def _is_ready(self, index: int) -> bool:
        if index not in self._ready:
            links = self.here.services.variants.links_after(
                self.document.principal, self.document.id, self.voice, self._newest
            )
            for sequence, place, _key, duration_ms in links:
                self._ready[place], self._newest = duration_ms, sequence
        return index in self._ready

    def _report(self) -> None:
        """Say where the listener is, as the app's route does; start what is missing."""
        self._sequence += 1
        self._reported_at = time.monotonic()
        post = CursorPost(
            session=self.document.id,
            sequence=self._sequence,
            block=self.place,
            playing=True,
            rate=self.rate,
            voice=self.voice,
        )
        principal = self.document.principal
        job = take_report(self.here, principal, self.document.id, post)
        if job is not None:
            start = threading.Thread(target=following.launch, args=(self.here, job))
            start.start()
            self._starts.append(start)


def listen_together(
    players: Sequence[Player], *, seconds: float, ramp_seconds: float
) -> None:
    """Have everybody listen, one beginning after the other."""
    threads = []
    for player in players:
        threads.append(threading.Thread(target=player.listen, args=(seconds,)))
        threads[-1].start()
        time.sleep(ramp_seconds / max(1, len(players)))
    for thread in threads:
        thread.join()


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which a part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def first_sounds(players: Sequence[Player]) -> str:
    """Return the first sounds of several players as words."""
    found = [
        p.first_sound_seconds for p in players if p.first_sound_seconds is not None
    ]
    return (
        f"first sound p50 {statistics.median(found):.2f} s, "
        f"p95 {quantile(found, 0.95):.2f} s"
    )
