"""``lectern people grant`` and ``balance``: amounts that an operator gives by hand."""

import uuid
from datetime import timedelta

from lectern.accounts.allowances import period_of
from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.settings import Settings
from lectern.usage.amounts import amount_text, unit_text
from resources.services import Services
from resources.stores.ledger_reading import used_since


def grant(
    settings: Settings,
    email: str,
    unit: Unit,
    amount: int,
    *,
    reason: str,
    days: int | None = None,
) -> list[str]:
    """Give somebody an amount; return what to tell."""
    services = Services.open(settings)
    who = Principal(services.people.by_email(email).owner_id)
    ends = None if days is None else services.database.now() + timedelta(days=days)
    services.ledger.grant(
        who,
        unit,
        amount,
        key=f"operator:{uuid.uuid4().hex}",
        reason=reason,
        expires_at=ends,
    )
    left = services.ledger.balances(who)[unit].left
    services.close()
    now_left = (
        "there is no bound" if left is None else f"{amount_text(unit, left)} left"
    )
    return [f"{email} was given {amount_text(unit, amount)}: {now_left}."]


def balance(settings: Settings, email: str) -> list[str]:
    """Return a line for each unit of which somebody has, or has used, anything."""
    services = Services.open(settings)
    who = Principal(services.people.by_email(email).owner_id)
    month = period_of(services.database.now())
    used = used_since(services.database, who, month.starts_at)
    balances = services.ledger.balances(who)
    plan = services.allowed.limits.plan(who)
    services.close()
    lines = [f"{email} has the plan {plan.title}."]
    for unit, one in balances.items():
        left = "no bound"
        if one.left is not None:
            left = f"{amount_text(unit, one.left)} left"
        lines.append(
            f"{unit_text(unit):<20}{amount_text(unit, used[unit])} "
            f"in {month.name}, {left}"
        )
    return lines
