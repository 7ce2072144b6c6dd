"""Uploads: resumable, capped, durable when acknowledged, gone when given up."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lectern.accounts.people import LOCAL
from lectern.errors import DiskReserveReached, FileTooLarge, InvalidRequest, NotFound
from lectern.settings import Limits, Settings
from resources.services import Services
from resources.stores.blob_contract import blob_hash
from tests.support.stores import OTHER, Clock, file_of, settings_in


@hypothesis_settings(max_examples=hypothesis_settings().max_examples // 3)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=8),
    restart_after=st.integers(0, 8),
)
def test_a_file_arrives_whole_whatever_the_pieces_and_restarts(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], restart_after: int
) -> None:
    folder = tmp_path_factory.mktemp("uploads")
    services = Services.open(settings_in(folder))
    data = b"".join(pieces)
    upload = services.uploads.begin(LOCAL, "book.pdf", len(data))
    for number, piece in enumerate(pieces):
        if number == restart_after:
            services.close()
            services = Services.open(settings_in(folder))
        offset = services.uploads.get(LOCAL, upload.id).offset_bytes
        services.uploads.advance(LOCAL, upload.id, offset=offset, data=piece)

    name = services.uploads.finish(LOCAL, upload.id)

    assert name == blob_hash(data)
    assert services.blobs.read(name, verify=True) == data
    services.close()


def test_a_piece_sent_twice_is_added_once(services: Services) -> None:
    upload = services.uploads.begin(LOCAL, "a", 4)
    services.uploads.advance(LOCAL, upload.id, offset=0, data=b"ab")

    again = services.uploads.advance(LOCAL, upload.id, offset=0, data=b"ab")
    assert again.offset_bytes == 2
    ended = services.uploads.advance(LOCAL, upload.id, offset=2, data=b"cd")
    assert ended.is_complete
    assert services.uploads.finish(LOCAL, upload.id) == blob_hash(b"abcd")


def test_bytes_that_ran_ahead_of_their_row_are_written_again(
    services: Services,
) -> None:
    """A crash between the write and the row must not shift the rest."""
    upload = services.uploads.begin(LOCAL, "a", 4)
    file_of(services, upload).write_bytes(b"abXXXX")

    services.uploads.advance(LOCAL, upload.id, offset=0, data=b"abcd")

    assert services.uploads.finish(LOCAL, upload.id) == blob_hash(b"abcd")


def test_too_many_bytes_are_refused_before_and_during(tmp_path: Path) -> None:
    limits = Limits(upload_bytes=10)
    settings = Settings(
        _env_file=None, data_dir=tmp_path, disk_reserve_bytes=0, limits=limits
    )
    services = Services.open(settings)

    with pytest.raises(FileTooLarge, match="Split it"):
        services.uploads.begin(LOCAL, "big", 11)
    upload = services.uploads.begin(LOCAL, "lies", 3)
    with pytest.raises(InvalidRequest, match="More bytes"):
        services.uploads.advance(LOCAL, upload.id, offset=0, data=b"four")
    services.close()


def test_no_upload_eats_the_disk_reserve(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, disk_reserve_bytes=2**60)
    services = Services.open(settings)

    with pytest.raises(DiskReserveReached, match="must stay free"):
        services.uploads.begin(LOCAL, "a", 1)
    with pytest.raises(DiskReserveReached):
        services.require_disk()
    services.close()


def test_empty_and_unfinished_files_are_no_documents(services: Services) -> None:
    with pytest.raises(InvalidRequest, match="empty"):
        services.uploads.begin(LOCAL, "nothing.txt", 0)
    upload = services.uploads.begin(LOCAL, "a", 2)
    with pytest.raises(InvalidRequest, match="completely"):
        services.uploads.finish(LOCAL, upload.id)


def test_nobody_reaches_the_uploads_of_others(services: Services) -> None:
    upload = services.uploads.begin(LOCAL, "a", 2)

    with pytest.raises(NotFound):
        services.uploads.advance(OTHER, upload.id, offset=0, data=b"xx")
    services.uploads.abandon(OTHER, upload.id)

    assert services.uploads.get(LOCAL, upload.id).offset_bytes == 0


def test_what_is_given_up_leaves_nothing(services: Services) -> None:
    upload = services.uploads.begin(LOCAL, "a", 2)

    services.uploads.abandon(LOCAL, upload.id)

    assert not file_of(services, upload).exists()
    with pytest.raises(NotFound, match="Start it again"):
        services.uploads.get(LOCAL, upload.id)


def test_silent_uploads_expire(timed: Services, clock: Clock) -> None:
    upload = timed.uploads.begin(LOCAL, "a", 2)
    clock.pass_(3600)

    expired = timed.uploads.expired(timedelta(minutes=59))

    assert [old.id for old in expired] == [upload.id]
    assert timed.uploads.expired(timedelta(minutes=61)) == []
