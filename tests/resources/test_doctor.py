"""The doctor finds what is wrong, says what to do, and changes nothing."""

import dataclasses

import pytest
from sqlalchemy import text

from lectern.accounts.people import LOCAL, Role
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from resources import doctor
from resources.doctor import Check, diagnose, mend
from resources.services import Services
from tests.support.accounts import with_accounts
from tests.support.stores import add_document, key_of, link_to, voice


def named(checks: list[Check], name: str) -> Check:
    """Return the check of a name."""
    return next(check for check in checks if check.name == name)


def test_a_sound_installation_passes(stored: Settings, services: Services) -> None:
    document = add_document(services, "hello")
    voice(services, document, link_to("hello"))
    services.usage_events().drain()
    services.statistics_publisher().publish()

    checks = diagnose(stored, deep=True)

    assert [check for check in checks if check.required and not check.ok] == []


def test_missing_and_damaged_blobs_are_named(
    stored: Settings, services: Services
) -> None:
    document = add_document(services, "hello")
    voice(services, document, link_to("hello"))
    audio = services.variants.find([key_of("hello")])[key_of("hello")].blob
    services.blobs.path(audio).write_bytes(b"changed")
    services.blobs.delete(document.blob)

    quick, deep = diagnose(stored), diagnose(stored, deep=True)

    assert named(quick, "blobs").message.startswith("1 missing, 0 damaged")
    assert named(deep, "blobs").message.startswith("1 missing, 1 damaged")
    assert audio[:12] in named(deep, "blobs").message


def test_damaged_audio_is_mended_by_making_it_again(
    stored: Settings, services: Services
) -> None:
    document = add_document(services, "hello")
    voice(services, document, link_to("hello"))
    audio = services.variants.find([key_of("hello")])[key_of("hello")].blob
    services.blobs.path(audio).write_bytes(b"changed")

    assert mend(services) == 0
    assert mend(services, deep=True) == 1

    assert named(diagnose(stored, deep=True), "blobs").ok
    assert services.variants.claim(key_of("hello"), "again", 30) is not None


def test_stuck_work_is_noticed(stored: Settings, services: Services) -> None:
    document = add_document(services)
    silent = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
    services.jobs.start(silent.id, "r")
    with services.database.write() as connection:
        connection.execute(text("UPDATE job SET heartbeat_at = '2020-01-01 00:00:00'"))
        connection.execute(text("UPDATE job SET created_at = '2020-01-01 00:00:00'"))

    check = named(diagnose(stored), "jobs")

    assert not check.ok
    assert check.message.startswith("1 gave no sign of life, 1 wait")


def test_events_that_wait_for_long_are_noticed(
    stored: Settings, services: Services
) -> None:
    add_document(services)
    with services.database.write() as connection:
        connection.execute(text("UPDATE outbox SET at = '2020-01-01 00:00:00'"))

    assert not named(diagnose(stored), "events").ok


def test_a_database_of_another_version_is_the_first_finding(
    stored: Settings, services: Services
) -> None:
    with services.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    first = diagnose(stored)[0]

    assert (first.name, first.ok) == ("database", False)
    assert "newer version" in first.message


def test_lost_statistics_are_noticed(stored: Settings, services: Services) -> None:
    add_document(services)
    services.usage_events().drain()
    published = services.statistics_publisher().publish()
    (stored.root / "statistics" / "published" / published.file).unlink()

    check = named(diagnose(stored), "statistics")

    assert not check.ok
    assert "update_statistics" in check.message


def test_too_little_disk_is_noticed(services: Services, stored: Settings) -> None:
    greedy = stored.model_copy(update={"disk_reserve_bytes": 2**60})

    assert not named(diagnose(greedy), "disk").ok


def test_missing_tesseract_data_is_only_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.engines.recognition.tesseract.PLACES", ())
    monkeypatch.delenv("TESSDATA_PREFIX", raising=False)

    check = named(diagnose(settings), "tesseract")

    assert (check.ok, check.required) == (False, False)
    assert "apt-get" in check.remedy


def test_it_says_who_can_come_in(services: Services) -> None:
    def told(settings: Settings) -> Check:
        return doctor._accounts(dataclasses.replace(services, settings=settings))

    many = with_accounts(services.settings)
    assert told(services.settings).message == "One person, no sign-in."
    assert not told(many).ok
    assert "lectern people add" in told(many).remedy
    services.people.add("c@example.org", role=Role.OPERATOR, password_hash="x")
    assert told(many).ok
    assert told(many).message == (
        "Everybody signs in: 0 guests, 0 users, 1 operators; 1 operators can."
    )
    elsewhere = told(services.settings.model_copy(update={"host": "0.0.0.0"}))
    assert elsewhere.required
    assert not elsewhere.ok
