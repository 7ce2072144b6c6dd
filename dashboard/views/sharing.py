"""The dialog in which a document is shared, and what is said of one that was."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import streamlit as st

from dashboard import session
from dashboard.api.sharing import SHARED_PATH
from dashboard.views import wording
from lectern.accounts.people import EMAIL_CHARS, Role
from lectern.errors import LecternError
from resources.sharing import make_link, names_of, share_with
from resources.stores.catalog import Document
from resources.stores.sharing import DocumentShare

DAYS: dict[str, int | None] = {"Never": None, "A day": 1, "A week": 7, "A month": 30}
"""How long a share holds, as it is offered."""

_LINK = "_made_link"
_TROUBLE = "_share_trouble"


def is_offered() -> bool:
    """Whether this person may share; without accounts there is nobody else."""
    is_guest = session.principal().role is Role.GUEST
    return not (session.here().settings.accounts.is_single or is_guest)


def open_dialog(document: Document) -> None:
    """Show the dialog, with nothing left of the last time."""
    st.session_state.pop(_LINK, None)
    st.session_state.pop(_TROUBLE, None)
    _dialog(document)


@st.dialog("Share", width="medium")
def _dialog(document: Document) -> None:
    st.markdown(f"**{wording.plain(document.title)}**")
    st.caption(
        "Others read and hear it, each in a voice and at a place of their own. They "
        "cannot change it, download it or share it further, and what is spoken for "
        "them counts for them."
    )
    _show_new(document)
    if trouble := st.session_state.pop(_TROUBLE, ""):
        st.error(wording.plain(trouble), icon=":material/error:")
    if path := st.session_state.get(_LINK):
        st.caption("Copy this link now: it is not shown again.")
        st.code(_origin() + path, language=None, wrap_lines=True)
    shares = session.services().shares.of(session.principal(), document.id)
    if shares:
        st.divider()
    for share in shares:
        _show_share(document, share)


def _show_new(document: Document) -> None:
    runs_out = st.segmented_control(
        "Runs out", list(DAYS), default="Never", required=True, key="share-days"
    )
    days = DAYS[runs_out or "Never"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        email = st.text_input(
            "A person, by the e-mail address they sign in with",
            placeholder="name@example.org",
            max_chars=EMAIL_CHARS,
            key="share-email",
        )
        st.button(
            "Let in",
            icon=":material/person_add:",
            type="primary",
            disabled=not (email or "").strip(),
            on_click=_let_in,
            args=(document, days),
        )
    st.button(
        "Make a link",
        icon=":material/link:",
        help="Whoever has it and signs in may read this document.",
        on_click=_make_link,
        args=(document, days),
    )


def _until(days: int | None) -> datetime | None:
    now = session.services().database.now()
    return None if days is None else now + timedelta(days=days)


def _let_in(document: Document, days: int | None) -> None:
    email = str(st.session_state.get("share-email") or "")
    try:
        share_with(
            session.services(),
            session.principal(),
            document.id,
            email=email,
            expires_at=_until(days),
        )
    except LecternError as error:
        st.session_state[_TROUBLE] = error.message
    else:
        st.session_state["share-email"] = ""


def _make_link(document: Document, days: int | None) -> None:
    try:
        _share, token = make_link(
            session.services(),
            session.principal(),
            document.id,
            expires_at=_until(days),
        )
    except LecternError as error:
        st.session_state[_TROUBLE] = error.message
    else:
        st.session_state[_LINK] = f"{SHARED_PATH}{token}"


def _show_share(document: Document, share: DocumentShare) -> None:
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        with st.container(gap=None, width="stretch"):
            # As plain text: Markdown would make a link of an address.
            st.text(share.named or "Link")
            st.caption(share_line(share, datetime.now(UTC)))
        st.button(
            "Take back",
            key=f"unshare-{share.id}",
            type="tertiary",
            icon=":material/close:",
            on_click=_revoke,
            args=(document, share),
        )


def share_line(share: DocumentShare, now: datetime) -> str:
    """Return what is said of one share: since when, of whom, for how long."""
    icon = "link" if share.is_link else "person"
    said = [wording.ago(share.created_at, now)]
    if not share.is_link:
        said += [] if share.guests else ["has left"]
    elif share.guests:
        people = wording.count(share.guests, "person", "people")
        said.append(f"accepted by {people}")
    else:
        said.append("not accepted yet")
    if share.expires_at is not None:
        left = (share.expires_at - now).total_seconds()
        said.append(f"for {wording.duration(left)} more" if left > 0 else "run out")
    return f":material/{icon}: {' · '.join(said)}"


def _revoke(document: Document, share: DocumentShare) -> None:
    try:
        session.services().shares.revoke(session.principal(), document.id, share.id)
    except LecternError as error:
        st.session_state[_TROUBLE] = error.message


def _origin() -> str:
    """Return where this app lies, as the browser sees it."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def shared_by(document: Document) -> str:
    """Return who shared a document, in plain words."""
    names = names_of(session.services(), [document.owner_id])
    return f"Shared by {wording.plain(names[document.owner_id])}"


def leave(document: Document) -> None:
    """Give a shared document up."""
    try:
        session.services().shares.leave(session.principal(), document.id)
    except LecternError as error:
        st.toast(wording.plain(error.message), icon=":material/error:")
