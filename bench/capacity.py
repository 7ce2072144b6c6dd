"""Listeners at double speed, with an engine that could just speak for a few more.

    python -m bench.capacity [--listeners 15] [--rate 2] [--factor 1.3] [--seconds 45]

`lectern serve` with a speech server of a set speed: so many times what all listeners
together hear. Each is another person, reports its place as the player does and hears in
real time what has been voiced by then; nothing is scaled. Counts how often one ran dry.
The baseline is the same without others: what the server takes for one block, and the
first sound of one listener alone.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboard.backend import Backend, open_backend
from tests.support.crowd import Player, book, first_sounds, listen_together, person
from tests.support.drill import settings_of
from tests.support.product import running
from tests.support.simulated import PacedServer
from tests.support.speech_server import CHARS_A_SECOND

SLOTS = 4
BLOCK_CHARS = 170
BLOCKS = 400
VOICE = "paced:alto"


@contextmanager
def product_with(
    folder: Path, server: PacedServer, **settings: str
) -> Iterator[Backend]:
    """Run the product with a paced server, and yield what an app works with."""
    servers = {
        "paced": {
            "address": server.address,
            "voices": {"alto": "de"},
            "response_format": "opus",
            "parallel_requests": server.slots,
        }
    }
    named = {"speech__engine": "paced", "speech_servers": json.dumps(servers)}
    with running(folder, sample_document="false", **named, **settings) as product:
        known = {"speech": {"engine": "paced"}, "speech_servers": servers}
        here = open_backend(settings_of(product, **known))
        while not here.orchestrator.is_up():
            time.sleep(0.1)
        yield here


def alone(here: Backend, server: PacedServer, rounds: int, rate: float) -> list[Player]:
    """Return listeners who listened one after the other."""
    players = []
    for number in range(rounds):
        document = book(here, person(f"alone-{number}"), blocks=40, chars=BLOCK_CHARS)
        players.append(Player(here, document, VOICE, rate=rate))
        players[-1].listen(2.0)
        here.services.catalog.delete(document.principal, document.id)  # ends its run
        until_idle(server)
    return players


def until_idle(server: PacedServer) -> None:
    """Wait until nothing is being spoken."""
    while server.at_once:
        time.sleep(0.05)
    time.sleep(1.0)


def main() -> None:
    """Print underruns and first sounds."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--listeners", type=int, default=15)
    arguments.add_argument("--places", type=int, default=16)
    arguments.add_argument("--rate", type=float, default=2.0)
    arguments.add_argument("--factor", type=float, default=1.3)
    arguments.add_argument("--seconds", type=float, default=45.0)
    arguments.add_argument("--ramp", type=float, default=15.0)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    demand = given.listeners * given.rate
    speed = demand * given.factor / SLOTS
    block_seconds = BLOCK_CHARS / CHARS_A_SECOND / speed
    with (
        tempfile.TemporaryDirectory() as folder,
        PacedServer(slots=SLOTS, speed=speed).running() as server,
        product_with(
            Path(folder) / "data", server, listeners=str(given.places)
        ) as here,
    ):
        print(
            f"{given.listeners} listeners at {given.rate:g} × hear {demand:.0f} s of "
            f"sound a second; the engine makes {server.capacity:.0f}"
        )
        print(f"raw: the engine's own time for a block {block_seconds:.2f} s")
        one = alone(here, server, given.rounds, given.rate)
        print(f"one alone: {first_sounds(one)}")
        players = [
            Player(
                here,
                book(here, person(f"listener-{n}"), blocks=BLOCKS, chars=BLOCK_CHARS),
                VOICE,
                rate=given.rate,
            )
            for n in range(given.listeners)
        ]
        began, spoken = time.monotonic(), server.spoken_seconds
        listen_together(players, seconds=given.seconds, ramp_seconds=given.ramp)
        elapsed = time.monotonic() - began
        made = (server.spoken_seconds - spoken) / elapsed
        print(f"together:  {first_sounds(players)}")
        print(
            f"underruns {sum(p.underruns for p in players)} (goal 0), "
            f"{sum(p.stalled_seconds for p in players):.1f} s of silence in "
            f"{sum(p.played for p in players)} blocks; the engine was busy "
            f"{made / server.capacity:.0%}, {server.most_waiting} waited at it at most"
        )
        for player in players:
            here.services.catalog.delete(player.document.principal, player.document.id)


if __name__ == "__main__":
    main()
