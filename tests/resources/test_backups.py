"""A backup holds everything as of one moment, and all of it comes back."""

import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from lectern.accounts.people import LOCAL
from lectern.errors import BadBackup, InvalidRequest
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from pipelines.backups import check_newest, restore, take
from resources.backups.checking import check_backup
from resources.backups.manifest import DATABASE, backups, find
from resources.backups.restoring import restore_backup
from resources.backups.taking import POOL, forget_old, take_backup
from resources.doctor import diagnose_stores
from resources.services import Services
from resources.stores.backup_record import BackupRecord
from resources.stores.blobs import BlobStore
from tests.resources.conftest import TEMPLATE
from tests.support.s3_server import s3_server
from tests.support.stores import (
    VOICE,
    Clock,
    add_document,
    link_to,
    settings_in,
    voice,
)


def quiet(_line: str) -> None:
    """Tell nobody."""


def fill(services: Services) -> str:
    """Put a bit of everything into a library; return the first document's id."""
    document = add_document(services, "The white whale", "a naïve sailor")
    voice(services, document, link_to("The white whale"))
    services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
    services.preferences.put(LOCAL, "theme", "dark")
    services.pins.pin(LOCAL, document.id)
    services.usage_events().drain()
    add_document(services, "Another", title="Another")
    return document.id


