"""The tools above the text: what is skipped, its look, voices, bookmarks, files."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.api.documents import change_policy
from dashboard.views import sharing, wording
from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind, SpanKind
from lectern.documents.spoken import Speaking
from lectern.speech.voices import Voice, speaks
from resources.choosing import choose_voice
from resources.stores.catalog import Document
from resources.texts import text_of

FACES = {"Serif": "serif", "Sans": "sans"}
DEFAULT_LOOK = {"face": "serif", "size_rem": 1.2, "width_rem": 40}
SPEAKING_NAMES = {
    Speaking.SPEAK: "Speak",
    Speaking.ANNOUNCE: "Announce",
    Speaking.SKIP: "Skip",
}
KINDS: dict[str, BlockKind | SpanKind] = {
    **{str(kind): kind for kind in BlockKind},
    **{str(kind): kind for kind in SpanKind},
}
ALWAYS_SPOKEN = {BlockKind.HEADING, BlockKind.PARAGRAPH}
BOOKMARK_CHARS = 70
POLL_SECONDS = 1.0

_REQUEST = "_reader_request"


def show_skipped(
    document: Document, skipped: Sequence[dict[str, Any]], policy: dict[str, str]
) -> None:
    """Show which kinds of text are not read out, where each can be changed."""
    with st.popover(
        skipped_label(skipped), icon=":material/skip_next:", type="tertiary"
    ):
        st.markdown("**What is read out**")
        st.caption("Nothing is deleted: the text stays on the page, greyed.")
        counts = {entry["kind"]: entry["count"] for entry in skipped}
        present = _kinds_in(document) | set(counts)
        by_place = sorted(present, key=list(policy).index)
        for name in sorted(by_place, key=lambda name: name not in counts):
            _show_choice(document, name, policy[name], counts.get(name))


def skipped_label(skipped: Sequence[dict[str, Any]]) -> str:
    """Return how many kinds are left out, and how many are only announced."""
    announced = sum(entry["action"] == Speaking.ANNOUNCE for entry in skipped)
    silent = len(skipped) - announced
    parts = []
    if silent:
        parts.append(f"{wording.count(silent, 'kind', 'kinds')} skipped")
    if announced:
        of_what = "" if silent else f" {'kind' if announced == 1 else 'kinds'}"
        parts.append(f"{announced}{of_what} announced")
    return ", ".join(parts) or "Skipping"


def _kinds_in(document: Document) -> set[str]:
    """Return the kinds that occur in a document and may be left out."""
    text = text_of(session.services(), document)
    if text is None:
        return set()
    kinds: set[BlockKind | SpanKind] = {block.kind for block in text.blocks}
    kinds |= {span.kind for block in text.blocks for span in block.spans}
    kinds -= ALWAYS_SPOKEN
    kinds -= {SpanKind.EMPHASIS, SpanKind.STRONG, SpanKind.SAID}
    return {str(kind) for kind in kinds}


def _show_choice(
    document: Document, name: str, action: str, number: int | None
) -> None:
    key = f"policy-{document.id}-{document.revision}-{name}"
    many = wording.KIND_NAMES[name][1].capitalize()
    st.segmented_control(
        f"{many} ({number:,})" if number else many,
        list(SPEAKING_NAMES),
        format_func=SPEAKING_NAMES.__getitem__,
        default=Speaking(action),
        required=True,
        key=key,
        on_change=_change_policy,
        args=(document, name, key),
    )


def _change_policy(document: Document, name: str, key: str) -> None:
    chosen = st.session_state.get(key)
    if chosen is not None:
        changes = {KINDS[name]: Speaking(chosen)}
        change_policy(session.here(), session.principal(), document.id, changes)


def show_display() -> dict[str, Any]:
    """Show how the text may look, and return how it does. Kept for the next time."""
    preferences, principal = session.services().preferences, session.principal()
    look = {**DEFAULT_LOOK, **(preferences.get(principal, "reader_look") or {})}
    faces = {value: name for name, value in FACES.items()}
    with st.popover("Display", icon=":material/text_fields:", type="tertiary"):
        face = st.segmented_control(
            "Typeface", list(FACES), default=faces[look["face"]], required=True
        )
        size_rem = st.slider("Text size", 0.9, 2.0, float(look["size_rem"]), 0.05)
        width_rem = st.slider("Column width", 26, 64, int(look["width_rem"]), 2)
    chosen = {
        "face": FACES[face or "Serif"],
        "size_rem": size_rem,
        "width_rem": width_rem,
    }
    if chosen != look:
        preferences.put(principal, "reader_look", chosen)
    return chosen


def show_voices(document: Document, *, voice_id: str) -> None:
    """Show the voices of the document's language, and of every other on demand."""
    with st.popover("Voice", icon=":material/record_voice_over:", type="tertiary"):
        engines = session.services().speech_engines()
        principal = session.principal()
        everything = list(engines.voices(principal=principal))  # own ones first
        fitting = [v for v in everything if speaks(v, document.language)]
        is_all = st.toggle("Voices of every language", value=not fitting)
        offered = everything if is_all else fitting
        choice = choose_voice(session.services(), document)
        if choice.remark:
            st.warning(wording.plain(choice.remark), icon=":material/voice_selection:")
        if choice.voice not in offered:
            offered = [choice.voice, *offered]
        labels = {voice.id: _voice_label(voice) for voice in offered}
        if choice.stand_in is not None:
            labels[choice.voice.id] = f"{choice.voice.name} · gone"
        key = f"voice-{document.id}-{is_all}"
        st.selectbox(
            "Voice",
            list(labels),
            index=list(labels).index(voice_id),
            format_func=labels.__getitem__,
            key=key,
            on_change=_choose_voice,
            args=(document, key),
        )
        st.caption("The place is kept; what was voiced before stays.")


