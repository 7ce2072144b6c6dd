"""What is sold: which plan a price pays for, and what a subscription is worth."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from lectern.accounts.plans import PlanName
from lectern.ids import OwnerId

PAID_STATES = frozenset({"active", "trialing", "past_due"})
"""States of a subscription in which its plan is in force. One that is past due is
being asked for again; Stripe ends it when nobody pays."""


class Billing(BaseModel):
    """Plans for money, by Stripe (extra `stripe`); off without a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stripe_key: SecretStr | None = None
    """Secret key of the Stripe account; never logged."""
    stripe_webhook_secret: SecretStr | None = None
    """Secret by which Stripe signs what it sends to `/api/billing/stripe`; without it
    that address does not exist."""
    stripe_address: str = "https://api.stripe.com"
    """Where Stripe's API begins."""
    stripe_prices: dict[str, PlanName] = Field(default_factory=dict)
    """Plans by the id of the price that pays for them, `{"price_1Abc": "full"}`."""
    timeout_seconds: float = Field(20.0, gt=0)
    """Time for one answer of Stripe."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What somebody pays for, as it was when it was last fetched."""

    id: str
    owner_id: OwnerId
    plan: str
    state: str  # in Stripe's words
    customer: str
    fetched_at: datetime  # when the fetching began

    @property
    def is_paid(self) -> bool:
        """Whether its plan is in force."""
        return self.state in PAID_STATES
