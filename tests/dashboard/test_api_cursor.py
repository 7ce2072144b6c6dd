"""Cursors: kept, counted truly, followed by exactly one run."""

import httpx
import pytest

from lectern.accounts.people import LOCAL
from lectern.errors import AllowanceUsedUp
from lectern.jobs.states import JobKind
from lectern.usage.events import EventKind
from lectern.usage.waits import UNDERRUNS_AT_ONCE, Wait
from resources.services import Services
from tests.support.library import SOMEBODY_ELSE, new_document, ready_document

REPORT = {
    "session": "tab-1",
    "sequence": 1,
    "block": 2,
    "offset_ms": 700,
    "playing": True,
    "rate": 1.5,
    "voice": "espeak:en-gb",
    "listened_ms": 0,
    "listened_words": 0,
}


def report(client: httpx.Client, document_id: str, **changes) -> httpx.Response:
    path = f"/api/documents/{document_id}/cursor"
    return client.post(path, json={**REPORT, **changes})


def listened(services: Services) -> list[dict]:
    return [
        event.payload
        for event in services.outbox.pending()
        if event.kind is EventKind.LISTENED
    ]


def test_a_place_is_found_again_though_dagster_is_away(client, services: Services):
    document = ready_document(services)

    posted = report(client, document.id)

    assert (posted.status_code, posted.json()) == (200, {"listening": True})
    kept = client.get(f"/api/documents/{document.id}/cursor")
    assert kept.headers["cache-control"] == "no-store"
    assert kept.json() | {"updated_at": ""} == {
        "block": 2,
        "offset_ms": 700,
        "rate": 1.5,
        "voice": "espeak:en-gb",
        "updated_at": "",
    }


def test_how_listening_goes_is_counted_once_and_within_reason(
    client, services: Services
):
    document = ready_document(services)
    seen = {"first_sound_ms": 420, "underruns": 1_000_000}

    report(client, document.id, **seen)
    report(client, document.id, **seen)  # the same once more
    report(client, document.id, sequence=2)
    refused = report(client, document.id, sequence=3, first_sound_ms=-1)

    assert refused.status_code == 400
    assert services.playing.waits(Wait.FIRST_SOUND).counts == {500: 1}
    assert services.playing.underruns() == UNDERRUNS_AT_ONCE


def test_a_document_never_opened_has_no_place(client, services: Services):
    document = ready_document(services)

    assert client.get(f"/api/documents/{document.id}/cursor").json() is None


def test_many_reports_are_followed_by_one_run(client, services: Services):
    document = ready_document(services)

    for sequence in range(5):
        report(client, document.id, sequence=sequence)

    assert (
        len(
            services.jobs.for_document(
                document.principal, document.id, kind=JobKind.LISTEN
            )
        )
        == 1
    )


def test_a_stopped_run_gets_a_successor(client, services: Services):
    document = ready_document(services)
    report(client, document.id)
    [first] = services.jobs.for_document(document.principal, document.id)
    services.jobs.start(first.id, "run-1")
    services.jobs.finish(first.id)

    report(client, document.id, sequence=2)

    assert (
        len(
            services.jobs.for_document(
                document.principal, document.id, kind=JobKind.LISTEN
            )
        )
        == 2
    )


def test_nothing_is_voiced_for_a_document_in_preparation(client, services: Services):
    document = new_document(services)

    assert report(client, document.id).status_code == 200
    assert services.jobs.for_document(document.principal, document.id) == []


def test_a_late_report_moves_nothing_and_counts_nothing(client, services: Services):
    document = ready_document(services)
    report(client, document.id, sequence=5, block=4)

    report(client, document.id, sequence=4, block=1, listened_ms=900)

    assert client.get(f"/api/documents/{document.id}/cursor").json()["block"] == 4
    assert listened(services) == []


def test_listening_is_counted_as_far_as_it_can_be_true(client, services: Services):
    document = ready_document(services)
    report(client, document.id)

    report(client, document.id, sequence=2, listened_ms=3_600_000, listened_words=9000)

    [event] = listened(services)
    # An hour was claimed a moment after the last report, at one and a half speed.
    assert 1500 <= event["media_ms"] < 6000
    assert event["wall_ms"] == pytest.approx(event["media_ms"] / 1.5, abs=2)
    assert event["words"] <= event["media_ms"] / 1000 * 15


@pytest.mark.parametrize(
    "change",
    [
        {"rate": 0},
        {"block": -1},
        {"block": 5},  # there are five
        {"session": ""},
        {"rate": "fast"},
        {"speed": 1},
        {"sequence": 99999999999999999999999},
        {"listened_ms": 2**70},
    ],
)
def test_a_report_that_makes_no_sense_is_refused(client, services: Services, change):
    document = ready_document(services)

    assert report(client, document.id, **change).status_code == 400


def test_a_voice_nobody_has_is_refused(client, services: Services):
    document = ready_document(services)

    answer = report(client, document.id, voice="espeak:klingon")

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_voice")


def test_a_reader_that_was_just_opened_has_not_listened_for_minutes(
    client, services: Services
):
    document = ready_document(services)
    report(client, document.id, listened_ms=180_000)
    assert listened(services) == []

    report(client, document.id, session="tab-2", listened_ms=180_000)

    # It took over from a reader that was playing; more than a moment is not believed.
    assert [event["wall_ms"] <= 1000 for event in listened(services)] == [True]


def test_while_nothing_plays_nothing_is_heard(client, services: Services):
    document = ready_document(services)
    report(client, document.id, playing=False)

    report(client, document.id, sequence=2, listened_ms=900)

    assert listened(services) == []


def test_a_report_is_small(client, services: Services):
    document = ready_document(services)

    assert report(client, document.id, voice="v" * 5000).status_code == 400


def test_nobody_reports_on_another_persons_document(client, services: Services):
    theirs = ready_document(services, principal=SOMEBODY_ELSE)

    assert report(client, theirs.id).status_code == 404
    assert services.jobs.for_document(theirs.principal, theirs.id) == []


def test_without_an_allowance_the_place_is_kept_and_no_run_is_begun_for_nothing(
    client, services: Services
):
    document = ready_document(services)
    job, _ = services.jobs.ensure_listener(
        LOCAL, document_id=document.id, parameters={}
    )
    services.jobs.start(job.id, "run")
    services.jobs.fail(job.id, AllowanceUsedUp("Nothing is left."))

    answer = report(client, document.id)

    assert (answer.status_code, answer.json()["message"]) == (402, "Nothing is left.")
    assert client.get(f"/api/documents/{document.id}/cursor").json()["block"] == 2
    assert [one.id for one in services.jobs.for_document(LOCAL, document.id)] == [
        job.id
    ]
