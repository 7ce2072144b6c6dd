"""What pages share: on whose behalf they run, the stores, and the way to each other."""

from typing import NoReturn

import streamlit as st

from dashboard import backend
from lectern.accounts.people import LOCAL, Principal
from lectern.ids import DocumentId
from resources.services import Services

_PAGES = "_pages"
_DOCUMENT = "_document"


def principal() -> Principal:
    """Return on whose behalf this page runs. One person for now."""
    return LOCAL


def here() -> backend.Backend:
    """Return the backend in force."""
    return backend.current()


def services() -> Services:
    """Return the stores and engines."""
    return backend.current().services


def remember_pages(pages: dict[str, st.Page]) -> None:
    """Keep the pages of this run, so that one may lead to another."""
    st.session_state[_PAGES] = pages


def go_to(name: str) -> NoReturn:
    """Show another page."""
    st.switch_page(st.session_state[_PAGES][name])


def open_document(document_id: DocumentId) -> NoReturn:
    """Show a document in the reader. Its address can be kept and opened again."""
    st.session_state[_DOCUMENT] = document_id
    st.switch_page(
        st.session_state[_PAGES]["reader"], query_params={"document": document_id}
    )


def chosen_document() -> DocumentId | None:
    """Return the document the reader should show: by address, else the last one."""
    asked = st.query_params.get("document") or st.session_state.get(_DOCUMENT)
    if not asked:
        return None
    st.session_state[_DOCUMENT] = asked
    return DocumentId(asked)
