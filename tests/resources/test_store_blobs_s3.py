"""Blobs on S3 when it fails, is slow or away; on several machines; after a fork."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import text
from starlette.testclient import TestClient

from dashboard.api.stored_files import held_file
from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.errors import (
    BlobCorrupt,
    BlobMissing,
    StoreError,
    StoreRefused,
    StoreUnreachable,
)
from lectern.ids import BlobHash
from lectern.settings import S3, Settings
from resources.doctor import diagnose
from resources.services import Services
from resources.stores.blob_contract import blob_hash
from resources.stores.sweep import sweep
from resources.texts import text_of
from tests.resources.conftest import TEMPLATE
from tests.support.postgres import Server
from tests.support.s3_server import (
    S3Server,
    busy,
    forbidden,
    hang_up,
    s3_server,
    short,
    slow,
    times,
)
from tests.support.stores import add_document

LARGE = 20_000_000


@pytest.fixture(scope="module")
def one_server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def server(one_server: S3Server) -> Iterator[S3Server]:
    one_server.asked.clear()
    yield one_server
    one_server.faults.clear()


@pytest.fixture
def url(server: S3Server) -> str:
    return f"s3://{server.bucket()}/library"


def on_s3(
    settings: Settings, server: S3Server, url: str, **changed: object
) -> Settings:
    """Return settings of a machine whose blobs are in the bucket."""
    return settings.model_copy(
        update={"blobs_url": url, "s3": server.settings(**changed)}
    )


@pytest.fixture
def here(settings: Settings, server: S3Server, url: str) -> Iterator[Services]:
    services = Services.open(on_s3(settings, server, url))
    yield services
    services.close()


@pytest.fixture
def fresh(here: Services, tmp_path: Path) -> Services:
    """The same database and bucket, on a machine whose cache is empty."""
    s3 = here.settings.s3.model_copy(update={"cache_dir": tmp_path / "elsewhere"})
    return Services.open(here.settings.model_copy(update={"s3": s3}))


def cache_files(services: Services) -> list[Path]:
    folder = services.settings.s3.cache_dir or services.settings.root / "blob-cache"
    return [path for path in folder.glob("files/*/*") if path.is_file()]


def test_what_one_machine_stores_another_reads(here: Services, fresh: Services) -> None:
    name = here.blobs.put(b"voiced here")

    assert fresh.blobs.exists(name)
    assert fresh.blobs.read(name, verify=True) == b"voiced here"
    assert [path.name for path in cache_files(fresh)] == [name]


def test_what_is_cached_is_not_asked_for_again(
    here: Services, fresh: Services, server: S3Server
) -> None:
    name = here.blobs.put(b"heard often")
    fresh.blobs.read(name)
    server.asked.clear()

    assert here.blobs.read(name) == fresh.blobs.read(name)
    assert fresh.blobs.exists(name)
    assert server.asked == []


def test_many_who_want_the_same_blob_fetch_it_once(
    here: Services, fresh: Services, server: S3Server
) -> None:
    name = here.blobs.put(b"everybody listens")
    server.asked.clear()
    server.faults.append(slow)
    threads = [
        threading.Thread(target=fresh.blobs.read, args=(name,)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([line for line in server.asked if line.startswith("GET")]) == 1


def test_a_broken_cached_file_is_fetched_again(here: Services) -> None:
    name = here.blobs.put(b"whole")
    cache_files(here)[0].write_bytes(b"torn by a crash")

    assert here.blobs.read(name) == b"whole"


def test_a_busy_server_is_asked_again(here: Services, server: S3Server) -> None:
    server.faults.append(times(2, busy))

    name = here.blobs.put(b"patience")

    assert here.blobs.read(name) == b"patience"
    assert here.blobs.is_sound(name)


def test_half_of_an_object_is_never_taken_for_it(
    here: Services, fresh: Services, server: S3Server
) -> None:
    data = os.urandom(3_000_000)
    name = here.blobs.put(data)
    server.faults.append(times(1, short))

    assert fresh.blobs.read(name) == data


def test_wrong_bytes_are_not_given_out(
    here: Services, fresh: Services, server: S3Server, url: str
) -> None:
    name = here.blobs.put(b"right")
    for stored in server.objects(url.split("/")[2]):
        stored.value = b"wrong"

    with pytest.raises(BlobCorrupt, match="damaged"):
        fresh.blobs.read(name)
    assert cache_files(fresh) == []
    assert not fresh.blobs.is_sound(name)


def test_an_upload_that_breaks_off_leaves_nothing_visible(
    settings: Settings, server: S3Server, url: str, tmp_path: Path
) -> None:
    services = Services.open(on_s3(settings, server, url, retry_seconds=0))
    data = os.urandom(LARGE)
    arrived = tmp_path / "arrived"
    arrived.write_bytes(data)
    server.faults.append(
        lambda app, environ, start: (
            hang_up(app, environ, start)
            if "partNumber=2" in environ["QUERY_STRING"]
            else None
        )
    )

    with pytest.raises(StoreUnreachable, match="try again"):
        services.blobs.adopt(arrived, blob_hash(data))
    assert list(services.blobs.all()) == []
    assert not services.blobs.exists(blob_hash(data))

    server.faults.clear()
    services.blobs.adopt(arrived, blob_hash(data))
    assert services.blobs.is_sound(blob_hash(data))
    assert not arrived.exists()


def test_a_server_that_is_away_is_an_error_that_may_pass(
    settings: Settings, server: S3Server, url: str
) -> None:
    services = Services.open(on_s3(settings, server, url, retry_seconds=0.2))
    known = services.blobs.put(b"cached")
    server.stop()
    try:
        with pytest.raises(StoreUnreachable) as raised:
            services.blobs.put(b"anything")
        assert services.blobs.read(known) == b"cached"
        with pytest.raises(StoreUnreachable):
            services.blobs.read(BlobHash("1" * 64))
        with pytest.raises(StoreUnreachable):
            list(services.blobs.missing([known]))
    finally:
        server.start()

    assert (raised.value.retryable, raised.value.http_status) == (True, 503)
    assert "secret" not in raised.value.message
    assert services.blobs.put(b"anything")


def test_refused_keys_and_absent_buckets_say_what_to_mend(
    here: Services, settings: Settings, server: S3Server
) -> None:
    server.faults.append(forbidden)
    with pytest.raises(StoreRefused, match="LECTERN_S3__ACCESS_KEY_ID") as raised:
        here.blobs.put(b"x")
    assert not raised.value.retryable
    server.faults.clear()

    elsewhere = Services.open(on_s3(settings, server, "s3://no-such-bucket"))
    for ask in (
        lambda: elsewhere.blobs.put(b"x"),
        lambda: list(elsewhere.blobs.missing([BlobHash("1" * 64)])),
        lambda: elsewhere.blobs.read(BlobHash("1" * 64)),
    ):
        with pytest.raises(StoreRefused, match="no such bucket"):
            ask()


def test_the_doctor_takes_an_absent_store_for_no_loss(
    here: Services, server: S3Server
) -> None:
    add_document(here, "hello")

    def blobs() -> tuple[bool, str]:
        found = {check.name: check for check in diagnose(here.settings, deep=True)}
        return found["blobs"].ok, found["blobs"].message

    assert blobs()[0]
    assert blobs()[1].endswith(f"sound at {here.settings.blobs_url}.")
    server.faults.append(forbidden)
    assert not blobs()[0]
    assert "LECTERN_S3__ACCESS_KEY_ID" in blobs()[1]


def test_the_sweep_deletes_from_s3_what_no_row_names(
    here: Services, server: S3Server, url: str
) -> None:
    document = add_document(here, "kept")
    orphan = here.blobs.put(b"nobody names it")
    assert sweep(here).blobs == 0

    server.let_pass(url.split("/")[2], 2 * 86_400)
    renewed = here.blobs.put(b"about to be named")

    assert sweep(here).blobs == 1
    assert list(here.blobs.missing([document.blob, orphan, renewed])) == [orphan]


def test_another_machine_parses_what_was_uploaded_here(
    here: Services, fresh: Services
) -> None:
    words = b"Call me Ishmael. Some years ago, I went to sea."
    document = here.catalog.add(
        LOCAL,
        title="Whale",
        filename="whale.txt",
        format=Format.TEXT,
        blob=here.blobs.put(words),
        size_bytes=len(words),
    )
    preparation = fresh.preparation()

    preparation.recognise(document)
    preparation.sort(document)
    ready = preparation.split(document)

    text = text_of(here, ready)
    assert text is not None
    assert "Ishmael" in text.blocks[0].shown


def test_a_range_is_sent_from_a_file_that_stays_meanwhile(
    here: Services, server: S3Server, tmp_path: Path
) -> None:
    s3 = server.settings(cache_bytes=1_000_000, cache_dir=tmp_path / "small")
    small = Services.open(here.settings.model_copy(update={"s3": s3}))
    names = here.blobs.put_many([bytes([n]) * 600_000 for n in range(4)])
    answer = held_file(small.blobs, names[0], media_type="audio/ogg")
    for name in names[1:]:
        small.blobs.read(name)

    sent = TestClient(answer).get("/", headers={"range": "bytes=10-19"})

    assert (sent.status_code, sent.content) == (206, bytes(10))
    small.blobs.put(b"x" * 600_000)
    small.blobs.put(b"y" * 600_000)
    assert names[0] not in {path.name for path in cache_files(small)}


def test_a_put_waits_for_a_deletion_and_comes_after_it(
    services: Services, server: S3Server, url: str, tmp_path: Path
) -> None:
    """Without a guard the deletion, having asked for the age, would take the put."""
    settings = on_s3(services.settings, server, url)
    first, second = Services.open(settings), Services.open(settings)
    name = first.blobs.put(b"contended")
    server.let_pass(url.split("/")[2], 90_000)
    deleting, go_on = threading.Event(), threading.Event()

    def wait_before_deleting(_app: object, environ: dict[str, str], _s: object) -> None:
        if environ["REQUEST_METHOD"] == "DELETE":
            deleting.set()
            go_on.wait(60)

    server.faults.append(wait_before_deleting)  # type: ignore[arg-type]
    sweep = threading.Thread(
        target=first.blobs.delete, args=(name,), kwargs={"unused_seconds": 86_400}
    )
    sweep.start()
    assert deleting.wait(60)
    server.asked.clear()
    put = threading.Thread(target=second.blobs.put, args=(b"contended",))
    put.start()
    put.join(0.3)
    waited = put.is_alive() and not any(a.startswith("PUT") for a in server.asked)
    go_on.set()
    for thread in (sweep, put):
        thread.join()

    assert waited
    assert list(second.blobs.missing([name])) == []
    assert not first.blobs.delete(name, unused_seconds=86_400)
    first.close()
    second.close()


def test_a_put_whose_lock_was_lost_counts_for_nothing(
    postgres: Server, settings: Settings, server: S3Server, url: str
) -> None:
    with postgres.database(TEMPLATE) as database_url:
        shared = settings.model_copy(update={"database_url": database_url})
        services = Services.open(on_s3(shared, server, url))

        def cut_the_lock(_app: object, environ: dict[str, str], _s: object) -> None:
            if environ["REQUEST_METHOD"] == "PUT":
                server.faults.clear()
                end_other_connections(services)

        server.faults.append(cut_the_lock)  # type: ignore[arg-type]
        with pytest.raises(StoreError, match="database"):
            services.blobs.put(b"unprotected")

        assert services.blobs.put(b"unprotected")
        services.close()


def end_other_connections(services: Services) -> None:
    """End what else is connected to a database, as if its server had restarted."""
    query = text(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with services.database.write() as connection:
        connection.execute(query)


def test_a_forked_process_uses_s3_or_says_why_not(
    here: Services, tmp_path: Path
) -> None:
    """obstore's threads are not copied by a fork: it would wait for ever."""
    program = tmp_path / "forking.py"
    program.write_text(FORKING)
    asked = here.settings.s3
    assert asked.secret_access_key
    done = subprocess.run(
        [sys.executable, str(program)],
        env={
            **os.environ,
            "LECTERN_DATA_DIR": str(tmp_path / "forking"),
            "LECTERN_BLOBS_URL": str(here.settings.blobs_url),
            "LECTERN_S3__ENDPOINT": str(asked.endpoint),
            "LECTERN_S3__ACCESS_KEY_ID": str(asked.access_key_id),
            "LECTERN_S3__SECRET_ACCESS_KEY": "secret",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    first, second = done.stdout.splitlines()
    assert first == "stored"
    assert "forked from one that had used S3" in second
    assert here.blobs.read(blob_hash(b"by a child")) == b"by a child"


FORKING = """
import os, signal
from lectern.errors import StoreError
from lectern.settings import Settings
from resources.stores.blob_opening import open_blobs
from resources.stores.database import Database

settings = Settings(_env_file=None)
blobs = open_blobs(settings, Database(settings.database))

def fork_and_put():
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            blobs.put(b"by a child")
            print("stored", flush=True)
        except StoreError as error:
            print(error.message, flush=True)
        os._exit(0)
    os.waitpid(child, 0)

fork_and_put()
blobs.put(b"by the parent")
fork_and_put()
"""


def test_settings_refuse_what_cannot_be_meant() -> None:
    with pytest.raises(ValidationError, match="Both halves"):
        S3(access_key_id="only one")
    for wrong in ("s3://", "s3://key:secret@bucket", "/folder", "https://bucket"):
        with pytest.raises(ValidationError):
            Settings(_env_file=None, blobs_url=wrong)
    assert "hush" not in repr(
        S3(access_key_id="key", secret_access_key=SecretStr("hush"))
    )


def test_a_lost_blob_is_told_as_missing(here: Services) -> None:
    with pytest.raises(BlobMissing):
        here.blobs.read(BlobHash("1" * 64))
