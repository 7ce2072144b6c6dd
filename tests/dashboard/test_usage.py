"""What was used and what is left: on the page, over the API and on the command line."""

from datetime import UTC, datetime

import httpx
import pytest

from dashboard.views.balance import line_of, share_used
from dashboard.views.remaining import line_of as line_of_quote
from dashboard.views.remaining import warning_of
from lectern.accounts.ledger import Balance, EntryKind
from lectern.accounts.people import LOCAL
from lectern.accounts.units import Unit
from lectern.settings import Settings
from lectern.usage.quotes import Quote
from lectern.usage.remaining import amounts_of, remaining
from pipelines.granting import balance, grant
from resources.ledger_upkeep import keep_ledger
from resources.services import Services
from tests.support.stores import add_document

FORTY = (
    "40 characters used this month · 50 characters left · "
    "10 characters set aside for work"
)
OVERDRAWN = (
    "107 characters used this month · 0 characters left · overdrawn by 7 characters"
)
CHARS, BYTES = Unit.TTS_CHARS, Unit.STORAGE_BYTES


def test_usage_tells_what_was_used_this_month_and_what_is_left(
    client: httpx.Client, services: Services
) -> None:
    services.ledger.settle(LOCAL, {CHARS: 1200}, key="one", ref="document:d")

    told = client.get("/api/usage").json()

    assert told["plan"] == "local"
    assert told["month"] == f"{datetime.now(UTC):%Y-%m}"
    assert told["units"]["tts_chars"] == {
        "used": 1200,
        "left": None,
        "held": 0,
        "balance": -1200,
    }


def test_every_entry_can_be_taken_away_and_none_is_a_formula(
    client: httpx.Client, services: Services
) -> None:
    for number in range(3):
        services.ledger.correct(
            LOCAL,
            {CHARS: 1},
            key=f"k{number}",
            kind=EntryKind.REFUND,
            reason="=1+1",
        )
    answer = client.get("/api/usage/entries.csv")

    lines = answer.text.splitlines()
    assert answer.headers["content-type"].startswith("text/csv")
    assert lines[0] == "at,kind,unit,delta,for,key"
    assert lines[1].endswith(",refund,tts_chars,1,'=1+1,k2")
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("shown", "used", "line", "share"),
    [
        (Balance(CHARS, -5, 0, None), 5, "5 characters used this month", None),
        (
            Balance(CHARS, 60, 10, 0),
            40,
            FORTY,
            0.5,
        ),
        (
            Balance(CHARS, -7, 0, 0),
            107,
            OVERDRAWN,
            1.0,
        ),
        (
            Balance(CHARS, 0, 0, 0),
            0,
            "0 characters used this month · 0 characters left",
            None,
        ),
        (Balance(BYTES, -600, 0, -1000), 0, "600 B kept · 400 B left", 0.6),
    ],
)
def test_a_balance_is_told_in_one_line(
    shown: Balance, used: int, line: str, share: float | None
) -> None:
    assert line_of(shown, used) == line
    assert share_used(shown, used) == pytest.approx(share)


def test_an_operator_gives_somebody_more(settings: Settings) -> None:
    services = Services.open(settings)
    services.people.add("ann@example.org")
    services.close()

    told = grant(settings, "ann@example.org", CHARS, 1000, reason="a gift", days=3)

    assert told == [
        "ann@example.org was given 1,000 characters: 5,001,000 characters left."
    ]
    assert "spoken characters   0 characters in" in "\n".join(
        balance(settings, "ann@example.org")
    )


def test_what_is_stored_is_counted_by_night_and_given_back_when_it_is_gone(
    services: Services,
) -> None:
    document = add_document(services, "some words")

    assert [keep_ledger(services), keep_ledger(services)] == [1, 0]
    stored = services.ledger.balances(LOCAL)[BYTES].balance
    services.catalog.delete(LOCAL, document.id)
    services.catalog.purge(document.id)

    assert keep_ledger(services) == 1
    assert (stored, services.ledger.balances(LOCAL)[BYTES].balance) == (-10, 0)


def test_beside_a_quote_stands_what_is_left_and_what_is_too_little() -> None:
    quote = Quote("tone", chars=100, pages=7, price_micros=30_000)
    balances = {unit: Balance(unit, 0, 0, None) for unit in Unit} | {
        CHARS: Balance(CHARS, 5000, 1000, 0),
        Unit.OCR_PAGES: Balance(Unit.OCR_PAGES, 3, 0, 0),
    }

    found = remaining(amounts_of(quote), balances)

    assert line_of_quote(found) == (
        "Takes 100 characters of the 4,000 characters you have left."
    )
    assert "7 pages are needed, 3 pages left" in warning_of(found)
    assert line_of_quote([]) == warning_of([]) == ""


def test_a_quote_over_the_api_says_what_is_left(
    client: httpx.Client, services: Services
) -> None:
    document = add_document(services, "The harbour lay quiet.")

    told = client.post(
        f"/api/documents/{document.id}/exports/quote", json={"format": "mp3"}
    ).json()

    assert (told["left"], told["is_enough"]) == ({}, True)
