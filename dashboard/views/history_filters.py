"""What the history is narrowed to: filters, and views under which they are kept."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.views import wording
from lectern.errors import LecternError
from lectern.jobs.history import BUILT_IN, NAME_CHARS, WORDS_CHARS, JobFilter, Shown
from lectern.jobs.states import JobKind
from resources.stores.job_views import JobView

SHOWN = {
    Shown.ENDED: "Ended",
    Shown.ANY: "Any state",
    Shown.UNFINISHED: "Running",
    Shown.DONE: "Done",
    Shown.FAILED: "Failed",
    Shown.CANCELLED: "Stopped",
}
DATES = "dates"
# Streamlit takes None for no choice.
TIMES: dict[int | str, str] = {
    "": "Any time",
    1: "Last 24 hours",
    7: "Last 7 days",
    30: "Last 30 days",
    DATES: "Between dates",
}
LONGER: dict[int | str, str] = {
    "": "Any length",
    60: "Over 1 minute",
    600: "Over 10 minutes",
    3600: "Over 1 hour",
}
KEYS = (
    *("words", "shown", "kind", "when", "since", "until"),
    *("made_by", "longer", "batches", "document"),
)
_VIEW = "history-view"


def show() -> JobFilter:
    """Show views and filters; return what is looked for."""
    _take_what_a_page_asked_for()
    views = {view.name: view for view in _views()}
    _choose_view({**BUILT_IN, **{name: view.filter for name, view in views.items()}})
    with st.grid(4, min_column_width=150, gap="small"):
        st.text_input(
            "Search",
            key=_key("words"),
            placeholder="Title, error or log",
            live=True,
            label_visibility="collapsed",
            icon=":material/search:",
        )
        _select("State", "shown", SHOWN)
        _select(
            "Kind",
            "kind",
            {"": "Any kind"} | {kind: wording.JOB_NAMES[kind] for kind in JobKind},
        )
        _select("When", "when", TIMES)
    if st.session_state.get(_key("when")) == DATES:
        _choose_dates()
    with st.container(horizontal=True, vertical_alignment="center"):
        _show_more()
        _save_view(_wanted())
        if view := views.get(str(st.session_state.get(_VIEW))):
            _change_view(view)
        _show_document()
    return _wanted()


def take(wanted: JobFilter) -> None:
    """Look for something else from now on; for buttons."""
    values = _values(wanted)
    for name in KEYS:
        st.session_state[_key(name)] = values[name]
    st.session_state[_VIEW] = next(
        (name for name, filter_ in BUILT_IN.items() if filter_ == wanted), None
    )


def _take_what_a_page_asked_for() -> None:
    if _key("shown") not in st.session_state:
        take(JobFilter())


def _views() -> list[JobView]:
    return list(session.services().job_views.list(session.principal()))


def _choose_view(views: Mapping[str, JobFilter]) -> None:
    def took() -> None:
        name = st.session_state.get(_VIEW)
        take(views.get(str(name), JobFilter()))
        st.session_state[_VIEW] = name

    chosen = st.session_state.get(_VIEW)
    is_left = chosen in BUILT_IN and _wanted() != BUILT_IN[chosen]
    if chosen not in views or is_left:
        st.session_state[_VIEW] = None
    st.pills(
        "View", list(views), key=_VIEW, on_change=took, label_visibility="collapsed"
    )


def _select(label: str, name: str, options: Mapping[Any, str]) -> None:
    if st.session_state.get(_key(name)) not in options:
        st.session_state[_key(name)] = next(iter(options))
    st.selectbox(
        label,
        list(options),
        key=_key(name),
        format_func=options.__getitem__,
        label_visibility="collapsed",
    )


def _choose_dates() -> None:
    today = datetime.now(UTC).date()
    with st.grid(4, min_column_width=150, gap="small"):
        for name, label in (("since", "From"), ("until", "To")):
            st.session_state.setdefault(_key(name), None)
            st.date_input(label, key=_key(name), max_value=today + timedelta(days=1))


def _show_more() -> None:
    history, principal = session.services().job_history, session.principal()
    engines, voices = history.engines(principal), history.voices(principal)
    made_by = {"": "Any voice or engine"}
    made_by |= {f"engine {name}": name for name in engines}
    made_by |= {f"voice {name}": name for name in voices}
    with st.popover("More filters", icon=":material/tune:", type="tertiary"):
        _select("Voice or engine", "made_by", made_by)
        _select("Length", "longer", LONGER)
        st.toggle("Work of batches, too", key=_key("batches"))


def _save_view(wanted: JobFilter) -> None:
    with st.popover("Save view", icon=":material/bookmark_add:", type="tertiary"):
        name = st.text_input("Name of the view", max_chars=NAME_CHARS)
        if st.button("Save", type="primary", key="save-view"):
            store = session.services().job_views
            _tried(lambda: store.save(session.principal(), name, wanted))


def _change_view(view: JobView) -> None:
    store, principal = session.services().job_views, session.principal()
    with st.popover("Change view", icon=":material/edit:", type="tertiary"):
        name = st.text_input(
            "Name", view.name, max_chars=NAME_CHARS, key=f"name-{view.id}"
        )
        if st.button("Rename", key="rename-view"):
            _tried(lambda: store.rename(principal, view.id, name))
        if st.button("Keep the filters as they are now", key="change-view"):
            _tried(lambda: store.change(principal, view.id, _wanted()))
        if st.button("Delete", icon=":material/delete:", key="delete-view"):
            _tried(lambda: store.delete(principal, view.id))


def _tried(act: Any) -> None:
    """Do something with a view; say why, where it cannot be done."""
    try:
        act()
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
    else:
        st.rerun()


def _show_document() -> None:
    """Say that one document's work is shown, and let go of it."""
    if st.session_state.get(_key("document")):
        st.button(
            "Of one document",
            icon=":material/close:",
            type="tertiary",
            on_click=st.session_state.__setitem__,
            args=(_key("document"), ""),
        )


def _key(name: str) -> str:
    return f"history-{name}"


def _values(wanted: JobFilter) -> dict[str, Any]:
    """Return what each input shows for a filter."""
    made_by = f"engine {wanted.engine}" if wanted.engine else ""
    when: int | str = wanted.within_days or ""
    if wanted.since or wanted.until:
        when = DATES
    return {
        "words": wanted.words,
        "shown": wanted.shown,
        "kind": wanted.kind or "",
        "when": when,
        "since": wanted.since,
        "until": wanted.until,
        "made_by": f"voice {wanted.voice_id}" if wanted.voice_id else made_by,
        "longer": wanted.longer_than_seconds or "",
        "batches": wanted.with_batches,
        "document": wanted.document_id,
    }


def _wanted() -> JobFilter:
    """Return what the inputs say."""
    value = {name: st.session_state.get(_key(name)) for name in KEYS}
    kind_of_maker, _, maker = str(value["made_by"] or "").partition(" ")
    is_between = value["when"] == DATES
    return JobFilter(
        words=str(value["words"] or "")[:WORDS_CHARS],
        shown=value["shown"] or Shown.ENDED,
        kind=value["kind"] or None,
        within_days=None if is_between else value["when"] or None,
        since=value["since"] if is_between else None,
        until=value["until"] if is_between else None,
        engine=maker if kind_of_maker == "engine" else "",
        voice_id=maker if kind_of_maker == "voice" else "",
        longer_than_seconds=value["longer"] or None,
        with_batches=bool(value["batches"]),
        document_id=value["document"] or "",
    )
