"""What is left is shown before anybody acts, and what is changed is put in words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard.backend import Backend
from dashboard.views.limits import line_of
from lectern.accounts.limits import Limits
from lectern.accounts.people import LOCAL
from lectern.accounts.plans import NOTHING_PERSONAL, PersonalLimits
from lectern.accounts.units import Unit
from lectern.jobs.states import JobKind
from resources.limits import meters, usage_of
from resources.stores.person_limits import LimitsChange
from tests.support.stores import OTHER, add_document, give

SCRIPT = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


def shown(page: str = "") -> str:
    """Return the words of a page."""
    app = AppTest.from_file(str(SCRIPT), default_timeout=60)
    app.run()
    if page:
        app._page_hash = calc_hash(page)
        app.run()
    assert not app.exception, app.exception
    kinds = ("header", "caption", "warning")
    return "\n".join(str(e.value) for kind in kinds for e in app.get(kind))


def test_the_library_says_what_is_left_and_when_nothing_is(here: Backend):
    add_document(here.services, "x" * 500)
    assert "of 10,000" not in shown()  # one person alone is told of no bounds
    give(here.services, LOCAL, documents=2, stored_bytes=2000)
    assert "1 of 2 documents · 500 B of 2 kB" in shown()
    give(here.services, LOCAL, documents=1)
    full = shown()
    assert "Nothing more can be added." in full
    assert "1 of 1 documents, which is all there may be" in full


def test_the_settings_show_every_limit(here: Backend):
    give(here.services, LOCAL, daily_exports=3)
    assert "Your limits" in shown("settings")


def test_what_is_used_is_counted_from_what_there_is(here: Backend):
    services = here.services
    document = add_document(services, "x" * 500, principal=OTHER)
    services.uploads.begin(OTHER, "a.txt", 100)
    services.jobs.create(OTHER, document_id=document.id, kind=JobKind.EXPORT)
    services.daily.take(OTHER.owner_id, Unit.TTS_MS, 61_000, limit=None)
    add_document(services)  # somebody else's

    usage = usage_of(services, OTHER)

    assert (usage.documents, usage.stored_bytes, usage.jobs) == (1, 600, 1)
    assert (usage.exports, usage.speech_ms, usage.ocr_pages) == (1, 61_000, 0)
    limits = Limits(documents=1, daily_speech_minutes=10)
    found = {one.name: one for one in meters(limits, usage)}
    assert found["documents"].is_full
    assert found["daily_speech_minutes"].text == "2 of 10 minutes"
    assert "stored_bytes" not in found  # without bound


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (
            NOTHING_PERSONAL,
            PersonalLimits(plan="full", overrides={"documents": 5}),
            "plan of their role → full, documents as planned → 5",
        ),
        (
            PersonalLimits(overrides={"stored_bytes": None}),
            PersonalLimits(overrides={"stored_bytes": 7}),
            "stored_bytes none → 7",
        ),
    ],
)
def test_a_change_is_told_from_what_to_what(before, after, line):
    change = LimitsChange(LOCAL.owner_id, before, after, datetime.now(UTC))
    assert line_of(change) == line
