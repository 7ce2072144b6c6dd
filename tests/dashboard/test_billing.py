"""Plans for money: signed notices in any order, twice and late; off without a key."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from dashboard import backend
from dashboard.backend import Backend
from lectern.accounts.billing import Billing, Subscription
from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.ids import OwnerId
from resources.services import Services
from tests.support.stripe_server import (
    KEY,
    SECRET,
    StripeServer,
    event,
    signed,
    subscription,
)

ANNA = Principal(OwnerId("anna"))
ACTIVE = subscription("sub_1", "anna")
ENDED = subscription("sub_1", "anna", status="canceled")
CREATED = event("evt_1", "customer.subscription.created", ACTIVE)
DELETED = event("evt_2", "customer.subscription.deleted", ENDED)
PAID = event(
    "evt_3",
    "invoice.paid",
    {
        "id": "in_1",
        "object": "invoice",
        "parent": {"subscription_details": {"subscription": "sub_1"}},
    },
)


@pytest.fixture
def stripe() -> Iterator[StripeServer]:
    """Run Stripe for one test, with one subscription that is paid for."""
    server = StripeServer()
    server.subscriptions["sub_1"] = ACTIVE
    with server.running() as running:
        yield running


@pytest.fixture
def selling(here: Backend, stripe: StripeServer, tmp_path: Path) -> Iterator[Services]:
    """Sell a plan."""
    billing = Billing(
        stripe_key=KEY,  # type: ignore[arg-type]
        stripe_webhook_secret=SECRET,  # type: ignore[arg-type]
        stripe_address=stripe.address,
        stripe_prices={"price_full": "full"},
    )
    settings = here.settings.model_copy(update={"billing": billing})
    services = replace(here.services, settings=settings)
    backend.install(replace(here, settings=settings, services=services))
    yield services
    backend.install(here)


def send(
    client: httpx.Client, payload: bytes, signature: str | None = None
) -> httpx.Response:
    """Send a notice as Stripe does: without a page's origin."""
    header = {"stripe-signature": signed(payload) if signature is None else signature}
    address = f"{client.base_url}/api/billing/stripe"
    return httpx.post(address, content=payload, headers=header)


def plan_of(services: Services) -> str:
    return services.allowed.limits.plan(ANNA).name


def test_without_a_key_nothing_is_sold(client: httpx.Client) -> None:
    asked = [
        send(client, CREATED),
        client.post("/api/billing/checkout", json={"plan": "full"}),
        client.post("/api/billing/portal"),
    ]

    assert [one.status_code for one in asked] == [404, 404, 404]
    assert "Nothing is sold here" in asked[0].json()["message"]


def test_what_is_paid_for_is_in_force_until_it_ends(
    client: httpx.Client, selling: Services, stripe: StripeServer
) -> None:
    assert selling.ledger.balances(ANNA)[Unit.OCR_PAGES].left == 5000

    assert send(client, CREATED).json() == {"taken": True}
    assert plan_of(selling) == "full"
    assert selling.ledger.balances(ANNA)[Unit.OCR_PAGES].left is None

    stripe.subscriptions["sub_1"] = ENDED
    assert send(client, DELETED).json() == {"taken": True}
    assert plan_of(selling) == "free"
    assert selling.ledger.balances(ANNA)[Unit.OCR_PAGES].left == 5000


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations([CREATED, DELETED, PAID]))[1:],
    ids=["first", "second", "third", "fourth", "fifth"],
)
def test_notices_in_any_order_leave_what_is_so_now(
    client: httpx.Client,
    selling: Services,
    stripe: StripeServer,
    order: tuple[bytes, ...],
) -> None:
    stripe.subscriptions["sub_1"] = ENDED

    for payload in (*order, *order):
        assert send(client, payload).status_code == 200

    assert plan_of(selling) == "free"
    fetched = [path for _method, path, _form in stripe.asked]
    assert fetched == ["/v1/subscriptions/sub_1"] * 3  # each notice once


def test_what_was_fetched_earlier_never_overwrites_what_was_fetched_later(
    selling: Services,
) -> None:
    store = selling.billing()._subscriptions  # type: ignore[attr-defined]
    later = selling.database.now()
    new = Subscription("sub_1", ANNA.owner_id, "full", "canceled", "cus", later)
    old = replace(new, state="active", fetched_at=later - timedelta(seconds=1))

    assert [store.put(new), store.put(old)] == [True, False]
    assert [one.state for one in store.of(ANNA)] == ["canceled"]


FORGED: dict[str, Callable[[], str]] = {
    "none": lambda: "",
    "guessed": lambda: "t=1,v1=00",
    "by another secret": lambda: signed(CREATED, secret="whsec_another"),
    "of another notice": lambda: signed(DELETED),
    "of an hour ago": lambda: signed(CREATED, age_seconds=3600),
}


@pytest.mark.parametrize("kind", list(FORGED))
def test_a_notice_that_stripe_did_not_sign_just_now_changes_nothing(
    client: httpx.Client, selling: Services, stripe: StripeServer, kind: str
) -> None:
    answer = send(client, CREATED, FORGED[kind]())

    assert (answer.status_code, stripe.asked) == (400, [])
    assert plan_of(selling) == "free"


def test_a_notice_that_could_not_be_worked_on_is_taken_when_it_is_sent_again(
    client: httpx.Client, selling: Services, stripe: StripeServer
) -> None:
    stripe.is_down = True
    assert send(client, CREATED).status_code == 502
    stripe.is_down = False

    assert send(client, CREATED).json() == {"taken": True}
    assert plan_of(selling) == "full"


def test_what_is_sold_to_somebody_else_is_left_alone(
    client: httpx.Client, selling: Services, stripe: StripeServer
) -> None:
    stripe.subscriptions["sub_2"] = subscription("sub_2", "anna", price="price_shoes")
    about = {"id": "sub_2", "object": "subscription"}
    other = event("evt_9", "customer.subscription.created", about)

    assert send(client, other).json() == {"taken": True}
    assert send(client, event("evt_8", "charge.succeeded", {"object": "charge"})).json()
    assert plan_of(selling) == "free"


def test_somebody_is_led_to_where_a_plan_is_paid_for_and_ended(
    client: httpx.Client, selling: Services, stripe: StripeServer
) -> None:
    stripe.subscriptions["sub_1"] = subscription("sub_1", "local")
    assert client.post("/api/billing/portal").status_code == 404
    send(client, CREATED)

    paid = client.post("/api/billing/checkout", json={"plan": "full"})
    ended = client.post("/api/billing/portal")

    assert paid.json()["address"].startswith("https://checkout.stripe.com/")
    assert ended.json()["address"].startswith("https://billing.stripe.com/")
    forms = {path: form for _method, path, form in stripe.asked}
    form = forms["/v1/checkout/sessions"]
    assert form["line_items[0][price]"] == ["price_full"]
    assert form["subscription_data[metadata][lectern_owner]"] == ["local"]
    assert form["success_url"][0].endswith("/settings")
    assert forms["/v1/billing_portal/sessions"]["customer"] == ["cus_local"]
