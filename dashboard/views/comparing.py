"""Compare: what two recognisers made of one document, page by page, and one more."""

import html
from collections.abc import Sequence

import streamlit as st

from dashboard import following, session
from dashboard.views import time_left, wording
from dashboard.views.remaining import show_remaining
from lectern.documents.differences import Piece, compare, share_same
from lectern.errors import LecternError, NotFound
from lectern.jobs.states import JobKind
from lectern.jobs.wanted import LOCAL, Wanted
from lectern.usage.quotes import Quote, price_text
from resources.recognitions import Kept, Offer, changed_pages, pages_of
from resources.stores.catalog import Document
from resources.stores.jobs import Job

POLL_SECONDS = 1.0


def show() -> None:
    """Show the page for the document that was chosen."""
    document = _document()
    if document is None:
        st.title("Compare", anchor=False)
        st.markdown("Nothing is open. Choose something from your library.")
        if st.button("Go to the library", icon=":material/library_books:"):
            session.go_to("library")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(wording.plain(document.title), anchor=False, width="stretch")
        if st.button("Back to the text", icon=":material/menu_book:", type="tertiary"):
            session.open_document(document.id)
    kept = session.services().recognitions().of(document)
    if len(kept) < 2:
        st.markdown(
            "Recognise this document by another engine, and see both readings side by "
            "side. What you read now stays as it is until you choose another text."
        )
        for one in kept:
            st.caption(f"Read by {wording.plain(one.label)}")
            _show_about(document, one, side="left")
    else:
        _show_comparison(document, kept)
    st.header("Recognise it another way", anchor=False)
    job = _unfinished(document)
    live = st.fragment(_show_offers, run_every=POLL_SECONDS if job else None)
    known = frozenset(one.recogniser for one in kept)
    live(document, known, was_busy=job is not None)


def _document() -> Document | None:
    document_id = session.chosen_document()
    if document_id is None:
        return None
    try:
        return session.services().catalog.get(session.principal(), document_id)
    except NotFound:
        return None


def _unfinished(document: Document) -> Job | None:
    jobs = session.services().jobs.for_document(
        session.principal(), document.id, kind=JobKind.PREPARE
    )
    return next((job for job in jobs if not job.state.is_final), None)


def _show_comparison(document: Document, kept: Sequence[Kept]) -> None:
    by_name = {one.recogniser: one for one in kept}
    names = list(by_name)
    with st.grid(2, min_column_width=260):
        left = by_name[_choose("Left", names, by_name, index=0)]
        right = by_name[_choose("Right", names, by_name, index=1)]
        _show_about(document, left, side="left")
        _show_about(document, right, side="right")
    recognitions = session.services().recognitions()
    ours = pages_of(recognitions.text(left))
    theirs = pages_of(recognitions.text(right))
    numbers = sorted(set(ours) | set(theirs))
    changed = changed_pages(ours, theirs)
    if not numbers:
        return
    number = _choose_page(document, numbers, changed)
    pieces = compare(ours.get(number, ""), theirs.get(number, ""))
    _show_page(number, pieces, left, right)


def _choose(
    side: str, names: list[str], by_name: dict[str, Kept], *, index: int
) -> str:
    chosen = st.selectbox(
        side,
        names,
        index=index,
        format_func=lambda name: by_name[name].label,
        key=f"compare-{side}",
    )
    return chosen or names[index]


def _show_about(document: Document, kept: Kept, *, side: str) -> None:
    """Show what a recognition holds and cost, and the way to read its text."""
    sure = "–" if kept.confidence is None else f"{kept.confidence:.0%}"
    price = price_text(Quote(kept.recogniser, price_micros=kept.price_micros))
    pages = wording.count(kept.pages, "page", "pages")
    words = wording.count(kept.words, "word", "words")
    lines = [
        f"**{pages}** · **{words}**",
        f"confidence {sure} · {wording.duration(kept.seconds)} · {price}",
    ]
    if kept.sent_pages:
        sent = wording.count(kept.sent_pages, "page", "pages")
        lines.append(f"{sent} sent elsewhere")
    with st.container(border=True, height="stretch", key=f"about-{side}"):
        st.markdown("  \n".join(_without_formulas(line) for line in lines))
        if kept.is_read:
            st.badge("You read this text", color="green", icon=":material/check:")
        elif st.button(
            "Use this text", key=f"use-{side}", icon=":material/check:", type="primary"
        ):
            _use(document, kept)


def _without_formulas(line: str) -> str:
    """Return a line whose dollar signs open no formula."""
    return line.replace("$", r"\$")


def _use(document: Document, kept: Kept) -> None:
    try:
        session.services().recognitions().use(
            session.principal(), document.id, kept.recogniser
        )
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    st.toast("This text is read from now on. Your places moved along.")
    st.rerun()


