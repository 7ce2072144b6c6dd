"""Which documents have all their sounds already, so that nothing is waited for."""

from collections.abc import Sequence

import streamlit as st

from dashboard import session
from dashboard.reading import voice_of
from lectern.errors import EngineUnavailable
from lectern.ids import DocumentId
from lectern.jobs.states import DocumentState
from resources.stores.catalog import Document

KEPT_SECONDS = 10
"""The library asks each second while something is made."""


def fully_voiced(documents: Sequence[Document]) -> set[DocumentId]:
    """Return the documents of which every spoken block has its sound."""
    ready = [one for one in documents if one.state is DocumentState.READY]
    stamps = tuple((one.id, one.revision, one.voice_id) for one in ready)
    return _looked_up(ready, stamps)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=100, show_spinner=False)
def _looked_up(_documents: Sequence[Document], stamps: object) -> set[DocumentId]:
    """Look it up; ``stamps`` are what the answer is kept by."""
    services = session.services()
    try:
        voices = {one.id: voice_of(services, one).id for one in _documents}
    except EngineUnavailable:  # there is no voice at all
        return set()
    chars = services.batches.voiced_chars(session.principal(), voices)
    return {
        one.id for one in _documents if 0 < one.spoken_chars <= chars.get(one.id, 0)
    }
