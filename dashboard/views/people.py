"""People, for operators: who there is, who is invited, and who is kept out."""

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from dashboard import session
from dashboard.views import limits, wording
from dashboard.views.account import ROLES
from lectern.accounts.links import PersonLink
from lectern.accounts.people import Person, Role
from lectern.errors import LecternError
from lectern.ids import OwnerId

_LINK = "_people_link"
CHOICES = (Role.USER, Role.OPERATOR)


def show() -> None:
    """Show the page; there is none for others."""
    principal = session.principal()
    if not principal.is_operator:
        st.error("There is no such page for you.", icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("People", anchor=False)
        if st.button("Invite…", icon=":material/person_add:", type="primary"):
            st.session_state.pop(_LINK, None)
            _invite()
    search = st.text_input(
        "Search people",
        placeholder="Name or e-mail address",
        label_visibility="collapsed",
    )
    people = session.services().people.list(principal, search=search)
    if not people:
        st.caption("Nobody is called so.")
    now = datetime.now(UTC)
    for person in people:
        _show_person(person, now)
    _show_invitations()


def _show_person(person: Person, now: datetime) -> None:
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        key=f"person-{person.owner_id}",
    ):
        badge = "" if person.is_in(now) else " :red-badge[kept out]"
        st.markdown(
            f"**{wording.plain(person.shown_name)}** "
            f":gray-badge[{ROLES[person.role]}]{badge}  \n"
            f":gray[{wording.plain(_line(person, now))}]",
            width="stretch",
        )
        with st.popover("Manage", type="tertiary"):
            _manage(person, now)


def _line(person: Person, now: datetime) -> str:
    seen = "never seen"
    if person.seen_at is not None:
        seen = f"seen {wording.ago(person.seen_at, now)}"
    parts = [person.email] if person.email and person.name else []
    parts += [seen, f"here since {person.created_at:%-d %B %Y}"]
    if person.expires_at is not None:
        parts.append(f"until {person.expires_at:%-d %B %Y}")
    return " · ".join(parts)


def _manage(person: Person, now: datetime) -> None:
    id_ = person.owner_id
    if person.role is not Role.GUEST:
        st.segmented_control(
            "Role",
            CHOICES,
            default=person.role,
            format_func=ROLES.__getitem__,
            key=f"role-{id_}",
            on_change=_set_role,
            args=(id_,),
            required=True,
        )
        if st.button("Make a link to a new password", key=f"reset-{id_}"):
            _show_reset(id_)
    if st.button("Limits…", key=f"limits-{id_}"):
        limits.change(person)
    sessions = session.services().sessions.list(person.principal)
    st.button(
        f"Sign out everywhere ({len(sessions)})",
        key=f"out-{id_}",
        disabled=not sessions,
        on_click=_try,
        args=(lambda: session.services().sessions.end_all(person.principal),),
    )
    people = session.services().people
    if person.is_in(now):
        st.button(
            "Keep out",
            key=f"disable-{id_}",
            icon=":material/block:",
            help="Signed out at once everywhere. What they have stays.",
            on_click=_try,
            args=(lambda: people.disable(session.principal(), id_),),
        )
    else:
        st.button(
            "Let in again",
            key=f"enable-{id_}",
            on_click=_try,
            args=(lambda: people.enable(session.principal(), id_),),
        )


def _set_role(owner_id: OwnerId) -> None:
    role = st.session_state[f"role-{owner_id}"]
    people = session.services().people
    if not _trying(lambda: people.set_role(session.principal(), owner_id, role)):
        del st.session_state[f"role-{owner_id}"]


def _try(work: Callable[[], object]) -> None:
    _trying(work)


def _trying(work: Callable[[], object]) -> bool:
    try:
        if not session.principal().is_operator:
            return False
        work()
    except LecternError as error:
        st.toast(wording.plain(error.message), icon=":material/error:")
        return False
    return True


@st.dialog("A link to a new password")
def _show_reset(owner_id: OwnerId) -> None:
    try:
        link = session.services().accounts().reset(session.principal(), owner_id)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    st.markdown("Send it to them. It is shown this once and can be used once.")
    st.code(link, language=None, wrap_lines=True)


@st.dialog("Invite somebody", on_dismiss="rerun")
def _invite() -> None:
    if link := st.session_state.get(_LINK):
        st.markdown("Send it to them. It is shown this once and can be used once.")
        st.code(link, language=None, wrap_lines=True)
        return
    with st.form("invitation", border=False):
        email = st.text_input(
            "E-mail address (optional)",
            help="Without one, whoever has the link can make an account with theirs.",
        )
        role = st.segmented_control(
            "They are",
            CHOICES,
            default=Role.USER,
            format_func=ROLES.__getitem__,
            required=True,
        )
        if not st.form_submit_button("Make the invitation", type="primary"):
            return
    accounts = session.services().accounts()
    try:
        link = accounts.invite(session.principal(), email=email, role=role or Role.USER)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    st.session_state[_LINK] = link
    st.rerun(scope="fragment")


def _show_invitations() -> None:
    links = session.services().accounts().links
    invitations = links.invitations(session.principal())
    if not invitations:
        return
    st.header("Invitations", anchor=False)
    for invitation in invitations:
        _show_invitation(invitation)


def _show_invitation(invitation: PersonLink) -> None:
    links = session.services().accounts().links
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        key=f"invitation-{invitation.id}",
    ):
        whom = wording.plain(invitation.email or "Whoever has the link")
        st.markdown(
            f"**{whom}** :gray-badge[{ROLES[invitation.role]}]  \n"
            f":gray[until {invitation.expires_at:%-d %B %Y, %H:%M} UTC]",
            width="stretch",
        )
        st.button(
            "Take back",
            key=f"take-back-{invitation.id}",
            type="tertiary",
            on_click=_try,
            args=(lambda: links.take_back(session.principal(), invitation.id),),
        )
