"""Filters: a person's find-and-replace rules, for one document or for all of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import streamlit as st

from dashboard import session
from dashboard.reading import opened
from dashboard.views import filter_editor, wording
from lectern.documents.filter_files import filters_from_json, filters_to_json
from lectern.documents.filters import Filter
from lectern.errors import LecternError, NotFound
from lectern.ids import DocumentId
from resources.stores.catalog import Document
from resources.stores.filters import FilterVersion, KeptFilter

ALL = "All my documents"
SHOWN_RULES = 3
_SCOPE = "filters-scope"


def show() -> None:
    """Show the filters page."""
    document = _document()
    if filter_editor.is_open():
        filter_editor.show(document)
        return
    st.title("Filters", anchor=False)
    st.markdown(
        "Rules that say words otherwise, or leave them out. Your file stays as it is; "
        "only passages that change are spoken anew."
    )
    scope = _choose_scope(document)
    kept = session.services().filters.all(session.principal(), scope)
    _show_actions(scope, kept)
    if not kept:
        st.caption(
            "There are none here yet. To change how one word sounds, select it in the "
            "text and choose “Say it otherwise…”."
        )
    for place, one in enumerate(kept):
        _show_filter(one, place, kept)


def _document() -> Document | None:
    """Return the document one came from, if one did."""
    asked = st.query_params.get("document")
    if not asked:
        return None
    try:
        # Filtered anew by what was changed here, so that the player goes on with it.
        return opened(session.services(), session.principal(), DocumentId(asked))
    except NotFound:
        return None


def _choose_scope(document: Document | None) -> DocumentId | None:
    """Return which document's filters to show; None for those of all documents."""
    if document is None:
        st.subheader(ALL, anchor=False)
        return None
    if st.button("Back to the text", icon=":material/arrow_back:", type="tertiary"):
        session.open_document(document.id)
    own = "This document"
    chosen = st.segmented_control(
        "For", [own, ALL], default=own, required=True, key=_SCOPE
    )
    if chosen == ALL:
        st.caption("Each document is read anew when it is next opened or played.")
        return None
    st.caption(wording.plain(document.title))
    general = session.services().filters.all(session.principal())
    if general:
        count = wording.count(len(general), "filter", "filters")
        st.caption(f"{count} for all your documents come before these.")
    return document.id


def _show_actions(scope: DocumentId | None, kept: Sequence[KeptFilter]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("New filter…", icon=":material/add:", type="primary"):
            filter_editor.begin(Filter(""), document_id=scope)
            st.rerun()
        if st.button("Import…", icon=":material/upload_file:"):
            _import(scope)
        if kept:
            st.download_button(
                "Export",
                filters_to_json(one.filter for one in kept),
                file_name="filters.json",
                mime="application/json",
                icon=":material/download:",
            )
        services, principal = session.services(), session.principal()
        limit = services.limits.of(principal).filters
        st.caption(f"{services.filters.count(principal):,} of {limit:,} filters")


@st.dialog("Import filters")
def _import(scope: DocumentId | None) -> None:
    st.caption("A file of filters, as it is exported here. They are added at the end.")
    file = st.file_uploader("File", type="json", label_visibility="collapsed")
    if file is None:
        return
    try:
        for one in filters_from_json(file.getvalue()):
            session.services().filters.add(session.principal(), one, document_id=scope)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    st.rerun()


def _show_filter(one: KeptFilter, place: int, kept: Sequence[KeptFilter]) -> None:
    with st.container(border=True, key=f"filter-{one.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.toggle(
                f"Use “{one.filter.name}”",
                value=one.filter.is_enabled,
                key=f"filter-on-{one.id}-{one.version}",
                label_visibility="collapsed",
                on_change=_switch,
                args=(one,),
            )
            st.markdown(
                f"**{wording.plain(one.filter.name)}**  \n:gray[{_line(one)}]",
                width="stretch",
            )
            _show_buttons(one, place, kept)
        for rule in one.filter.rules[:SHOWN_RULES]:
            st.markdown(filter_editor.rule_line(rule))
        if len(one.filter.rules) > SHOWN_RULES:
            st.caption(f"… and {len(one.filter.rules) - SHOWN_RULES:,} more")


def _show_buttons(one: KeptFilter, place: int, kept: Sequence[KeptFilter]) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", wrap=False, width="content"
    ):
        _show_moves(one, place, kept)
        if st.button("Edit", key=f"filter-edit-{one.id}", icon=":material/edit:"):
            filter_editor.begin(one.filter, kept=one, document_id=one.document_id)
            st.rerun()
        with st.popover("", icon=":material/more_vert:", type="tertiary", help="More"):
            _show_versions(one)
            st.button(
                "Delete this filter",
                key=f"filter-delete-{one.id}",
                icon=":material/delete:",
                on_click=_act,
                args=(session.services().filters.delete, one.id),
            )


def _show_moves(one: KeptFilter, place: int, kept: Sequence[KeptFilter]) -> None:
    for step, icon, label in (
        (-1, "arrow_upward", "Earlier"),
        (1, "arrow_downward", "Later"),
    ):
        st.button(
            "",
            icon=f":material/{icon}:",
            help=label,
            key=f"filter-{label}-{one.id}",
            type="tertiary",
            disabled=not 0 <= place + step < len(kept),
            on_click=_move,
            args=(kept, place, step),
        )


def _show_versions(one: KeptFilter) -> None:
    versions = session.services().filters.versions(session.principal(), one.id)
    older = [known for known in versions if known.version != one.version]
    if not older:
        st.caption("There is no older version.")
        return
    now = datetime.now(UTC)
    chosen: FilterVersion | None = st.selectbox(
        "Older versions",
        older,
        format_func=lambda v: (
            f"{v.version} · {wording.count(len(v.filter.rules), 'rule', 'rules')} · "
            f"{wording.ago(v.made_at, now)}"
        ),
        key=f"filter-versions-{one.id}-{one.version}",
    )
    if chosen is None:
        return
    for rule in chosen.filter.rules[:SHOWN_RULES]:
        st.markdown(filter_editor.rule_line(rule))
    st.button(
        f"Bring version {chosen.version} back",
        key=f"filter-restore-{one.id}",
        icon=":material/history:",
        on_click=_act,
        args=(session.services().filters.restore, one.id, chosen.version),
    )


def _line(one: KeptFilter) -> str:
    count = wording.count(len(one.filter.rules), "rule", "rules")
    off = "" if one.filter.is_enabled else "off · "
    changed = wording.ago(one.changed_at, datetime.now(UTC))
    return f"{off}{count} · version {one.version} · {changed}"


def _switch(one: KeptFilter) -> None:
    wanted = Filter(one.filter.name, one.filter.rules, not one.filter.is_enabled)
    _act(session.services().filters.change, one.id, wanted)


def _move(kept: Sequence[KeptFilter], place: int, step: int) -> None:
    order = [one.id for one in kept]
    order[place], order[place + step] = order[place + step], order[place]
    try:
        session.services().filters.reorder(
            session.principal(), order, document_id=kept[place].document_id
        )
    except LecternError as error:
        st.toast(wording.plain(error.message), icon=":material/error:")


def _act(change: Callable[..., object], *arguments: object) -> None:
    try:
        change(session.principal(), *arguments)
    except LecternError as error:
        st.toast(wording.plain(error.message), icon=":material/error:")
