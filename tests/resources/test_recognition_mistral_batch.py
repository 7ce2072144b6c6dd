"""Mistral's batches: polled, resumed, cancelled, and whatever they end as."""

import pytest

from lectern.documents.pages import RecognitionMethod
from lectern.errors import BadEngineReply, Cancelled, TooManyFallbacks
from resources.engines.recognition.mistral_batch import MistralBatchRecogniser
from tests.resources.test_recognition_mistral import (
    numbers_of,
    read,
    recogniser,
    scans,
    server,
    words_of,
)
from tests.support.recognising import RememberingCache

__all__ = ["scans", "server"]


def batch(server, **changes):
    changes = {"pages_per_request": 2, **changes}
    return recogniser(server, MistralBatchRecogniser, **changes)


def test_a_batch_is_uploaded_waited_for_and_read(server, scans):
    server.looks_until_done = 3
    found = read(batch(server), scans)
    [job] = server.batches.values()

    assert job.looks == 3
    assert numbers_of(found) == [1, 2, 3, 4, 5, 6]
    assert "page 4 was lit" in words_of(found.pages[3])
    assert found.sent_pages == 6
    assert server.asked == []  # nothing at the full price


def test_a_line_says_what_it_asks_for_by_content_and_pages(server, scans):
    read(batch(server), scans)
    [job] = server.batches.values()
    ids = [request["custom_id"] for request in job.requests]

    assert [id_.partition(":")[2] for id_ in ids] == ["1-2", "3-4", "5-6"]
    assert len({id_.partition(":")[0] for id_ in ids}) == 3
    assert "include_image_base64" in job.requests[0]["body"]


def test_nothing_of_the_document_is_left_there(server, scans):
    read(batch(server), scans)

    assert server.files == {}
    assert len(server.deleted) == 2


def test_a_line_that_failed_is_asked_for_again_by_itself(server, scans):
    failed = []

    def once(custom_id):
        if custom_id.endswith(":3-4") and not failed:
            failed.append(custom_id)
            return 500
        return 200

    server.batch_done = once
    found = read(batch(server), scans)
    second = list(server.batches.values())[1]

    assert [r["custom_id"].partition(":")[2] for r in second.requests] == ["3-4"]
    assert {page.method for page in found.pages} == {RecognitionMethod.MISTRAL}


def test_pages_that_always_fail_are_read_here(server, scans):
    server.batch_done = lambda custom_id: 500 if custom_id.endswith(":2-2") else 200
    found = read(batch(server, pages_per_request=1), scans)

    assert found.pages[1].method is not RecognitionMethod.MISTRAL
    assert "read on this machine" in found.pages[1].remarks[-1]


@pytest.mark.parametrize("status", ["TIMEOUT_EXCEEDED", "FAILED", "CANCELLED"])
def test_what_a_batch_has_read_is_kept_however_it_ended(server, scans, status):
    server.batch_end = status
    server.batch_done = lambda custom_id: 0 if custom_id.endswith(":6-6") else 200
    found = read(batch(server, pages_per_request=1), scans)

    assert len(server.batches) == 1  # it is not tried again by itself
    methods = [page.method for page in found.pages]
    assert methods.count(RecognitionMethod.MISTRAL) == 5
    assert "read on this machine" in found.pages[5].remarks[-1]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("TIMEOUT_EXCEEDED", "not done within the time"),
        ("FAILED", "the file was not understood"),
        ("CANCELLED", "was cancelled at Mistral"),
    ],
)
def test_a_batch_that_ends_with_nothing_says_why(server, scans, status, why):
    server.batch_end = status
    server.batch_done = lambda custom_id: 0

    with pytest.raises(BadEngineReply, match=why):
        read(batch(server), scans)


def test_half_a_batch_is_kept_for_the_next_try(server, scans):
    server.batch_end = "TIMEOUT_EXCEEDED"
    server.batch_done = lambda custom_id: 200 if custom_id.endswith(":1-2") else 0
    cache = RememberingCache()
    with pytest.raises(TooManyFallbacks, match="2 of 6"):
        read(batch(server), scans, cache=cache)
    server.batch_end, server.batch_done = "SUCCESS", lambda custom_id: 200
    found = read(batch(server), scans, cache=cache)

    assert (found.reused_pages, found.sent_pages) == (2, 4)


def test_a_run_that_takes_over_finds_the_batch_of_the_one_that_died(server, scans):
    server.looks_until_done = 10_000

    def die(done, total):
        if server.batches:
            raise MemoryError  # as abrupt as a lost process

    with pytest.raises(MemoryError):
        read(batch(server), scans, progress=die)
    server.looks_until_done = 1
    found = read(batch(server), scans)

    assert len(server.batches) == 1
    assert server.cancelled == []
    assert numbers_of(found) == [1, 2, 3, 4, 5, 6]


def test_a_batch_whose_results_are_gone_is_asked_for_anew(server, scans):
    read(batch(server), scans)
    found = read(batch(server), scans)  # with an empty cache

    assert len(server.batches) == 2
    assert numbers_of(found) == [1, 2, 3, 4, 5, 6]


def test_a_person_who_stops_it_stops_the_batch_too(server, scans):
    server.looks_until_done = 10_000

    def stop(done, total):
        if server.batches:
            raise Cancelled("Stop.")

    with pytest.raises(Cancelled):
        read(batch(server), scans, progress=stop)
    assert server.cancelled == list(server.batches)
    assert server.files == {}


def test_a_state_nobody_knows_yet_is_waited_through(server, scans):
    server.states = ["QUEUED", "BEING_POLISHED", "RUNNING"]
    found = read(batch(server), scans)
    assert numbers_of(found) == [1, 2, 3, 4, 5, 6]


def test_a_batch_costs_half(server):
    assert batch(server).price_micros(1000) == 2_000_000
    assert recogniser(server).price_micros(1000) == 4_000_000
