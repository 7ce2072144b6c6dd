"""What each person may use: their plan, and what operators changed of it.

Every change is written down beside it, with who made it, in one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from lectern.accounts.limits import PERSONAL, Limits
from lectern.accounts.people import LOCAL, Principal, Role
from lectern.accounts.plans import (
    FULL_PLAN,
    GUEST_PLAN,
    LOCAL_PLAN,
    NOTHING_PERSONAL,
    PersonalLimits,
    Plan,
    plans_of,
)
from lectern.errors import InvalidRequest
from lectern.ids import OwnerId
from lectern.settings import Settings
from resources.stores import schema_accounts, schema_limits
from resources.stores.database import Database
from resources.stores.ledger_posting import look_again
from resources.stores.one_at_a_time import hold_person
from resources.stores.people import require_operator
from resources.stores.upsert import insert_or_update

HISTORY_KEPT_IN_SIGHT = 200
PLANS_OF_ROLES: Mapping[str, str] = {
    Role.GUEST: GUEST_PLAN,
    Role.OPERATOR: FULL_PLAN,
}
"""The plan of whoever was given none; users have the one of the settings."""

_person = schema_limits.person_limits.c
_audit = schema_limits.limits_audit.c


@dataclass(frozen=True, slots=True)
class LimitsChange:
    """One change of somebody's limits."""

    changed_by: OwnerId
    before: PersonalLimits
    after: PersonalLimits
    at: datetime


class PersonLimits:
    """The tables of people's plans and limits."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._default_plan = settings.default_plan
        self.plans = plans_of(settings.limits, settings.plans)

    def plan(
        self, principal: Principal, *, connection: Connection | None = None
    ) -> Plan:
        """Return somebody's plan, with the limits that are theirs alone in it."""
        owner_id = principal.owner_id
        with self._database.read_within(connection) as reading:
            personal = self.personal(owner_id, connection=reading)
            name = personal.plan if personal.plan in self.plans else None
            plan = self.plans[name or self._usual_plan(reading, owner_id)]
        if not personal.overrides:
            return plan
        return replace(plan, limits=plan.limits.changed(personal.overrides))

    def of(
        self, principal: Principal, *, connection: Connection | None = None
    ) -> Limits:
        """Return what somebody may hand in, keep and have made."""
        return self.plan(principal, connection=connection).limits

    def runs_of(self, owner_id: OwnerId) -> int:
        """Return how many runs a person may have in Dagster at one time."""
        return self.of(Principal(owner_id)).runs

    def _usual_plan(self, connection: Connection, owner_id: OwnerId) -> str:
        """Return the plan of a person's role, which runs are not told."""
        query = select(schema_accounts.person.c.role).where(
            schema_accounts.person.c.owner_id == owner_id
        )
        role = connection.execute(query).scalar_one_or_none()
        if role is None and owner_id == LOCAL.owner_id:
            return LOCAL_PLAN
        return PLANS_OF_ROLES.get(role or Role.USER, self._default_plan)

    def personal(
        self, owner_id: OwnerId, *, connection: Connection | None = None
    ) -> PersonalLimits:
        """Return what was changed for a person alone."""
        query = select(_person.plan, _person.overrides).where(
            _person.owner_id == owner_id
        )
        with self._database.read_within(connection) as reading:
            row = reading.execute(query).one_or_none()
        return NOTHING_PERSONAL if row is None else _known(row[0], row[1])

    def change(
        self, by: Principal, owner_id: OwnerId, wanted: PersonalLimits
    ) -> PersonalLimits:
        """Change what a person may use; return what stood there before.

        Raises:
            NotFound: Whoever asks is no operator.
            InvalidRequest: There is no such plan.
        """
        require_operator(by)
        if wanted.plan is not None and wanted.plan not in self.plans:
            raise InvalidRequest(
                f"There is no plan “{wanted.plan}”. There are: {', '.join(self.plans)}."
            )
        with self._database.write() as connection:
            hold_person(connection, owner_id)
            before = self.personal(owner_id, connection=connection)
            if before == wanted:
                return before
            now = self._database.now()
            row = {"owner_id": owner_id, "updated_at": now, **wanted.model_dump()}
            insert_or_update(
                connection, schema_limits.person_limits, [row], by=["owner_id"]
            )
            audited = {
                "owner_id": owner_id,
                "changed_by": by.owner_id,
                "before": before.model_dump(),
                "after": wanted.model_dump(),
                "at": now,
            }
            connection.execute(insert(schema_limits.limits_audit).values(audited))
            look_again(connection, owner_id)
        return before

    def history(self, owner_id: OwnerId) -> list[LimitsChange]:
        """Return the changes of a person's limits, newest first."""
        query = (
            select(schema_limits.limits_audit)
            .where(_audit.owner_id == owner_id)
            .order_by(_audit.id.desc())
            .limit(HISTORY_KEPT_IN_SIGHT)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            LimitsChange(
                changed_by=OwnerId(row["changed_by"]),
                before=_known(row["before"]["plan"], row["before"]["overrides"]),
                after=_known(row["after"]["plan"], row["after"]["overrides"]),
                at=row["at"],
            )
            for row in rows
        ]


def _known(plan: str | None, overrides: Mapping[str, Any]) -> PersonalLimits:
    """Return what was stored, without limits that this version does not have."""
    known = {name: value for name, value in overrides.items() if name in PERSONAL}
    return PersonalLimits(plan=plan, overrides=known)
