"""What somebody waits for the first sound while another has 10,000 blocks queued.

    python -m bench.fairness [--blocks 10000] [--rounds 5]

`lectern serve` with a speech server of a set speed that speaks four texts at a time.
The baseline is a listener on the idle product. Then, in the same product, one other
person has books rendered whose blocks are that many together, has more as a batch, and
listens to as many documents as there are places; and the listener comes again, each
time to a document that nobody has heard. Medians of the rounds, and the ratio.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench.capacity import BLOCK_CHARS, VOICE, product_with, until_idle
from dashboard import following
from dashboard.backend import Backend
from lectern.accounts.people import Principal
from lectern.jobs.states import JobKind
from tests.support.crowd import Player, book, first_sounds, person
from tests.support.simulated import PacedServer

GOAL = 2.0
SLOTS = 4
SPEED = 12.0
"""Seconds of sound a second, of each slot: a block takes it one second."""
BOOKS = 10
PLACES = 4


def listened(here: Backend, name: str, rounds: int) -> list[Player]:
    """Return listeners, each another person, who came one after the other."""
    players = []
    for number in range(rounds):
        document = book(here, person(f"{name}-{number}"), blocks=20, chars=BLOCK_CHARS)
        players.append(Player(here, document, VOICE))
        players[-1].listen(0.5)
        here.services.catalog.delete(document.principal, document.id)  # ends its run
        time.sleep(1.0)
    return players


def keep_busy(here: Backend, greedy: Principal, blocks: int) -> None:
    """Queue that many blocks as renderings, and as many more as a batch."""
    services = here.services
    books = [
        book(here, greedy, blocks=blocks // BOOKS, chars=BLOCK_CHARS, part=number)
        for number in range(2 * BOOKS)
    ]
    for document in books[:BOOKS]:
        services.catalog.set_voice(greedy, document.id, VOICE)
        job, _ = following.new_job(here, greedy, document.id, JobKind.RENDER)
        following.launch(here, job)
    plan = services.batching().plan(
        greedy, [document.id for document in books[BOOKS:]], voice_id=VOICE
    )
    following.begin_batch(here, greedy, plan, name="All", is_off_peak=False)


def listen_to_much(here: Backend, greedy: Principal) -> list[Player]:
    """Open as many documents as there are places, and go on listening to them."""
    players = [
        Player(
            here,
            book(here, greedy, blocks=400, chars=BLOCK_CHARS, part=100 + number),
            VOICE,
        )
        for number in range(PLACES + 2)
    ]
    for player in players:
        threading.Thread(target=player.listen, args=(600.0,), daemon=True).start()
    return players


def median_of(players: Sequence[Player]) -> float:
    """Return the median first sound."""
    return statistics.median(player.first_sound_seconds or 0.0 for player in players)


def main() -> None:
    """Print first sounds and ratios."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--blocks", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        PacedServer(slots=SLOTS, speed=SPEED).running() as server,
        product_with(Path(folder) / "data", server, listeners=str(PLACES)) as here,
    ):
        listened(here, "warm", 1)
        until_idle(server)
        alone = listened(here, "alone", given.rounds)
        print(f"alone:                     {first_sounds(alone)}", flush=True)
        greedy = person("greedy")
        keep_busy(here, greedy, given.blocks)
        while server.at_once < SLOTS:
            time.sleep(0.1)
        print(f"{server.spoken_seconds:.0f} s of sound made; four texts in hand")
        beside_books = listened(here, "books", given.rounds)
        busy = listen_to_much(here, greedy)
        while sum(player.first_sound_seconds is not None for player in busy) < PLACES:
            time.sleep(0.1)
        beside_all = listened(here, "all", given.rounds)
        base = median_of(alone)
        for name, players in (
            (f"beside {given.blocks:,} blocks:", beside_books),
            ("and all places taken:", beside_all),
        ):
            ratio = median_of(players) / base
            print(f"{name:26} {first_sounds(players)}, {ratio:.2f} × (goal ≤ {GOAL})")


if __name__ == "__main__":
    main()
