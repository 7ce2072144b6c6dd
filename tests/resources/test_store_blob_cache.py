"""The cache keeps to its bytes, takes nothing away that is held, and trusts no file."""

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lectern.ids import BlobHash
from resources.stores.blob_cache import UNUSED_SECONDS, BlobCache
from resources.stores.blob_contract import blob_hash


def cached(cache: BlobCache, data: bytes) -> BlobHash:
    """Put a blob into the cache, as if it had been fetched."""
    aside = cache.new_path()
    aside.write_bytes(data)
    cache.keep(aside, blob_hash(data))
    return blob_hash(data)


def used(cache: BlobCache, name: BlobHash) -> bool:
    """Use a blob; tell whether it was here."""
    file = cache.take_hold(name)
    if file is not None:
        file.close()
    return file is not None


def test_what_was_used_least_recently_goes_first(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, limit_bytes=350)
    names = [cached(cache, bytes([n]) * 100) for n in range(3)]
    for age, name in enumerate((names[0], names[2], names[1])):
        then = time.time() - 100 + age
        os.utime(cache.path(name), (then, then))
    assert used(cache, names[0])

    newest = cached(cache, b"x" * 100)

    assert [used(cache, name) for name in names] == [True, True, False]
    assert used(cache, newest)


def test_what_is_held_stays_whatever_comes(tmp_path: Path) -> None:
    cache, other = (BlobCache(tmp_path, limit_bytes=250) for _ in range(2))
    name = cached(cache, b"held" * 25)
    held = cache.take_hold(name)
    assert held is not None

    for n in range(6):
        cached(other, bytes([n]) * 100)
    assert cache.path(name).exists()

    held.close()
    for n in range(6, 9):
        cached(other, bytes([n]) * 100)
    assert not cache.path(name).exists()


def test_a_held_file_stays_beside_other_processes(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, limit_bytes=1000)
    name = cached(cache, b"mine" * 25)
    held = cache.take_hold(name)
    assert held is not None
    filling = multiprocessing.get_context("spawn").Process(
        target=_fill, args=(tmp_path, 30)
    )
    filling.start()
    filling.join()

    assert filling.exitcode == 0
    assert cache.path(name).read_bytes() == b"mine" * 25
    held.close()


def _fill(folder: Path, count: int) -> None:
    cache = BlobCache(folder, limit_bytes=1000)
    for n in range(count):
        cached(cache, bytes([n]) * 100)


def test_a_broken_file_is_not_given_out(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, limit_bytes=1000)
    name = cached(cache, b"whole")
    cache.path(name).write_bytes(b"torn by a crash")

    assert not used(cache, name)
    assert not cache.path(name).exists()


def test_another_process_trusts_nothing_that_it_has_not_hashed(tmp_path: Path) -> None:
    name = cached(BlobCache(tmp_path, limit_bytes=1000), b"whole")
    BlobCache(tmp_path, limit_bytes=1000).path(name).write_bytes(b"whol3")

    assert not used(BlobCache(tmp_path, limit_bytes=1000), name)


def test_what_nobody_used_for_long_goes_with_the_next_count(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, limit_bytes=1000)
    old = cached(cache, b"deleted elsewhere")
    then = time.time() - UNUSED_SECONDS - 1
    os.utime(cache.path(old), (then, then))
    (tmp_path / "count").write_bytes(b"")  # as if counted long ago

    kept = cached(cache, b"new")

    assert (used(cache, old), used(cache, kept)) == (False, True)


def test_a_file_too_large_for_the_cache_is_given_out_once(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, limit_bytes=100)
    large = cached(cache, b"x" * 500)

    assert used(cache, large)
    cached(cache, b"small")
    assert not used(cache, large)


@hypothesis_settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=40))
def test_the_cache_keeps_to_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    caches = [BlobCache(folder, limit_bytes=200) for _ in range(2)]
    for n, size in enumerate(sizes):
        cached(caches[n % 2], n.to_bytes(1, "big") * size)

        here = sum(path.stat().st_size for path in folder.glob("files/*/*"))
        assert here <= 200


def test_many_threads_share_a_cache(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, limit_bytes=500)
    wrong: list[bytes] = []

    def use(first: int) -> None:
        for n in range(first, first + 40):
            data = bytes([n % 11]) * 100
            name = blob_hash(data)
            held = cache.take_hold(name)
            if held is None:
                cached(cache, data)
                continue
            with held:
                if cache.path(name).read_bytes() != data:
                    wrong.append(data)

    threads = [threading.Thread(target=use, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
