"""The sweep deletes what nothing can reach, and nothing else."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from lectern.accounts.people import LOCAL
from lectern.jobs.states import JobKind
from resources.services import Services
from resources.stores import schema
from resources.stores.loose import Loose
from resources.stores.reachability import reachable_blobs
from resources.stores.sweep import Swept, sweep
from resources.stores.sweep_record import SweepRecord
from tests.support.stores import (
    VOICE,
    Clock,
    add_document,
    file_of,
    key_of,
    let_days_pass,
    link_to,
    settings_in,
    voice,
)

AT_ONCE = timedelta(0)


def test_a_library_in_use_loses_nothing(services: Services) -> None:
    document = add_document(services, "hello")
    voice(services, document, link_to("hello"))
    services.catalog.put_artifact(document.id, "pages", services.blobs.put(b"pages"))
    before = list(services.blobs.all())

    assert sweep(services, grace=AT_ONCE) == Swept(0, 0, 0, 0, 0, 0)
    assert list(services.blobs.all()) == before


def test_a_deleted_document_goes_with_all_that_was_only_its_own(
    timed: Services, clock: Clock
) -> None:
    gone, kept = add_document(timed, "x"), add_document(timed, "y")
    voice(timed, gone, link_to("only here"))
    voice(timed, gone, link_to("shared", index=1))
    timed.variants.link(LOCAL, kept, voice_id=VOICE, links=[link_to("shared")])
    job = timed.jobs.create(LOCAL, document_id=gone.id, kind=JobKind.PREPARE)
    timed.joblog.append(job.id, "Reading")
    timed.catalog.delete(LOCAL, gone.id)
    clock.pass_(31 * 24 * 3600)
    assert sweep(timed, grace=AT_ONCE).documents == 0  # its job has not ended

    timed.jobs.start(job.id, run_id="run")
    timed.jobs.finish(job.id)
    swept = sweep(timed, grace=AT_ONCE)

    assert (swept.documents, swept.variants, swept.job_logs) == (1, 1, 0)
    assert set(timed.blobs.all()) == set(reachable_blobs(timed.database))
    assert key_of("shared") in timed.variants.find([key_of("shared")])
    let_days_pass(timed, clock, 366)  # what was done is remembered for a year
    assert sweep(timed, grace=AT_ONCE).job_logs == 1


def test_a_deleted_document_can_be_brought_back_for_a_month(
    timed: Services, clock: Clock
) -> None:
    document = add_document(timed, "x")
    timed.catalog.delete(LOCAL, document.id)
    clock.pass_(29 * 24 * 3600)

    sweep(timed, grace=AT_ONCE)

    restored = timed.catalog.restore(LOCAL, document.id)
    assert timed.blobs.exists(restored.blob)


def test_what_is_new_is_left_for_its_row_to_come(services: Services) -> None:
    orphan = services.blobs.put(b"its row is about to be written")

    assert sweep(services).blobs == 0
    old = time.time() - 2 * 24 * 3600
    os.utime(services.blobs.path(orphan), (old, old))
    assert sweep(services, dry_run=True).blobs == 1
    assert services.blobs.exists(orphan)
    assert sweep(services).blobs == 1
    assert not services.blobs.exists(orphan)


def test_forgotten_uploads_are_removed_with_and_without_a_row(
    timed: Services, clock: Clock
) -> None:
    upload = timed.uploads.begin(LOCAL, "a", 2)
    crashed = Path(timed.settings.root / "uploads" / f"{'0' * 32}.part")
    crashed.touch()
    os.utime(crashed, (0, 0))
    clock.pass_(3 * 24 * 3600)

    assert sweep(timed).uploads == 2
    assert not crashed.exists()
    assert not file_of(timed, upload).exists()


@settings(max_examples=settings().max_examples // 3)
@given(
    voiced=st.sets(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=12),
    deleted=st.sets(st.integers(0, 3)),
)
def test_the_sweep_keeps_exactly_what_is_reachable(
    tmp_path_factory: pytest.TempPathFactory,
    voiced: set[tuple[int, int]],
    deleted: set[int],
) -> None:
    services = Services.open(settings_in(tmp_path_factory.mktemp("sweep")))
    documents = [add_document(services, f"text {n}") for n in range(4)]
    for number, text in sorted(voiced):
        link = link_to(f"sound {text}", index=text)
        if services.variants.find([link.key]):
            services.variants.link(
                LOCAL, documents[number], voice_id=VOICE, links=[link]
            )
        else:
            voice(services, documents[number], link)
    for number in deleted:
        services.catalog.delete(LOCAL, documents[number].id)
        services.catalog.purge(documents[number].id)

    sweep(services, grace=AT_ONCE)

    wanted = {key_of(f"sound {text}") for n, text in voiced if n not in deleted}
    everything = [key_of(f"sound {text}") for text in range(6)]
    assert set(services.variants.find(everything)) == wanted
    assert set(services.blobs.all()) == set(reachable_blobs(services.database))
    services.close()


def test_rows_that_lead_to_nothing_are_forgotten_and_what_is_lost_is_told(
    timed: Services, clock: Clock
) -> None:
    document = add_document(timed, "hello")
    voice(timed, document, link_to("lost sound"))
    voice(timed, document, link_to("lost row", index=1))
    cover = timed.blobs.put(b"cover")
    part = timed.blobs.put(b"part")
    timed.catalog.put_artifact(document.id, "cover", cover)
    timed.catalog.put_artifact(document.id, "part-0001", part)
    lost = key_of("lost sound")
    timed.blobs.delete(timed.variants.find([lost])[lost].blob)
    timed.blobs.delete(cover)
    timed.blobs.delete(document.blob)
    with timed.database.write() as connection:
        gone = schema.variant.c.key == key_of("lost row")
        connection.execute(delete(schema.variant).where(gone))
    let_days_pass(timed, clock, 8)

    swept = sweep(timed)

    assert swept.loose == Loose(links=1, parts=1, sounds=1, files=1, lost=1)
    assert "1 stored files are lost" in swept.words
    last = SweepRecord(timed.preferences).last()
    assert last is not None
    assert last.words == swept.words
    assert timed.catalog.artifacts(document.id) == {}


def test_what_work_that_died_left_behind_is_removed(services: Services) -> None:
    root = services.settings.root
    services.usage_events().drain()
    names = ("exporting/job.part", "statistics/events/.part.parquet.1")
    kept = ("exporting/new.part", "statistics/.lock", "statistics/events/x.parquet")
    for name in (*names, *kept):
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).touch()
        if not name.endswith("new.part"):
            os.utime(root / name, (0, 0))

    assert sweep(services).leftovers == 2

    assert [name for name in (*names, *kept) if (root / name).exists()] == list(kept)
