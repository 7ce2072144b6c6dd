"""Dagster's database stays small, whatever was done, and however long ago."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from lectern.accounts.people import LOCAL
from lectern.jobs.runs import DOCUMENTS
from lectern.jobs.states import JobKind
from lectern.settings import History, Settings
from pipelines.dagster_storage import make_storage, storage_folder
from pipelines.forgetting import forget_old_runs, forget_run_folders, retire_partitions
from pipelines.instance_files import write_dagster_settings
from pipelines.places import Places, make_places
from resources.services import Services
from tests.support.old_runs import OldRuns
from tests.support.speech import settings_at
from tests.support.stores import Clock, add_document

NOW = datetime(2026, 6, 1, 4, 17, tzinfo=UTC)
HISTORY = History(run_days=30, failed_run_days=90, partition_days=90)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return make_places(settings_at(tmp_path_factory.mktemp("old")))


@pytest.fixture(scope="module")
def old(places: Places) -> Iterator[OldRuns]:
    settings = settings_at(places.root)
    write_dagster_settings(settings, places)
    make_storage(settings, places)
    with dg.DagsterInstance.from_config(str(places.dagster_home)) as instance:
        yield OldRuns.of(instance)


def test_a_run_is_forgotten_with_all_it_left(old: OldRuns) -> None:
    before = old.rows()
    old.add(3, NOW - timedelta(days=31))

    assert forget_old_runs(old.instance, HISTORY, NOW) == 3

    assert old.rows() == before


def test_what_went_wrong_is_remembered_longer(old: OldRuns) -> None:
    runs = {
        old.add(1, NOW - timedelta(days=days), name=name, status=status)[0]: is_kept
        for name, status, days, is_kept in (
            ("render_document", "SUCCESS", 29, True),
            ("render_document", "CANCELED", 31, False),
            ("render_document", "FAILURE", 31, True),
            ("render_document", "FAILURE", 91, False),
            ("render_document", "STARTED", 400, True),
            ("update_statistics", "SUCCESS", 2, False),
            ("update_statistics", "FAILURE", 2, False),
        )
    }

    forget_old_runs(old.instance, HISTORY, NOW)

    assert runs == {id_: old.instance.get_run_by_id(id_) is not None for id_ in runs}
    assert runs == {id_: bool(old.instance.all_logs(id_)) for id_ in runs}


def test_a_year_of_runs_fills_the_database_no_more_than_a_quarter(
    old: OldRuns, places: Places
) -> None:
    sizes, rows = [], []
    for month in range(12):
        at = NOW + timedelta(days=31 * month)
        old.add(4, at)
        old.add(1, at, status="FAILURE")
        old.add(2, at, name="update_statistics")
        forget_old_runs(old.instance, HISTORY, at)
        files = storage_folder(places).glob("**/*.db")
        sizes.append(sum(file.stat().st_size for file in files))
        rows.append(sum(old.rows().values()))

    assert max(rows[6:]) <= max(rows[:6])
    assert max(sizes[6:]) <= max(sizes[:6]) * 1.05


def test_idle_documents_are_no_partitions_until_their_next_job(
    old: OldRuns, settings: Settings
) -> None:
    clock = Clock()
    timed = Services.open(settings, clock=clock)
    jobs = timed.jobs
    idle, waiting, recent, deleted = (
        add_document(timed, title=title) for title in ("a", "b", "c", "d")
    )
    for document in (idle, waiting, deleted):
        job = jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
        if document is not waiting:
            jobs.finish(job.id)
    clock.pass_(timedelta(days=91).total_seconds())
    done = jobs.create(LOCAL, document_id=recent.id, kind=JobKind.RENDER)
    jobs.finish(done.id)
    jobs.create(LOCAL, document_id=deleted.id, kind=JobKind.RENDER)
    timed.catalog.delete(LOCAL, deleted.id)
    keys = [document.id for document in (idle, waiting, recent, deleted)]
    old.instance.add_dynamic_partitions(DOCUMENTS, keys)

    retired = retire_partitions(old.instance, timed, HISTORY)

    timed.close()
    assert retired == 3  # the template's too
    left = set(old.instance.get_dynamic_partitions(DOCUMENTS))
    assert left == {waiting.id, recent.id}


def test_folders_of_runs_that_nobody_knows_are_removed(
    old: OldRuns, places: Places
) -> None:
    [known] = old.add(1, NOW - timedelta(days=5))
    unknown, new = str(uuid.uuid4()), str(uuid.uuid4())
    for name in (known, unknown, new, "something else"):
        folder = places.run_output / name
        folder.mkdir(parents=True, exist_ok=True)
        long_ago = (NOW - timedelta(days=3)).timestamp()
        moment = NOW.timestamp() if name == new else long_ago
        os.utime(folder, (moment, moment))

    assert forget_run_folders(old.instance, places.run_output, NOW) == 1

    left = {path.name for path in places.run_output.iterdir()}
    assert {known, new, "something else"} <= left
    assert unknown not in left
