"""Choosing several documents of the library, and what can be done with them."""

from collections.abc import Sequence

import streamlit as st

from dashboard.views import adding, batching, wording
from lectern.ids import DocumentId
from resources.stores.catalog import Document

_ON = "_selecting"
_PICKED = "_picked"


def is_on() -> bool:
    """Whether documents are being chosen now."""
    return bool(st.session_state.get(_ON))


def picked() -> set[DocumentId]:
    """Return the chosen documents."""
    chosen: set[DocumentId] = st.session_state.setdefault(_PICKED, set())
    return chosen


def show_switch() -> None:
    """Show the button that begins or ends choosing."""
    st.button(
        "Done" if is_on() else "Select",
        icon=":material/close:" if is_on() else ":material/checklist:",
        type="tertiary",
        key="selecting",
        on_click=end if is_on() else _begin,
    )


def _begin() -> None:
    st.session_state[_ON] = True
    st.session_state[_PICKED] = set()


def end() -> None:
    """End choosing."""
    st.session_state[_ON] = False
    st.session_state[_PICKED] = set()


def show_box(document: Document) -> None:
    """Show the box by which a document is chosen."""
    key = f"pick-{document.id}"
    st.session_state[key] = document.id in picked()
    st.checkbox("Select", key=key, on_change=_turn, args=(document.id,))


def _turn(document_id: DocumentId) -> None:
    if st.session_state[f"pick-{document_id}"]:
        picked().add(document_id)
    else:
        picked().discard(document_id)


def show_bar(shown: Sequence[Document]) -> None:
    """Show how many are chosen, and what to do with them."""
    chosen = [document for document in shown if document.id in picked()]
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key="selection"
    ):
        st.markdown(f"**{len(chosen):,} selected**", width="stretch")
        if len(chosen) < len(shown):
            st.button(
                f"Select all {len(shown):,}",
                type="tertiary",
                key="select-all",
                on_click=picked().update,
                args=([document.id for document in shown],),
            )
        else:
            st.button(
                "Clear", type="tertiary", key="select-none", on_click=picked().clear
            )
        is_prepared = st.button(
            "Prepare for listening…",
            icon=":material/headphones:",
            type="primary",
            disabled=not chosen,
        )
        is_deleted = st.button(
            "Delete",
            icon=":material/delete:",
            disabled=not chosen,
            help=f"Moves {wording.count(len(chosen), 'document', 'documents')} to the "
            "trash, from where they can be brought back.",
        )
    if is_prepared:
        batching.prepare([document.id for document in chosen], on_begun=end)
    if is_deleted:
        adding.delete(*chosen)
        end()
        st.rerun()
