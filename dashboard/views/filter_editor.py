"""One filter being edited: its rules, what they would change, and keeping it."""

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.views import filter_results, wording
from lectern.documents.filter_patterns import compiled
from lectern.documents.filters import (
    NAME_CHARS,
    Filter,
    Rule,
    RuleKind,
    Where,
    cleaned,
)
from lectern.errors import LecternError
from lectern.ids import DocumentId
from resources.stores.catalog import Document
from resources.stores.filters import KeptFilter

_DRAFT = "_filter_draft"
_NAME = "filter-name"
RULES_SHOWN = 25
KINDS = {RuleKind.WORDS: "Words", RuleKind.PATTERN: "Pattern"}
PLACES = {Where.SPOKEN: "What is said", Where.SHOWN: "The page too"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A filter as it is being edited."""

    filter: Filter
    kept: KeptFilter | None = None  # the one it was, if it is not new
    document_id: DocumentId | None = None
    is_tried: bool = False


def begin(
    wanted: Filter,
    *,
    kept: KeptFilter | None = None,
    document_id: DocumentId | None = None,
) -> None:
    """Open the editor on a filter."""
    st.session_state[_DRAFT] = Draft(wanted, kept, document_id)


def is_open() -> bool:
    """Whether a filter is being edited."""
    return _DRAFT in st.session_state


def _draft() -> Draft:
    draft = st.session_state[_DRAFT]
    assert isinstance(draft, Draft)  # noqa: S101  (set by ``begin``)
    return draft


def _edit(**changes: Any) -> None:
    draft = _draft()
    changed = replace(draft.filter, **changes)
    st.session_state[_DRAFT] = replace(draft, filter=changed, is_tried=False)


def _close() -> None:
    st.session_state.pop(_DRAFT, None)


def show(document: Document | None) -> None:
    """Show the editor."""
    draft = _draft()
    st.title("Edit a filter" if draft.kept else "New filter", anchor=False)
    st.caption(
        "For all your documents" if draft.document_id is None else "For this document"
    )
    name = st.text_input(
        "Name",
        value=draft.filter.name,
        max_chars=NAME_CHARS,
        placeholder="What it is for: names, abbreviations",
        key=_NAME,
    )
    if name != draft.filter.name:
        _edit(name=name)
    _show_rules(draft.filter.rules)
    if st.button("Add a rule…", icon=":material/add:"):
        _ask_rule(None)
    with st.container(horizontal=True):
        st.button("Save", type="primary", icon=":material/check:", on_click=_save)
        if st.button("Try it out", icon=":material/preview:"):
            st.session_state[_DRAFT] = replace(_draft(), is_tried=True)
        st.button("Cancel", type="tertiary", on_click=_close)
    if _draft().is_tried:
        _try(document)


def _show_rules(rules: tuple[Rule, ...]) -> None:
    if not rules:
        st.caption("It has no rules yet.")
    first = 0
    if len(rules) > RULES_SHOWN:
        pages = -(-len(rules) // RULES_SHOWN)
        first = RULES_SHOWN * (st.pagination(pages, key="filter-rules-page") - 1)
    for place, rule in enumerate(rules[first : first + RULES_SHOWN], start=first):
        with st.container(horizontal=True, vertical_alignment="center", border=False):
            _show_rule(place, rule, len(rules))


def _show_rule(place: int, rule: Rule, count: int) -> None:
    st.checkbox(
        "Use this rule",
        value=rule.is_enabled,
        key=f"rule-on-{place}-{hash(rule)}",
        label_visibility="collapsed",
        on_change=_set_rule,
        args=(place, replace(rule, is_enabled=not rule.is_enabled)),
    )
    st.markdown(rule_line(rule), width="stretch")
    with st.container(
        horizontal=True, vertical_alignment="center", wrap=False, width="content"
    ):
        _show_buttons(place, count)


def _show_buttons(place: int, count: int) -> None:
    for step, icon, label in (
        (-1, "arrow_upward", "Earlier"),
        (1, "arrow_downward", "Later"),
    ):
        st.button(
            "",
            icon=f":material/{icon}:",
            help=label,
            key=f"rule-{label}-{place}",
            type="tertiary",
            disabled=not 0 <= place + step < count,
            on_click=_move_rule,
            args=(place, step),
        )
    if st.button(
        "",
        icon=":material/edit:",
        help="Edit",
        key=f"rule-edit-{place}",
        type="tertiary",
    ):
        _ask_rule(place)
    st.button(
        "",
        icon=":material/close:",
        help="Delete",
        key=f"rule-delete-{place}",
        type="tertiary",
        on_click=_set_rule,
        args=(place, None),
    )


def rule_line(rule: Rule) -> str:
    """Return a rule in one line of Markdown: what is found, and what is said."""
    said = (
        f"**{wording.plain(rule.replacement)}**" if rule.replacement else "_left out_"
    )
    marks = [
        "pattern" if rule.kind is RuleKind.PATTERN else "",
        "page too" if rule.where is Where.SHOWN else "",
        "exact case" if rule.is_case_sensitive else "",
        ", ".join(rule.languages),
        "" if rule.is_enabled else "off",
    ]
    about = " · ".join(wording.plain(mark) for mark in marks if mark)
    return f"{wording.plain(rule.find)} → {said}" + (
        f" :gray[{about}]" if about else ""
    )


def _set_rule(place: int, rule: Rule | None) -> None:
    rules = list(_draft().filter.rules)
    rules[place : place + 1] = [] if rule is None else [rule]
    _edit(rules=tuple(rules))


def _move_rule(place: int, step: int) -> None:
    rules = list(_draft().filter.rules)
    rules[place], rules[place + step] = rules[place + step], rules[place]
    _edit(rules=tuple(rules))


@st.dialog("Rule")
def _ask_rule(place: int | None) -> None:
    """Ask for a rule, and put it into the filter once it can be used."""
    rules = _draft().filter.rules
    before = Rule("") if place is None else rules[place]
    with st.form("rule", border=False):
        rule = _rule_fields(before)
        if not st.form_submit_button("Keep", type="primary"):
            return
    try:
        limits = session.services().limits.of(session.principal())
        (clean,) = cleaned(Filter("x", (rule,)), limits).rules
        compiled(clean)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    at = len(rules) if place is None else place
    _edit(rules=(*rules[:at], clean, *rules[at + 1 :]))
    st.rerun()


def _rule_fields(before: Rule) -> Rule:
    kind = st.segmented_control(
        "Look for",
        list(KINDS),
        default=before.kind,
        format_func=KINDS.__getitem__,
        required=True,
        help="A pattern is a regular expression (RE2).",
    )
    find = st.text_input("Find", value=before.find)
    said = st.text_input(
        "Say instead",
        value=before.replacement,
        help=r"Empty leaves it out. Of a pattern, \1 is its first group.",
    )
    where = st.segmented_control(
        "Change",
        list(PLACES),
        default=before.where,
        format_func=PLACES.__getitem__,
        required=True,
    )
    with st.container(horizontal=True):
        whole = st.checkbox("Whole words", value=before.is_whole_words)
        case = st.checkbox("Exact case", value=before.is_case_sensitive)
    tags = st.text_input(
        "Languages", value=", ".join(before.languages), placeholder="all, or: en, de"
    )
    return Rule(
        find,
        said,
        RuleKind(kind or RuleKind.WORDS),
        is_case_sensitive=case,
        is_whole_words=whole,
        languages=tuple(tag for tag in tags.replace(",", " ").split() if tag),
        is_enabled=before.is_enabled,
        where=Where(where or Where.SPOKEN),
    )


def _save() -> None:
    draft, filters = _draft(), session.services().filters
    principal = session.principal()
    wanted = replace(draft.filter, name=st.session_state.get(_NAME, draft.filter.name))
    try:
        if draft.kept is None:
            filters.add(principal, wanted, document_id=draft.document_id)
        else:
            number = draft.kept.version
            filters.change(principal, draft.kept.id, wanted, version=number)
    except LecternError as error:
        st.toast(wording.plain(error.message), icon=":material/error:")
        return
    _close()


def _try(document: Document | None) -> None:
    draft = _draft()
    kept_id = draft.kept.id if draft.kept else None
    try:
        if document is not None:
            filter_results.show_preview(
                document,
                draft.filter,
                kept_id=kept_id,
                is_general=draft.document_id is None,
            )
        if draft.document_id is None:
            filter_results.show_reach(draft.filter, kept_id=kept_id)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
