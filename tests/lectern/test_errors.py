"""Which failures are worth another try, by their code alone."""

import pytest

from lectern import errors


@pytest.mark.parametrize(
    "code", ["engine_crashed", "worker_lost", "cancelled", "unexpected", "disk_reserve"]
)
def test_a_passing_failure_may_be_tried_again(code):
    assert errors.may_succeed_again(code)


@pytest.mark.parametrize(
    "code", ["password_protected", "too_many_pixels", "legacy_format", "damaged_file"]
)
def test_what_lies_in_the_file_fails_every_time(code):
    assert not errors.may_succeed_again(code)


PASSING = {"engine", "engine_busy", "engine_crashed", "bad_engine_reply"}
PASSING |= {"page_unreachable", "worker_lost", "store", "store_unreachable"}
PASSING |= {"sign_in_unavailable"}
"""Failures of others that may be gone a moment later: an engine, a server, a worker, a
database. Whatever is retryable by its class is tried again without anybody asking."""


def test_only_what_may_pass_is_tried_again_by_itself():
    waiting, found = [errors.LecternError], set()
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        found |= {one.code} if one.retryable else set()

    assert found == PASSING


def test_a_code_of_another_version_may_be_tried_again():
    assert errors.may_succeed_again("from_the_future")
    assert errors.may_succeed_again(None)


def test_every_code_names_one_class():
    assert errors.class_of("blob_missing") is errors.BlobMissing
    assert errors.class_of("lectern") is errors.LecternError
