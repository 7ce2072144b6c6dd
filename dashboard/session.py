"""What pages share: on whose behalf they run, the stores, and the way to each other."""

from typing import NoReturn
from uuid import uuid4

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import backend
from dashboard.components.mount import mount
from dashboard.identity import SESSION_HEADER
from lectern.accounts.people import LOCAL, Principal
from lectern.accounts.sessions import SignedIn
from lectern.ids import DocumentId
from resources.services import Services

_PAGES = "_pages"
_DOCUMENT = "_document"
_SHOWN = "_shown"
_PLAY = "_play"
_READER = "reader"


def principal() -> Principal:
    """Return on whose behalf this page runs; whose session has ended gets no further.

    Asked of the store each time, so that nothing runs for a session that was revoked.
    """
    person = signed_in()
    return LOCAL if person is None else person.person.principal


def signed_in() -> SignedIn | None:
    """Return who is signed in, and by which session; None without accounts."""
    if here().settings.accounts.is_single:
        return None
    session_id = st.context.headers.get(SESSION_HEADER)
    found = services().sessions.going_on(session_id) if session_id else None
    if found is None:
        mount("leave", key="leave", data={})
        st.stop()
    return found


def lead_to(path: str) -> NoReturn:
    """Leave the app for one of the pages before it."""
    mount("leave", key="leave", data={"to": path})
    st.stop()


def here() -> backend.Backend:
    """Return the backend in force."""
    return backend.current()


def services() -> Services:
    """Return the stores and engines."""
    return backend.current().services


def remember_pages(pages: dict[str, st.Page]) -> None:
    """Keep the pages of this run, so that one may lead to another."""
    st.session_state[_PAGES] = pages


def leave_other_pages(url_path: str) -> None:
    """Let nothing of the page shown before run any more; call it before each page.

    A fragment that polls may ask for its next run in the very moment its page is left.
    Run afterwards, Streamlit announces the old page again and the browser clears the
    new one, for good. So the old fragments are forgotten, which refuses every later
    request, and a rerun takes the place of those that wait already.
    """
    before = st.session_state.get(_SHOWN)
    st.session_state[_SHOWN] = url_path
    if before is None or before == url_path:
        return
    if st.session_state[_PAGES][_READER].url_path != url_path:
        st.session_state.pop(_PLAY, None)
    context = get_script_run_ctx()
    if context is not None:
        context.fragment_storage.clear()
    st.rerun()


def go_to(name: str) -> NoReturn:
    """Show another page."""
    st.switch_page(st.session_state[_PAGES][name])


def open_document(document_id: DocumentId, *, play: bool = False) -> NoReturn:
    """Show a document in the reader. Its address can be kept and opened again."""
    st.session_state[_DOCUMENT] = document_id
    if play:
        st.session_state[_PLAY] = (document_id, uuid4().hex)
    else:
        st.session_state.pop(_PLAY, None)
    st.switch_page(
        st.session_state[_PAGES][_READER], query_params={"document": document_id}
    )


def compare_document(document_id: DocumentId) -> NoReturn:
    """Show what recognisers made of a document, side by side."""
    st.session_state[_DOCUMENT] = document_id
    st.switch_page(
        st.session_state[_PAGES]["compare"], query_params={"document": document_id}
    )


def open_filters(document_id: DocumentId | None = None) -> NoReturn:
    """Show the filters of a document, or those for all of them."""
    query = {} if document_id is None else {"document": document_id}
    st.switch_page(st.session_state[_PAGES]["filters"], query_params=query)


def play_token(document_id: DocumentId) -> str:
    """Return the mark of the press that asked to hear this document, or "".

    It is new for each press and stays while the reader is shown, so that the reader
    plays once for it however often the page is run.
    """
    asked_for, token = st.session_state.get(_PLAY, (None, ""))
    return str(token) if asked_for == document_id else ""


def chosen_document() -> DocumentId | None:
    """Return the document the reader should show: by address, else the last one."""
    asked = st.query_params.get("document") or st.session_state.get(_DOCUMENT)
    if not asked:
        return None
    st.session_state[_DOCUMENT] = asked
    return DocumentId(asked)


def forget_document() -> bool:
    """Forget which document was shown last; False when the address names one."""
    st.session_state.pop(_DOCUMENT, None)
    return not st.query_params.get("document")
