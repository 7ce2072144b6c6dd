"""How listening goes is counted by many at one time, and nothing is lost."""

import threading
from datetime import timedelta

from lectern.accounts.people import LOCAL
from lectern.jobs.states import JobKind
from lectern.usage.waits import UNDERRUNS_AT_ONCE, Wait
from resources.first_blocks import FirstBlocks
from resources.services import Services
from resources.stores.cursors import Cursor
from tests.support.stores import Clock, add_document


class Text:
    """A text of four blocks, the second of them not spoken."""

    def __len__(self) -> int:
        return 4

    def is_spoken(self, index: int) -> bool:
        """Whether a block is heard at all."""
        return index != 1


def test_counts_of_many_threads_add_up(services: Services) -> None:
    def count() -> None:
        for _ in range(10):
            services.playing.waited(Wait.FIRST_SOUND, 120)
            services.playing.ran_out(1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    waits = services.playing.waits(Wait.FIRST_SOUND)
    assert (waits.counts, waits.total_ms) == ({250: 40}, 4800)
    assert services.playing.underruns() == 40


def test_no_report_tells_of_more_than_can_be(services: Services) -> None:
    services.playing.ran_out(10**9)
    services.playing.ran_out(-1)
    services.playing.ran_out(0)

    assert services.playing.underruns() == UNDERRUNS_AT_ONCE


def test_a_run_measures_from_the_play_to_the_block(
    timed: Services, clock: Clock
) -> None:
    document = add_document(timed, "words")
    job = timed.jobs.create(LOCAL, document_id=document.id, kind=JobKind.LISTEN)
    asked = clock.now + timedelta(seconds=0.5)
    watch = FirstBlocks(timed.playing, job)
    playing = Cursor(1, 0, True, 1.0, "v", "tab", 1, asked)
    paused = Cursor(1, 0, False, 1.0, "v", "tab", 2, asked)

    watch.saw(None, playing)
    clock.pass_(2)
    watch.looked(Text(), {0}, cursor=1, now=clock.now)  # what it waits for is 2
    watch.looked(Text(), {0, 2}, cursor=1, now=clock.now)
    watch.looked(Text(), {0, 2}, cursor=1, now=clock.now)  # counted already
    assert timed.playing.waits(Wait.FIRST_BLOCK).total_ms == 2000  # from the job on

    watch.saw(playing, paused)
    watch.looked(Text(), {2}, cursor=1, now=clock.now)
    watch.saw(paused, Cursor(2, 0, True, 1.0, "v", "tab", 3, clock.now))
    watch.looked(Text(), {2}, cursor=2, now=clock.now)
    waits = timed.playing.waits(Wait.FIRST_BLOCK)
    assert (waits.counts, waits.total_ms) == ({2000: 1, 100: 1}, 2000)


def test_a_reader_who_stops_waits_for_nothing(timed: Services, clock: Clock) -> None:
    document = add_document(timed, "words")
    job = timed.jobs.create(LOCAL, document_id=document.id, kind=JobKind.LISTEN)
    watch = FirstBlocks(timed.playing, job)
    playing = Cursor(0, 0, True, 1.0, "v", "tab", 1, clock.now)

    watch.saw(None, playing)
    watch.saw(playing, Cursor(0, 0, False, 1.0, "v", "tab", 2, clock.now))
    watch.looked(Text(), {0}, cursor=0, now=clock.now)

    assert timed.playing.waits(Wait.FIRST_BLOCK).counts == {}