def _voice_label(voice: Voice) -> str:
    if voice.owner_id:
        mine = voice.owner_id == session.principal().owner_id
        return f"★ {voice.name} · {'yours' if mine else 'shared with you'}"
    gender = "" if voice.gender == "neutral" else f" · {voice.gender}"
    return f"{voice.name}{gender}"


def _choose_voice(document: Document, key: str) -> None:
    session.services().catalog.set_voice(
        session.principal(), document.id, st.session_state[key]
    )


def show_bookmarks(document: Document) -> None:
    """Show the places that were marked. New ones are made in the player (key b).

    The player makes them without a rerun of this page, so the list is read when it is
    opened, and again and again while it is open.
    """
    popover = st.popover(
        "Bookmarks",
        icon=":material/bookmark:",
        type="tertiary",
        key="bookmarks",
        on_change="rerun",
    )
    if popover.open:
        with popover:
            st.fragment(_list_bookmarks, run_every=POLL_SECONDS)(document)


def _list_bookmarks(document: Document) -> None:
    found = session.services().bookmarks.list(session.principal(), document.id)
    if not found:
        st.caption("None yet. Press **B** while listening, or use the player.")
    text = text_of(session.services(), document)
    for bookmark in found:
        place = bookmark.block_index
        shown = text.blocks[place].shown if text and place < len(text.blocks) else ""
        label = bookmark.label or shown
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            if st.button(
                wording.plain(_shorten(label)),
                key=f"bookmark-{bookmark.id}",
                type="tertiary",
                width="stretch",
            ):
                _jump(document, place)
                st.rerun()  # the text is outside this fragment
            st.button(
                "",
                icon=":material/close:",
                help="Remove this bookmark",
                key=f"unmark-{bookmark.id}",
                type="tertiary",
                on_click=session.services().bookmarks.delete,
                args=(session.principal(), bookmark.id),
            )


def _shorten(text: str) -> str:
    if len(text) <= BOOKMARK_CHARS:
        return text
    return text[:BOOKMARK_CHARS].rsplit(" ", 1)[0] + "…"


def _jump(document: Document, block_index: int) -> None:
    number = st.session_state.get(_REQUEST, {}).get("request", 0) + 1
    st.session_state[_REQUEST] = {
        "document": document.id,
        "block": block_index,
        "request": number,
    }


def jump_request(document: Document) -> dict[str, Any]:
    """Return the last jump asked for here, in the reader component's words."""
    request = st.session_state.get(_REQUEST, {})
    return dict(request) if request.get("document") == document.id else {}


def show_recognitions(document: Document) -> None:
    """Lead to what other recognisers made of the pages, where they are pictures."""
    is_printed = document.format in (Format.PDF, Format.IMAGE)
    if is_printed and st.button("Compare", icon=":material/compare:", type="tertiary"):
        session.compare_document(document.id)


def show_filters(document: Document) -> None:
    """Lead to the rules by which words are said otherwise."""
    if st.button("Filters", icon=":material/find_replace:", type="tertiary"):
        session.open_filters(document.id)


def show_sharing(document: Document) -> None:
    """Let a document be shared, where there is anybody to share it with."""
    if sharing.is_offered() and st.button(
        "Share", icon=":material/group_add:", type="tertiary"
    ):
        sharing.open_dialog(document)