def faults(settings: Settings) -> list[str]:
    """Return what the doctor says is wrong with what is stored."""
    checks = diagnose_stores(settings, deep=True)
    return [c.message for c in checks if not c.ok and c.required]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where backups go."""
    return tmp_path / "backups"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_everything_comes_back(
    settings: Settings,
    place: Path,
    tmp_path: Path,
    kind: str,
    request: pytest.FixtureRequest,
) -> None:
    server = request.getfixturevalue("postgres") if kind == "postgresql" else None
    with (
        server.database(TEMPLATE) if server else nullcontext() as used,
        server.database() if server else nullcontext() as empty,
    ):
        services = Services.open(settings.model_copy(update={"database_url": used}))
        target = settings_in(tmp_path / "restored")
        come_back(services, place, target.model_copy(update={"database_url": empty}))
        services.close()


def come_back(services: Services, place: Path, settings: Settings) -> None:
    """Take a backup, restore it elsewhere and look at all that came."""
    document_id = fill(services)
    pending = services.outbox.pending_count()
    taken = take_backup(services, place, quiet)
    add_document(services, "too late for the backup")
    assert "Restored 2 documents" in restore(settings, place, quiet)

    after = Services.open(settings)
    [found] = after.catalog.documents(LOCAL, search="naive")
    assert found.id == document_id
    assert after.variants.keys_of(found.principal, found.id, VOICE)
    assert after.preferences.get(LOCAL, "theme") == "dark"
    assert after.pins.documents(LOCAL, [found.id]) == {found.id}
    assert set(after.blobs.all()) == set(BlobStore(place / POOL).all())
    counted = after.statistics().published()
    assert counted is not None
    assert counted.events == 4
    assert after.usage_events().drain() == pending == 2
    after.close()
    assert taken.manifest.rows["document"] == 2
    assert check_backup(taken.folder)[1] == []


def test_what_lies_on_s3_comes_back_to_another_bucket(
    settings: Settings, place: Path, tmp_path: Path
) -> None:
    with s3_server() as server:
        update = {
            "blobs_url": f"s3://{server.bucket()}/library",
            "s3": server.settings(),
        }
        services = Services.open(settings.model_copy(update=update))
        fill(services)
        taken = take_backup(services, place, quiet)
        services.close()
        assert taken.new_blobs == 5
        bucket = server.bucket()
        update |= {"blobs_url": f"s3://{bucket}/elsewhere"}
        target = settings_in(tmp_path / "restored").model_copy(update=update)

        assert "Restored 2 documents" in restore(target, place, quiet)

        assert len(server.objects(bucket)) == 5


def test_the_next_backup_copies_what_is_new_and_is_the_one_that_comes_back(
    timed: Services, clock: Clock, place: Path, tmp_path: Path
) -> None:
    fill(timed)
    first = take_backup(timed, place, quiet)
    add_document(timed, "newer", title="Newer")
    clock.pass_(60)

    second = take_backup(timed, place, quiet)

    assert (first.new_blobs, second.new_blobs) == (5, 2)
    assert find(place) == second.folder
    restore_backup(settings_in(tmp_path / "old"), first.folder, quiet)
    old = Services.open(settings_in(tmp_path / "old"))
    assert sorted(old.catalog.titles(LOCAL).values()) == ["A book", "Another"]
    old.close()


def test_old_backups_go_with_the_blobs_that_were_theirs_alone(
    timed: Services, clock: Clock, place: Path
) -> None:
    gone = add_document(timed, "gone soon")
    take_backup(timed, place, quiet)
    timed.catalog.delete(LOCAL, gone.id)
    timed.catalog.purge(gone.id)
    kept = add_document(timed, "kept")
    clock.pass_(60)
    newest = take_backup(timed, place, quiet)

    assert forget_old(place, keep=1) == 1

    assert backups(place) == [newest.folder]
    assert set(BlobStore(place / POOL).all()) == {kept.blob, kept.blocks_blob}
    assert check_backup(newest.folder)[1] == []


def test_the_age_of_the_last_good_backup_is_known(
    timed: Services, clock: Clock, place: Path
) -> None:
    fill(timed)
    record = BackupRecord(timed.preferences)
    assert record.last() is None

    take_backup(timed, place, quiet)

    last = record.last()
    assert last is not None
    assert (last.made_at, last.blobs) == (clock.now, 5)


def test_lost_audio_is_left_out_and_a_lost_document_is_told(
    timed: Services, clock: Clock, place: Path, tmp_path: Path
) -> None:
    document = add_document(timed, "The white whale")
    voice(timed, document, link_to("The white whale"))
    [(_, sound)] = list(timed.variants.all_blobs())
    timed.blobs.path(sound).write_bytes(b"torn")

    taken = take_backup(timed, place, quiet)

    assert taken.manifest.is_whole
    assert [one.name for one in taken.manifest.left_out] == [sound]
    assert check_backup(taken.folder)[1] == []
    clock.pass_(60)
    timed.blobs.delete(document.blob)
    timed.blobs.delete(sound)
    with pytest.raises(BadBackup, match="what people handed in"):
        take(timed.settings, tmp_path / "elsewhere", keep=0, say=quiet)
    last = BackupRecord(timed.preferences).last()
    assert last is not None
    assert last.made_at == taken.manifest.made_at


@pytest.mark.parametrize("what", ["database", "blob", "lost blob"])
def test_a_damaged_backup_is_noticed_and_not_restored(
    services: Services, place: Path, tmp_path: Path, what: str
) -> None:
    document = add_document(services, "The white whale")
    taken = take_backup(services, place, quiet)
    assert "is whole" in check_newest(place)
    blob = BlobStore(place / POOL).path(document.blob)
    if what == "database":
        with (taken.folder / DATABASE).open("r+b") as file:
            file.seek(5000)
            file.write(b"xxxx")
    elif what == "blob":
        blob.write_bytes(b"torn")
    else:
        blob.unlink()

    with pytest.raises(BadBackup, match="not whole"):
        check_newest(place)
    target = settings_in(tmp_path / "restored")
    with pytest.raises(BadBackup):
        restore_backup(target, taken.folder, quiet)
    assert not Path(target.root / "lectern.sqlite3").exists()


def test_nothing_is_restored_over_what_anybody_has(
    services: Services, place: Path
) -> None:
    take_backup(services, place, quiet)
    add_document(services, "mine")

    with pytest.raises(InvalidRequest, match="a library here already"):
        restore_backup(services.settings, find(place), quiet)

    assert len(services.catalog.documents(LOCAL)) == 1


def test_a_backup_does_not_go_where_it_is_lost_with_the_rest(
    services: Services, place: Path
) -> None:
    with pytest.raises(InvalidRequest, match="another disk"):
        take_backup(services, services.settings.root / "backups", quiet)
    with pytest.raises(BadBackup, match="no finished backup"):
        find(place)


def killed_at(call: int | None, work: Callable[[], object]) -> int:
    """Do some work in a child that is killed at one of its changes of the disk.

    Returns how many changes it had begun; with None it is left alone.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def counted(original: Callable[..., object]) -> Callable[..., object]:
            def change(*args: object, **options: object) -> object:
                nonlocal count
                if count == call:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                return original(*args, **options)

            return change

        for name in ("fsync", "rename", "replace", "mkdir", "rmdir", "unlink"):
            setattr(os, name, counted(getattr(os, name)))
        work()
        os.write(writing, str(count).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return int(told) if told else -1


def sampled(count: int, *, all_of_them: bool) -> list[int]:
    """Return at which changes to be killed."""
    step = 1 if all_of_them else max(1, count // 4)
    return [*range(0, count, step), count - 1]


def taken_once_more(services: Services, place: Path) -> Path:
    """Take a backup; where one was finished this very second, a little later."""
    while True:
        with contextlib.suppress(InvalidRequest):
            return take_backup(services, place, quiet).folder
        time.sleep(0.1)


@pytest.mark.parametrize(
    "is_drill", [False, pytest.param(True, marks=pytest.mark.drill)]
)
def test_killed_while_it_is_taken_nothing_half_is_taken_for_a_backup(
    settings: Settings, tmp_path: Path, is_drill: bool
) -> None:
    services = Services.open(settings)
    fill(services)
    count = killed_at(None, lambda: take_backup(services, tmp_path / "b", quiet))
    assert count > 10

    for call in sampled(count, all_of_them=is_drill):
        place = tmp_path / f"killed at {call}"
        killed_at(call, lambda place=place: take_backup(services, place, quiet))
        for folder in backups(place):
            assert check_backup(folder)[1] == []
        again = taken_once_more(services, place)
        assert check_backup(again)[1] == []
        assert not list(place.glob(".making*"))
    services.close()


@pytest.mark.parametrize(
    "is_drill", [False, pytest.param(True, marks=pytest.mark.drill)]
)
def test_killed_while_it_comes_back_it_is_there_whole_or_not_at_all(
    settings: Settings, tmp_path: Path, is_drill: bool
) -> None:
    services = Services.open(settings)
    fill(services)
    folder = take_backup(services, tmp_path / "b", quiet).folder
    services.close()
    whole = settings_in(tmp_path / "whole")
    count = killed_at(None, lambda: restore_backup(whole, folder, quiet))
    assert count > 10

    for call in sampled(count, all_of_them=is_drill):
        target = settings_in(tmp_path / f"killed at {call}")
        killed_at(call, lambda target=target: restore_backup(target, folder, quiet))
        database = target.root / "lectern.sqlite3"
        if not database.exists():
            restore_backup(target, folder, quiet)
        assert faults(target) == []
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("SELECT count(*) FROM document").fetchone() == (
                2,
            )
