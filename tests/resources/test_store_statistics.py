"""Events are counted exactly once, and readers never wait for their writer."""

import contextlib
import multiprocessing
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lectern.accounts.people import LOCAL
from lectern.errors import StoreError
from lectern.speech.variants import Outcome
from lectern.usage.events import EventKind, Listened, Recognised
from resources.services import Services
from resources.stores import events as events_module
from tests.support.stores import (
    OTHER,
    VOICE,
    Clock,
    add_document,
    link_to,
    publish,
    settings_in,
    voice,
)


def listen(
    services: Services, *, at: datetime | None = None, minutes: float = 1
) -> None:
    """Record that somebody listened at one and a half times the speed."""
    wall_ms = int(minutes * 60_000)
    event = Listened(
        document_id="d",
        voice=VOICE,
        media_ms=wall_ms * 3 // 2,
        wall_ms=wall_ms,
        words=int(minutes * 200),
        rate=1.5,
    )
    services.outbox.append(EventKind.LISTENED, event, principal=LOCAL, at=at)


def publish_all(services: Services) -> None:
    """Bring everything that waits into the statistics."""
    services.usage_events().drain()
    services.statistics_publisher().publish()


def test_before_anything_is_published_everything_is_nothing(
    services: Services,
) -> None:
    statistics = services.statistics()

    assert statistics.published() is None
    assert statistics.totals(LOCAL).total.listened_seconds == 0
    assert len(statistics.daily(LOCAL, days=30)) == 30
    assert statistics.by_voice(LOCAL) == []
    assert statistics.reuse(LOCAL).saved.requests == 0
    assert statistics.reuse(LOCAL).merge_share == 0
    assert statistics.documents(LOCAL) == []
    assert statistics.top_repeats(LOCAL) == []


def test_an_event_of_another_shape_is_refused(services: Services) -> None:
    with pytest.raises(StoreError, match="malformed"):
        services.outbox.append(EventKind.LISTENED, {"words": 1}, principal=LOCAL)


def test_a_repeated_event_is_recorded_once(services: Services) -> None:
    event = Recognised(document_id="d", pages=3, method="text_layer", elapsed_ms=9)
    for _ in range(2):
        services.outbox.append(
            EventKind.RECOGNISED, event, principal=LOCAL, event_id="recognised:d:1"
        )
        services.usage_events().drain()

    assert services.statistics_publisher().publish().events == 1


def test_events_and_what_they_tell_of_are_kept_together(services: Services) -> None:
    def fail_half_way() -> None:
        with services.database.write() as connection:
            event = {"document_id": "d", "format": "pdf", "size_bytes": 1}
            services.outbox.append(
                EventKind.DOCUMENT_ADDED, event, principal=LOCAL, connection=connection
            )
            raise StoreError("stop")

    with pytest.raises(StoreError, match="stop"):
        fail_half_way()
    assert services.outbox.pending() == []


def test_totals_say_what_happened(services: Services) -> None:
    document = add_document(services, "one two three", "four five")
    voice(services, document, link_to("one two three"))
    listen(services, minutes=2)
    publish_all(services)

    totals = services.statistics().totals(LOCAL)

    assert (totals.total.documents, totals.total.words) == (1, 5)
    assert totals.total.listened_seconds == 120
    assert totals.total.heard_seconds == 180
    assert totals.total.synthesised_seconds == 13 * 60 / 1000
    assert totals.this_week == totals.total
    assert totals.voices == 1
    assert services.statistics().totals(OTHER).total.documents == 0


def test_a_document_read_again_counts_with_its_newest_text(services: Services) -> None:
    document = add_document(services, "one two three")
    publish(services, document, "one two")
    publish_all(services)

    assert services.statistics().totals(LOCAL).total.words == 2
    assert services.statistics().documents(LOCAL)[0].words == 2


