"""Mistral's OCR by its own client, against its protocol on loopback."""

import json
import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind, RecognitionMethod
from lectern.errors import (
    Cancelled,
    EngineBusy,
    EngineCrashed,
    EngineUnavailable,
    TooManyFallbacks,
)
from lectern.settings import Mistral, Settings
from resources.engines.recognition.local import LocalRecogniser
from resources.engines.recognition.mistral import MistralRecogniser
from resources.engines.recognition.mistral_prices import price_micros
from tests.support.mistral_server import (
    KEY,
    MODEL,
    MistralServer,
    Plan,
    numbered,
    usual_page,
)
from tests.support.recognising import RememberingCache, text_of


@pytest.fixture
def server() -> Iterator[MistralServer]:
    """Run Mistral's API for one test."""
    with MistralServer().running() as running:
        yield running


def recogniser(server: MistralServer, kind=MistralRecogniser, **changes):
    values = {
        "api_key": SecretStr(KEY),
        "address": server.address,
        "pages_per_request": 4,
        "retry_seconds": 0,
        "timeout_seconds": 5,
        "batch_poll_seconds": 0.05,
    }
    settings = Settings(_env_file=None, mistral=Mistral(**{**values, **changes}))
    return kind(settings, LocalRecogniser(settings))


def read(engine, path: Path, *, cache=None, progress=lambda d, t: None, **more):
    return engine.recognise(
        path,
        Format.PDF,
        cache=cache or RememberingCache(),
        progress=progress,
        **more,
    )


def numbers_of(recognition) -> list[int]:
    return [page.number for page in recognition.pages]


def words_of(page) -> str:
    return "\n".join(element.text for element in page.elements)


@pytest.fixture
def scans(tmp_path) -> Path:
    """Return six scanned pages."""
    return numbered(tmp_path / "scans.pdf", 6)


def test_pages_are_sent_in_ranges_and_come_back_as_elements(server, scans):
    found = read(recogniser(server), scans)

    assert sorted(server.seen) == [[1, 2, 3, 4], [5, 6]]
    assert numbers_of(found) == [1, 2, 3, 4, 5, 6]
    assert [(e.kind, e.text) for e in found.pages[2].elements] == [
        (BlockKind.FURNITURE, "THE KEEPER"),
        (BlockKind.HEADING, "Page 3"),
        (
            BlockKind.PARAGRAPH,
            "The lamp of page 3 was lit at dusk¹ and seen from afar.",
        ),
        (BlockKind.FOOTNOTE, "¹ By four men."),
        (BlockKind.FURNITURE, "3"),
    ]
    page = found.pages[2]
    assert page.method is RecognitionMethod.MISTRAL
    assert (page.confidence, round(page.width_pt)) == (0.97, 403)


def test_the_model_that_answered_and_its_reply_are_kept(server, scans):
    server.model = "mistral-ocr-4-1-completion"
    found = read(recogniser(server), scans)

    assert {page.engine for page in found.pages} == {"mistral-ocr-4-1-completion"}
    kept = [json.loads(reply) for reply in found.replies]
    assert sorted(reply["pages"] for reply in kept) == [[1, 2, 3, 4], [5, 6]]
    assert kept[0]["reply"]["usage_info"]["pages_processed"] in (4, 2)
    assert found.sent_pages == 6


def test_the_model_is_the_pinned_one_and_latest_is_refused(server, scans):
    read(recogniser(server), scans)

    assert {body["model"] for body in server.asked} == {MODEL}
    with pytest.raises(ValidationError, match="names no fixed model"):
        Mistral(model="mistral-ocr-latest")


def test_pages_that_read_well_here_are_not_sent(server, tmp_path):
    path = numbered(tmp_path / "mixed.pdf", 5, born_digital=frozenset({1, 2, 4}))
    found = read(recogniser(server), path)

    assert sorted(server.seen) == [[3], [5]]
    methods = [page.method for page in found.pages]
    assert methods.count(RecognitionMethod.TEXT_LAYER) == 3
    assert found.sent_pages == 2


