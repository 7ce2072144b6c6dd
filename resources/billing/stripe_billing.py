"""Plans paid for by Stripe.

A notice says only that something has changed: what it is now is fetched, so notices
may come late, twice and in any order. Of two that are worked on at once, the one whose
fetching began later decides.
"""

import json
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from lectern.accounts.billing import Billing, Subscription
from lectern.accounts.people import Principal, Role
from lectern.errors import EngineCrashed, EngineUnavailable, InvalidRequest, NotFound
from lectern.ids import OwnerId
from resources.billing.port import NOTHING_SOLD, BillingPort
from resources.stores.database import Database
from resources.stores.person_limits import PersonLimits
from resources.stores.subscriptions import Subscriptions

OWNER = "lectern_owner"
"""Name under which Stripe keeps for us whose a subscription is."""
BILLING = Principal(OwnerId("@billing"), Role.OPERATOR)
"""Who changes a plan that was paid for, in the history of limits."""

T = TypeVar("T")


class StripeBilling(BillingPort):
    """Sells plans by Stripe."""

    def __init__(
        self,
        settings: Billing,
        *,
        database: Database,
        subscriptions: Subscriptions,
        limits: PersonLimits,
    ) -> None:
        self._settings = settings
        self._database = database
        self._subscriptions = subscriptions
        self._limits = limits
        self._client = _client(settings)

    def plans(self) -> Collection[str]:
        """Return the plans that have a price."""
        return tuple(dict.fromkeys(self._settings.stripe_prices.values()))

    def checkout(self, principal: Principal, plan: str, *, back_to: str) -> str:
        """Return the address at which somebody pays for a plan."""
        prices = {name: price for price, name in self._settings.stripe_prices.items()}
        if plan not in prices:
            raise NotFound(f"The plan “{plan}” is not sold here.")
        whose = {OWNER: principal.owner_id}
        session = asked(
            lambda: self._client.v1.checkout.sessions.create(
                {
                    "mode": "subscription",
                    "line_items": [{"price": prices[plan], "quantity": 1}],
                    "success_url": back_to,
                    "cancel_url": back_to,
                    "client_reference_id": principal.owner_id,
                    "subscription_data": {"metadata": whose},
                }
            )
        )
        return str(session.url)

    def portal(self, principal: Principal, *, back_to: str) -> str:
        """Return the address at which somebody ends or changes a subscription."""
        mine = self._subscriptions.of(principal)
        if not mine:
            raise NotFound("You have no subscription.")
        session = asked(
            lambda: self._client.v1.billing_portal.sessions.create(
                {"customer": mine[0].customer, "return_url": back_to}
            )
        )
        return str(session.url)

    def take_notice(self, payload: bytes, signature: str) -> bool:
        """Take note of an event: fetch what it is about, and put its plan in force."""
        event = self._verified(payload, signature)
        if self._subscriptions.is_known(event["id"]):
            return False
        subscription_id = _subscription_of(event)
        if subscription_id is not None:
            self._renew(subscription_id)
        # Last: a notice whose work was broken off is sent again and done again.
        self._subscriptions.remember(event["id"], event["type"])
        return True

    def _verified(self, payload: bytes, signature: str) -> dict[str, Any]:
        import stripe

        secret = self._settings.stripe_webhook_secret
        if secret is None:
            raise NotFound(NOTHING_SOLD)
        try:
            stripe.WebhookSignature.verify_header(
                payload.decode(), signature, secret.get_secret_value(), tolerance=300
            )
            event = json.loads(payload)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise InvalidRequest(
                "This notice was not signed by Stripe with the secret that is set here."
            ) from error
        return dict(event)

    def _renew(self, subscription_id: str) -> None:
        """Fetch a subscription and put what it is worth in force."""
        began_at = self._database.now()
        found = asked(lambda: self._client.v1.subscriptions.retrieve(subscription_id))
        told = found.to_dict()
        owner_id = told.get("metadata", {}).get(OWNER)
        price = told["items"]["data"][0]["price"]["id"]
        plan = self._settings.stripe_prices.get(price)
        if owner_id is None or plan is None:
            return  # sold by the same account, and not for this Lectern
        subscription = Subscription(
            id=subscription_id,
            owner_id=OwnerId(owner_id),
            plan=plan,
            state=told["status"],
            customer=told["customer"],
            fetched_at=began_at,
        )
        if self._subscriptions.put(subscription):
            self._put_in_force(Principal(subscription.owner_id))

    def _put_in_force(self, principal: Principal) -> None:
        paid = [one for one in self._subscriptions.of(principal) if one.is_paid]
        personal = self._limits.personal(principal.owner_id)
        plan = paid[0].plan if paid else None
        wanted = personal.model_copy(update={"plan": plan})
        self._limits.change(BILLING, principal.owner_id, wanted)


def asked(question: Callable[[], T]) -> T:
    """Ask Stripe, in our words when it does not answer.

    Raises:
        EngineUnavailable: It refuses us, or knows no such thing.
        EngineCrashed: It did not answer; asking again may help.
    """
    import stripe

    try:
        return question()
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise EngineUnavailable(
            "Stripe refuses the key LECTERN_BILLING__STRIPE_KEY."
        ) from error
    except stripe.InvalidRequestError as error:
        raise EngineUnavailable(f"Stripe refused: {error.user_message}.") from error
    except stripe.StripeError as error:
        raise EngineCrashed("Stripe does not answer. Try again in a minute.") from error


def _client(settings: Billing) -> Any:
    try:
        import stripe
    except ModuleNotFoundError as error:
        raise EngineUnavailable(
            "Stripe's client is not installed. Install it with "
            "`pip install 'lectern[stripe]'`."
        ) from error
    key = settings.stripe_key
    return stripe.StripeClient(
        key.get_secret_value() if key else "",
        base_addresses={"api": settings.stripe_address},
        http_client=stripe.RequestsClient(timeout=settings.timeout_seconds),
        max_network_retries=2,
    )


def _subscription_of(event: dict[str, Any]) -> str | None:
    """Return the subscription that an event is about, if any."""
    about = event["data"]["object"]
    if about.get("object") == "subscription":
        return str(about["id"])
    parent = about.get("parent") or {}  # of an invoice
    details = parent.get("subscription_details") or {}
    named = about.get("subscription") or details.get("subscription")
    return str(named) if named else None