def _choose_page(
    document: Document, numbers: Sequence[int], changed: Sequence[int]
) -> int:
    """Let a person go through the pages, or only through those that differ."""
    key = f"compare-page-{document.id}"
    first = changed[0] if changed else numbers[0]
    if st.session_state.get(key) not in numbers:
        st.session_state[key] = first
    if changed:
        st.markdown(
            f"{wording.count(len(changed), 'page differs', 'pages differ')} of "
            f"{len(numbers):,}."
        )
    else:
        st.success("Both readings have the same words.", icon=":material/check:")
    with st.container(horizontal=True, vertical_alignment="bottom", key="page-choice"):
        st.selectbox("Page", numbers, key=key, width=140)
        at = st.session_state[key]
        before = [number for number in changed if number < at]
        after = [number for number in changed if number > at]
        _step("Previous difference", "chevron_left", key, before[-1:])
        _step("Next difference", "chevron_right", key, after[:1])
    return int(at)


def _step(label: str, icon: str, key: str, to: Sequence[int]) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        disabled=not to,
        on_click=_go,
        args=(key, to[0] if to else 0),
        type="tertiary",
    )


def _go(key: str, number: int) -> None:
    st.session_state[key] = number


def _show_page(number: int, pieces: Sequence[Piece], left: Kept, right: Kept) -> None:
    st.caption(f"{share_same(pieces):.0%} of the words of page {number} are the same.")
    with st.grid(2, min_column_width=260):
        for kept, side in ((left, "left"), (right, "right")):
            with st.container(border=True, key=f"page-{side}"):
                st.caption(wording.plain(_how(kept, number)))
                st.html(page_html(pieces, side=side))


def _how(kept: Kept, number: int) -> str:
    """Return how a page was read and how sure its engine was."""
    method, confidence = kept.by_page.get(number, ("", None))
    by = wording.METHODS.get(method, "no such page")
    words = by if by == kept.label else f"{kept.label}: {by}"
    return words if confidence is None else f"{words}, {confidence:.0%} sure"


def page_html(pieces: Sequence[Piece], *, side: str) -> str:
    """Return one side of a page, with what the other one lacks marked."""
    parts = []
    for piece in pieces:
        words = html.escape(piece.left if side == "left" else piece.right)
        if piece.is_same:
            parts.append(words)
        elif words:
            parts.append(f'<mark class="differs">{words}</mark>')
        else:
            parts.append('<mark class="differs lacks" title="nothing here">·</mark>')
    return f'<p class="reading">{" ".join(filter(None, parts))}</p>'


def _show_offers(document: Document, known: frozenset[str], *, was_busy: bool) -> None:
    job = _unfinished(document)
    if (job is not None) != was_busy:
        st.rerun()
    if job is not None:
        _show_job(job)
        return
    offers = session.services().recognitions().offers(document)
    if not offers:
        st.caption(
            "The text of this file is read as its makers wrote it: there are no "
            "pictures of pages to recognise."
        )
        return
    everything = len(offers) > 1 and st.toggle(
        "Send also pages that read well already", key="compare-all"
    )
    for offer in offers:
        is_read = offer.recogniser in known
        if is_read and (offer.recogniser == LOCAL or not everything):
            continue  # its reading is above; the same pages would read the same
        _show_offer(document, offer, are_all_sent=bool(everything))
    if len(offers) == 1:
        st.caption(
            "Mistral OCR and vision models of your own appear here once they are "
            "configured: see docs/engines.md."
        )


def _show_job(job: Job) -> None:
    line = wording.plain(time_left.progress_line(job))
    st.progress(wording.fraction(job), text=f":small[{line}]")
    st.button(
        "Stop",
        icon=":material/stop_circle:",
        type="tertiary",
        on_click=following.stop,
        args=(session.here(), session.principal(), job),
    )


def _show_offer(document: Document, offer: Offer, *, are_all_sent: bool) -> None:
    quoted = offer.everything if are_all_sent else offer.scans
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        key=f"offer-{offer.recogniser}",
    ):
        said = offer.why_not or wording.quote(quoted)
        st.markdown(
            f"**{wording.plain(offer.label)}**  \n:gray[{wording.plain(said)}]",
            width="stretch",
        )
        if st.button(
            "Recognise",
            key=f"recognise-{offer.recogniser}",
            disabled=bool(offer.why_not) or quoted.pages == 0,
            help="No page needs it: all read well already."
            if quoted.pages == 0 and not offer.why_not
            else None,
        ):
            _ask(document, Wanted(offer.recogniser, all_pages=are_all_sent))
    if quoted.price_micros:
        show_remaining(quoted)


def _ask(document: Document, wanted: Wanted) -> None:
    here, principal = session.here(), session.principal()
    try:
        job, is_new = here.services.recognitions().ask(principal, document.id, wanted)
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    if is_new:
        following.launch(here, job)
    st.rerun()
