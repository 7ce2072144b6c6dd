"""What one may use: bars in the settings, a line where it is about to be used, and the
operators' dialog that changes it."""

from typing import Any

import streamlit as st

from dashboard import session
from dashboard.views import wording
from lectern.accounts.limits import PERSONAL
from lectern.accounts.people import Person
from lectern.accounts.plans import LOCAL_PLAN, PersonalLimits
from lectern.errors import LecternError
from lectern.ids import OwnerId
from resources.limits import Meter, meters, usage_of
from resources.stores.person_limits import LimitsChange

OF_ROLE = "That of their role"
CHANGES_SHOWN = 10


def own_meters() -> list[Meter]:
    """Return the limits of whoever looks; none for one person alone on a machine, who
    has only what protects it."""
    services, principal = session.services(), session.principal()
    plan = services.limits.plan(principal)
    if plan.limits == services.settings.limits and plan.name == LOCAL_PLAN:
        return []
    return meters(plan.limits, usage_of(services, principal))


def show_limits() -> None:
    """Show how much of each limit is used."""
    found = own_meters()
    if not found:
        return
    st.header("Your limits", anchor=False)
    st.markdown(
        "Speech and pages that are there already cost nothing. A day begins at "
        "midnight UTC. Whoever runs this installation can change your limits."
    )
    with st.container(key="limits"):
        for meter in found:
            mark = " :material/block:" if meter.is_full else ""
            st.progress(
                meter.share, text=wording.plain(f"{meter.label}: {meter.text}") + mark
            )


def show_left(*names: str) -> list[Meter]:
    """Say in a line how much of some limits is used; return those that are full."""
    found = [meter for meter in own_meters() if meter.name in names]
    if found:
        st.caption(wording.plain(" · ".join(map(_line, found))))
    return [meter for meter in found if meter.is_full]


def _line(meter: Meter) -> str:
    return f"{meter.text} today" if meter.name.startswith("daily_") else meter.text


def why_not(full: list[Meter]) -> str | None:
    """Return why something cannot be begun, for a button that is disabled."""
    if not full:
        return None
    return f"{full[0].label}: {full[0].text}, which is all there may be."


@st.dialog("Limits")
def change(person: Person) -> None:
    """Let an operator change somebody's plan and limits."""
    services = session.services()
    before = services.limits.personal(person.owner_id)
    plan = services.limits.plan(person.principal)
    names = [OF_ROLE, *services.limits.plans]
    st.markdown(f"**{wording.plain(person.shown_name)}**")
    with st.form("limits", border=False):
        chosen = st.selectbox(
            "Plan",
            names,
            index=names.index(before.plan or OF_ROLE)
            if (before.plan or OF_ROLE) in names
            else 0,
        )
        rows = [
            {
                "limit": name,
                "now": _shown(getattr(plan.limits, name)),
                "own": _shown(before.overrides[name])
                if name in before.overrides
                else "",
            }
            for name in PERSONAL
        ]
        st.caption("An own limit goes before the plan's; “none” is without bound.")
        edited = st.data_editor(
            rows,
            hide_index=True,
            disabled=["limit", "now"],
            column_config={"limit": "Limit", "now": "In force", "own": "Own"},
        )
        is_done = st.form_submit_button("Change", type="primary")
    if is_done and _change(person.owner_id, chosen, edited):
        st.rerun()
    _show_history(services.limits.history(person.owner_id))


def _shown(value: int | None) -> str:
    return "none" if value is None else str(value)


def _change(owner_id: OwnerId, plan: str, rows: list[dict[str, Any]]) -> bool:
    own = {row["limit"]: str(row["own"] or "").strip() for row in rows}
    overrides = {name: value for name, value in own.items() if value}
    try:
        wanted = PersonalLimits(
            plan=None if plan == OF_ROLE else plan, overrides=overrides
        )
        session.services().limits.change(session.principal(), owner_id, wanted)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return False
    except ValueError:
        st.error(
            "A limit is a whole number from 0 on, or “none” where it may be without "
            "bound.",
            icon=":material/error:",
        )
        return False
    return True


def _show_history(changes: list[LimitsChange]) -> None:
    if not changes:
        return
    people = session.services().people
    st.caption("Changes")
    for one in changes[:CHANGES_SHOWN]:
        try:
            who = people.get(one.changed_by).shown_name
        except LecternError:
            who = str(one.changed_by)
        st.markdown(
            f":gray[{one.at:%-d %B %Y, %H:%M} UTC, {wording.plain(who)}:] "
            f"{wording.plain(line_of(one))}"
        )


def line_of(one: LimitsChange) -> str:
    """Return what was changed, from what to what."""
    parts = []
    if one.before.plan != one.after.plan:
        plans = (one.before.plan or "of their role", one.after.plan or "of their role")
        parts.append(f"plan {plans[0]} → {plans[1]}")
    for name in PERSONAL:
        values = [
            _shown(side.overrides[name]) if name in side.overrides else "as planned"
            for side in (one.before, one.after)
        ]
        if values[0] != values[1]:
            parts.append(f"{name} {values[0]} → {values[1]}")
    return ", ".join(parts)