def test_counters_survive_deletion(services: Services) -> None:
    document = add_document(services, "one two three")
    voice(services, document, link_to("one two three"))
    listen(services)
    publish_all(services)
    before = services.statistics().totals(LOCAL)

    services.catalog.delete(LOCAL, document.id)
    services.catalog.purge(document.id)
    listen(services, minutes=0.001)
    publish_all(services)

    after = services.statistics().totals(LOCAL)
    assert after.total.words == before.total.words
    assert after.total.listened_seconds >= before.total.listened_seconds


def test_weeks_are_compared(services: Services) -> None:
    now = datetime.now(UTC)
    for days, minutes in ((1, 10), (9, 4), (20, 50)):
        listen(services, at=now - timedelta(days=days), minutes=minutes)
    publish_all(services)

    lifetime = services.statistics().totals(LOCAL)

    weeks = (lifetime.this_week, lifetime.last_week, lifetime.total)
    assert [week.listened_seconds / 60 for week in weeks] == [10, 4, 64]


def test_a_day_is_a_day_where_the_listener_is(services: Services) -> None:
    kiritimati = ZoneInfo("Pacific/Kiritimati")  # fourteen hours ahead
    late = datetime.now(UTC).replace(hour=11, minute=30) - timedelta(days=2)
    listen(services, at=late)
    publish_all(services)

    def days(zone: ZoneInfo) -> list[date]:
        found = services.statistics().daily(LOCAL, days=10, zone=zone)
        return [day.date for day in found if day.totals.listened_seconds]

    assert days(ZoneInfo("UTC")) == [late.date()]
    assert days(kiritimati) == [late.date() + timedelta(days=1)]


def test_reuse_is_told_by_outcome_kind_and_text(services: Services) -> None:
    document = add_document(services, "a", "b")
    voice(services, document, link_to("Table 1", index=0))
    for index in (1, 2, 2):
        link = link_to("Table 1", index=index)
        services.variants.link(LOCAL, document, voice_id=VOICE, links=[link])
    publish_all(services)

    reuse = services.statistics().reuse(LOCAL)
    repeat = services.statistics().top_repeats(LOCAL)[0]

    counts = {way: part.requests for way, part in reuse.by_outcome.items()}
    assert counts == {
        Outcome.SYNTHESISED: 1,
        Outcome.MERGED_SAME_DOCUMENT: 2,
        Outcome.REPLAYED: 1,
    }
    assert (reuse.saved.requests, reuse.saved.chars) == (2, 14)
    assert reuse.saved.legacy_owner_flips == 2
    assert reuse.merge_share == 2 / 3
    assert len(reuse.by_day) == len(reuse.by_kind) == 1
    assert (repeat.variant, repeat.requests) == (link_to("Table 1").key, 2)


def test_voices_are_told_apart(services: Services) -> None:
    document = add_document(services, "a")
    voice(services, document, link_to("hello"))
    listen(services)
    publish_all(services)

    use = services.statistics().by_voice(LOCAL)

    assert [(u.voice, u.engine, u.listened_seconds) for u in use] == [
        (VOICE, "test", 60)
    ]


def test_publishing_the_same_events_again_does_nothing(services: Services) -> None:
    listen(services)
    publish_all(services)
    first = services.statistics().published()

    publish_all(services)

    assert services.statistics().published() == first


def test_old_versions_are_removed(services: Services) -> None:
    for _ in range(5):
        listen(services)
        publish_all(services)

    folder = services.settings.root / "statistics" / "published"
    assert len(list(folder.glob("*.duckdb"))) == 2
    assert services.statistics().totals(LOCAL).total.listened_seconds == 300


def test_compacting_changes_no_number(services: Services) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for _ in range(4):
        listen(services, at=yesterday)
        services.usage_events().drain()
    before = len(services.usage_events().files())

    assert services.usage_events().compact() == 1
    listen(services, at=yesterday)
    services.usage_events().drain()
    assert services.usage_events().compact() == 1
    assert services.usage_events().compact() == 0

    publish_all(services)
    assert (before, len(services.usage_events().files())) == (4, 1)
    assert services.statistics().totals(LOCAL).total.listened_seconds == 300


