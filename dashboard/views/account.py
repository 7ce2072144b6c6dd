"""One's own account: who one is, where one is signed in, and the way out."""

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from dashboard import session
from dashboard.components.mount import mount
from dashboard.views import wording
from dashboard.views.ways_in import comes_by_proxy, show_ways_in
from lectern.accounts.people import NAME_CHARS, Person, Role
from lectern.accounts.sessions import Method, Session, SignedIn
from lectern.errors import LecternError
from resources.stores.leaving import leave

METHODS = {
    Method.PASSWORD: "with a password",
    Method.LINK: "by a link",
    Method.GUEST: "as a guest",
    Method.OIDC: "by another service",
    Method.PROXY: "by the web server",
}
ROLES = {Role.GUEST: "Guest", Role.USER: "User", Role.OPERATOR: "Operator"}


def show_account() -> None:
    """Show who is signed in and what they can change."""
    st.header("Account", anchor=False)
    signed_in = session.signed_in()
    if signed_in is None:
        _show_single()
        return
    _show_person(signed_in.person)
    show_ways_in(signed_in.person)
    _show_sessions(signed_in)
    _show_deleting(signed_in.person)


def _show_single() -> None:
    st.markdown(
        "**One person, no sign-in.** Whoever uses this machine sees everything here. "
        "Other machines are not served."
    )
    with st.expander("Let others in"):
        st.markdown(
            "Everybody then signs in and sees what is theirs alone. The first operator "
            "keeps this library. Stop Lectern, then:"
        )
        st.code(
            "export LECTERN_ACCOUNTS__MODE=multi\n"
            "lectern people add you@example.org --operator\n"
            "lectern serve",
            language="sh",
        )


def _show_person(person: Person) -> None:
    with st.container(border=True, key="account"):
        st.markdown(
            f"**{wording.plain(person.shown_name)}** · {ROLES[person.role]}  \n"
            f":gray[{wording.plain(_about(person))}]"
        )
        with st.container(horizontal=True):
            if person.role is Role.GUEST:
                if st.button("Keep my library…", type="primary"):
                    session.lead_to("/sign-up")
            else:
                _offer_changes(person)
            if not comes_by_proxy(person):  # it would let them in again at once
                st.button(
                    "Sign out",
                    key="sign-out",
                    icon=":material/logout:",
                    on_click=sign_out,
                )


def _about(person: Person) -> str:
    if person.expires_at is not None:
        return (
            f"Until {person.expires_at:%-d %B %Y}; then everything you put in goes, "
            "unless you sign up."
        )
    since = f"here since {person.created_at:%-d %B %Y}"
    is_named = person.email is not None and person.name
    return f"{person.email} · {since}" if is_named else since


def _offer_changes(person: Person) -> None:
    if st.button("Change the name…"):
        _change_name(person)
    if not person.has_password:
        return  # who comes in from elsewhere proves themselves there
    if st.button("Change the e-mail address…"):
        _change_email()
    if st.button("Change the password…"):
        _change_password()


def show_corner() -> None:
    """Show beside every page who is signed in, and the way out."""
    signed_in = session.signed_in()
    if signed_in is None:
        return
    person = signed_in.person
    with st.sidebar, st.container(key="corner"):
        st.caption(wording.plain(person.shown_name))
        st.button(
            "Sign out",
            key="corner-sign-out",
            type="tertiary",
            icon=":material/logout:",
            on_click=sign_out,
        )
        mount("watch", key="watch", data={})


def sign_out() -> None:
    """End the session of this browser."""
    signed_in = session.signed_in()
    if signed_in is not None:
        principal = signed_in.person.principal
        session.services().sessions.end(principal, signed_in.session.id)
    session.lead_to("/sign-in?out=1")


def _show_sessions(signed_in: SignedIn) -> None:
    principal = signed_in.person.principal
    sessions = session.services().sessions.list(principal)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Where you are signed in", anchor=False)
        if len(sessions) > 1:
            st.button("Sign out everywhere else", type="tertiary", on_click=_end_others)
    now = datetime.now(UTC)
    for each in sessions:
        _show_session(each, now, is_this=each.id == signed_in.session.id)


def _show_session(each: Session, now: datetime, *, is_this: bool) -> None:
    seen = "this browser" if is_this else f"seen {wording.ago(each.seen_at, now)}"
    line = (
        f"{seen} · signed in {METHODS[each.method]} {wording.ago(each.created_at, now)}"
    )
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        key=f"session-{each.id}",
    ):
        st.markdown(
            f"**{wording.plain(wording.device(each.device))}**  \n"
            f":gray[{wording.plain(line)}]",
            width="stretch",
        )
        if not is_this:
            st.button(
                "Sign out",
                key=f"end-{each.id}",
                type="tertiary",
                on_click=_end,
                args=(each.id,),
            )


def _end(session_id: str) -> None:
    _trying(lambda: session.services().sessions.end(session.principal(), session_id))


def _end_others() -> None:
    signed_in = session.signed_in()
    if signed_in is not None:
        principal = signed_in.person.principal
        session.services().sessions.end_all(principal, keep=signed_in.session.id)


def _trying(work: Callable[[], object]) -> bool:
    """Do something; show what is wrong, and tell whether it was done."""
    try:
        work()
    except LecternError as error:
        st.toast(wording.plain(error.message), icon=":material/error:")
        return False
    return True


@st.dialog("Change the name")
def _change_name(person: Person) -> None:
    with st.form("name", border=False):
        name = st.text_input("Name", value=person.name, max_chars=NAME_CHARS)
        if not st.form_submit_button("Change it", type="primary"):
            return
    session.services().people.rename(session.principal(), name)
    st.rerun()


@st.dialog("Change the e-mail address")
def _change_email() -> None:
    with st.form("email", border=False):
        email = st.text_input("New address", autocomplete="email")
        password = st.text_input(
            "Your password", type="password", autocomplete="current-password"
        )
        if not st.form_submit_button("Change it", type="primary"):
            return
    accounts = session.services().accounts()
    _closing(lambda: accounts.change_email(session.principal(), email, password))


@st.dialog("Change the password")
def _change_password() -> None:
    st.markdown("You are signed out everywhere else then.")
    with st.form("password", border=False):
        old = st.text_input(
            "Your present password", type="password", autocomplete="current-password"
        )
        new = st.text_input("The new one", type="password", autocomplete="new-password")
        if not st.form_submit_button("Change it", type="primary"):
            return
    signed_in = session.signed_in()
    keep = signed_in.session.id if signed_in is not None else None
    accounts = session.services().accounts()
    _closing(lambda: accounts.change_password(session.principal(), old, new, keep=keep))


def _closing(work: Callable[[], object]) -> None:
    """Do what a dialog asks for and close it, or say in it what is wrong."""
    try:
        work()
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    st.rerun()


def _show_deleting(person: Person) -> None:
    with st.expander("Delete this account"):
        st.markdown(
            "Everything you put in and made goes with it, for good. What others hear "
            "of a voice that you shared stays as it is."
        )
        if st.button("Delete my account…", key="delete-account"):
            _delete(person)


@st.dialog("Delete this account")
def _delete(person: Person) -> None:
    st.markdown("This cannot be taken back.")
    with st.form("deleting", border=False):
        password = ""
        if person.has_password:
            password = st.text_input(
                "Your password", type="password", autocomplete="current-password"
            )
        if not st.form_submit_button("Delete everything", type="primary"):
            return
    principal = session.principal()
    services = session.services()
    try:
        if person.has_password:
            services.accounts().require_password(principal, password)
        leave(services, principal)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    session.lead_to("/sign-in?gone=1")