def test_all_pages_are_sent_when_a_person_asks_for_them(server, tmp_path):
    path = numbered(tmp_path / "mixed.pdf", 3, born_digital=frozenset({1, 2}))
    read(recogniser(server), path, all_pages=True)

    assert server.seen == [[1, 2, 3]]


def test_nothing_but_pdf_and_pictures_leaves(server, tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("# A title\n\nAnd some words.")
    found = recogniser(server).recognise(
        path, Format.MARKDOWN, cache=RememberingCache(), progress=lambda d, t: None
    )

    assert server.asked == []
    assert "And some words." in text_of(found)


def test_pages_in_any_order_are_put_by_their_index(server, scans):
    server.plans = [Plan(order=lambda pages: pages[::-1])] * 2
    found = read(recogniser(server), scans)

    for page in found.pages:
        assert f"page {page.number} was lit" in words_of(page)


def test_pages_counted_from_one_are_understood(server, scans):
    server.plans = [Plan(first_index=1)] * 2
    found = read(recogniser(server), scans)

    assert "page 6 was lit" in words_of(found.pages[5])


def test_of_a_page_that_comes_twice_the_fuller_one_is_taken(server, scans):
    def twice(pages):
        empty = {**usual_page(1, 0), "blocks": None, "markdown": "", "footer": None}
        return [*pages, empty]

    server.plans = [Plan(order=twice)] * 2
    found = read(recogniser(server), scans)

    assert numbers_of(found) == [1, 2, 3, 4, 5, 6]
    assert "page 1 was lit" in words_of(found.pages[0])


def test_missing_pages_are_asked_for_again_alone(server, scans):
    server.plans = [Plan(without=frozenset({2, 3}))]
    found = read(recogniser(server, parallel_requests=1), scans)

    assert server.seen == [[1, 2, 3, 4], [5, 6], [2, 3]]
    assert numbers_of(found) == [1, 2, 3, 4, 5, 6]


def test_a_page_that_never_comes_is_read_here_and_says_so(server, scans):
    server.plans = [Plan(without=frozenset({2}))] * 9
    found = read(recogniser(server, parallel_requests=1), scans)

    assert server.seen == [[1, 2, 3, 4], [5, 6], [2], [2]]
    assert found.pages[1].method is not RecognitionMethod.MISTRAL
    assert "Mistral OCR did not return this page" in found.pages[1].remarks[-1]


def test_a_document_with_too_many_lost_pages_is_refused(server, scans):
    server.plans = [Plan(without=frozenset({2, 3, 4}))] * 9

    with pytest.raises(TooManyFallbacks, match="3 of 6 pages"):
        read(recogniser(server), scans)


def test_what_came_before_a_refusal_is_not_paid_for_again(server, scans):
    server.plans = [Plan(without=frozenset({2, 3, 4}))] * 9
    cache = RememberingCache()
    with pytest.raises(TooManyFallbacks):
        read(recogniser(server), scans, cache=cache)
    server.plans, server.seen = [], []
    found = read(recogniser(server), scans, cache=cache)

    assert server.seen == [[2, 3, 4]]
    assert (found.reused_pages, found.sent_pages) == (3, 3)


def test_the_same_scan_in_another_file_is_not_sent_again(server, scans, tmp_path):
    cache = RememberingCache()
    read(recogniser(server), scans, cache=cache)
    other = numbered(tmp_path / "other.pdf", 7)
    server.seen = []
    found = read(recogniser(server), other, cache=cache)

    assert server.seen == [[7]]
    assert found.reused_pages == 6
    assert found.pages[0].engine == MODEL


def test_a_server_that_is_busy_is_asked_again_when_it_says(server, scans):
    server.plans = [Plan(status=429, headers={"retry-after": "1"})]
    engine = recogniser(server, retry_seconds=20, pages_per_request=6)
    found = read(engine, scans)

    assert len(found.pages) == 6
    assert server.at[1] - server.at[0] >= 1.0


def test_a_wait_past_all_reason_is_not_waited_for(server, scans):
    server.plans = [Plan(status=429, headers={"retry-after": "86400"})] * 9

    with pytest.raises(EngineBusy, match="1440 minutes") as caught:
        read(recogniser(server, retry_seconds=20), scans)
    assert caught.value.retry_after_seconds == 86400


def test_a_failure_of_the_server_is_tried_again(server, scans):
    server.plans = [Plan(status=500), Plan(status=503)]
    engine = recogniser(server, retry_seconds=30, pages_per_request=6)
    found = read(engine, scans)

    assert (len(server.asked), len(found.pages)) == (3, 6)


def test_one_timeout_stops_nothing_else(server, scans):
    server.plans = [Plan(seconds=2)]
    engine = recogniser(server, timeout_seconds=0.5, parallel_requests=1)
    found = read(engine, scans)

    assert numbers_of(found) == [1, 2, 3, 4, 5, 6]
    assert {page.method for page in found.pages} == {RecognitionMethod.MISTRAL}


def test_a_server_that_only_fails_is_named_as_the_reason(server, scans):
    server.plans = [Plan(status=500)] * 20

    with pytest.raises(EngineCrashed, match="status 500"):
        read(recogniser(server), scans)


def test_a_wrong_key_ends_it_at_once_and_is_not_shown(server, scans, caplog):
    caplog.set_level(logging.DEBUG)
    engine = recogniser(server, api_key=SecretStr("wrong-key-0815"))
    with pytest.raises(EngineUnavailable, match="refused the key") as caught:
        read(engine, scans)

    assert "wrong-key-0815" not in caught.value.message + caplog.text


def test_a_retired_model_is_named(server, scans):
    with pytest.raises(EngineUnavailable, match="retired"):
        read(recogniser(server, model="mistral-ocr-2503"), scans)


def test_without_a_key_it_says_which_setting_is_missing(server):
    with pytest.raises(EngineUnavailable, match="LECTERN_MISTRAL__API_KEY"):
        recogniser(server, api_key=None)


def test_a_file_too_large_for_one_request_is_cut_smaller(server, scans):
    engine = recogniser(server, pages_per_request=6)
    engine._mistral = engine._mistral.model_copy(update={"request_bytes": 12_000})
    found = read(engine, scans)

    assert max(map(len, server.seen)) < 6
    assert numbers_of(found) == [1, 2, 3, 4, 5, 6]


def test_a_page_too_large_by_itself_is_sent_as_a_picture(server, scans):
    engine = recogniser(server)
    engine._mistral = engine._mistral.model_copy(update={"request_bytes": 10})
    found = read(engine, scans)

    assert {body["document"]["type"] for body in server.asked} == {"image_url"}
    assert "page 5 was lit" in words_of(found.pages[4])


def test_a_person_can_stop_it(server, scans):
    def stop(done, total):
        if server.asked:
            raise Cancelled("Stop.")

    server.plans = [Plan(seconds=1)] * 9
    with pytest.raises(Cancelled):
        read(recogniser(server, parallel_requests=1), scans, progress=stop)
    assert len(server.asked) == 1


def test_progress_counts_pages(server, scans):
    told = []
    read(recogniser(server), scans, progress=lambda *how_far: told.append(how_far))

    assert told[-1] == (6, 6)
    assert sorted(told) == told


@pytest.mark.parametrize("junk", [b"[]", b'{"pages": 7}', b'{"pages": [{}]}', b"{"])
def test_a_reply_that_is_none_is_asked_for_again(server, scans, junk):
    server.plans = [Plan(body=junk)]
    engine = recogniser(server, pages_per_request=6)

    assert numbers_of(read(engine, scans)) == [1, 2, 3, 4, 5, 6]


def test_prices_hold_for_dated_names_and_days():
    day = date(2026, 11, 21)

    assert price_micros(MODEL, 1000, on=day) == 4_000_000
    assert price_micros(MODEL, 1000, on=day, is_batch=True) == 2_000_000
    assert price_micros("mistral-ocr-2512", 10, on=day) == 20_000
    assert price_micros("mistral-ocr-4-0", 10, on=day) is None
    assert price_micros("mistral-ocr-9", 10, on=day) is None
    assert price_micros(MODEL, 1, on=date(2026, 1, 1)) is None