def test_a_day_that_lasts_is_left_alone_until_it_has_many_files(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        listen(services)
        services.usage_events().drain()

    assert services.usage_events().compact() == 0
    monkeypatch.setattr(events_module, "COMPACT_FILES", 3)
    assert services.usage_events().compact() == 1


class Died(Exception):
    """The process ended here."""


class EventMachine(RuleBasedStateMachine):
    """Events come, work dies between any two steps: each is counted exactly once."""

    services: Services

    def __init__(self) -> None:
        super().__init__()
        with self.services.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM outbox")
        for file in self.services.usage_events().files():
            file.unlink()
        self.seconds = 0

    @rule(days_ago=st.integers(0, 2))
    def listen(self, days_ago: int) -> None:
        self.seconds += 60
        listen(self.services, at=datetime.now(UTC) - timedelta(days=days_ago))

    @rule(dies_at=st.integers(0, 4), step=st.sampled_from(["drain", "compact"]))
    def work(self, dies_at: int, step: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            steps = iter(range(100))

            def dying(function: object) -> object:
                def call(*args: object, **options: object) -> object:
                    if next(steps) == dies_at:
                        raise Died
                    return function(*args, **options)  # type: ignore[operator]

                return call

            outbox = type(self.services.outbox)
            patch.setattr(outbox, "mark_published", dying(outbox.mark_published))
            patch.setattr(
                events_module, "write_durably", dying(events_module.write_durably)
            )
            patch.setattr(Path, "unlink", dying(Path.unlink))
            with contextlib.suppress(Died):
                getattr(self.services.usage_events(), step)()

    @rule()
    def trim(self) -> None:
        self.services.outbox.trim(timedelta())

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        import pyarrow.parquet as pq

        tables = [pq.read_table(file) for file in self.services.usage_events().files()]
        counted = [id_ for t in tables for id_ in t["event_id"].to_pylist()]
        waiting = {event.event_id for event in self.services.outbox.pending()}
        assert len(counted) == len(set(counted))
        assert len(set(counted) | waiting) * 60 == self.seconds


def test_dying_anywhere_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from hypothesis import settings
    from hypothesis.stateful import run_state_machine_as_test

    EventMachine.services = Services.open(settings_in(tmp_path_factory.mktemp("e")))
    run_state_machine_as_test(
        EventMachine,
        settings=settings(
            max_examples=settings().max_examples // 2, stateful_step_count=20
        ),
    )
    EventMachine.services.close()


def _write(folder: Path, times: int) -> None:
    services = Services.open(settings_in(folder))
    for _ in range(times):
        listen(services)
        publish_all(services)


def test_readers_see_whole_numbers_while_a_writer_publishes(
    services: Services,
) -> None:
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_write, args=(services.settings.root, 12))
    writer.start()
    seen: list[list[float]] = []

    def read() -> None:
        mine: list[float] = []
        while writer.is_alive():
            mine.append(services.statistics().totals(LOCAL).total.listened_seconds)
            time.sleep(0.01)
        seen.append(mine)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    writer.join()

    assert writer.exitcode == 0
    assert services.statistics().totals(LOCAL).total.listened_seconds == 12 * 60
    assert len(seen) == 2
    for mine in seen:
        assert mine == sorted(mine)
        assert len(set(mine)) > 1
        assert all(value % 60 == 0 for value in mine)


def test_two_that_drain_together_count_once(services: Services) -> None:
    for _ in range(200):
        listen(services)
    threads = [threading.Thread(target=services.usage_events().drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    publish_all(services)
    assert services.statistics().totals(LOCAL).total.listened_seconds == 12_000


def test_published_events_are_forgotten_after_a_while(
    timed: Services, clock: Clock
) -> None:
    listen(timed)
    timed.usage_events().drain()
    clock.pass_(3600)

    assert timed.outbox.trim(timedelta(hours=2)) == 0
    assert timed.outbox.trim(timedelta(minutes=30)) == 1
