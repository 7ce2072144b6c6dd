"""Batches: begun from the library, shown on the activity page."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import following, session
from dashboard.views import wording
from dashboard.views.limits import show_left
from dashboard.views.remaining import show_remaining
from lectern.errors import LecternError
from lectern.ids import DocumentId
from lectern.jobs.batches import Batch, BatchState, Progress
from lectern.jobs.states import JobKind, JobState
from lectern.usage.quotes import Quote, price_text
from resources.batching import Plan
from resources.stores.jobs import Job

OWN_VOICE = "Each in its own voice"
SHOWN_FOR = timedelta(days=7)
"""How long a batch that is over stays on the page."""
STATES = {
    BatchState.WAITING: "Waiting",
    BatchState.RUNNING: "Running",
    BatchState.DONE: "Done",
    BatchState.FAILED: "Not all of it could be done",
    BatchState.CANCELLED: "Stopped",
}
UNFINISHED = (BatchState.WAITING, BatchState.RUNNING)
NOW, OFF_PEAK = "Now, in the background", "In off-peak hours"
ROW_PX = 35


@st.dialog("Prepare for listening", width="medium")
def prepare(
    document_ids: Sequence[DocumentId], *, on_begun: Callable[[], None]
) -> None:
    """Ask how to prepare some documents, say what it costs, and begin."""
    st.caption(
        "All of it is spoken beforehand, so that listening later waits for nothing. "
        "What you listen to meanwhile always comes first."
    )
    voice_id = _choose_voice()
    recogniser = _choose_recogniser()
    hours = session.here().settings.batch.off_peak.replace("-", "–")
    when = st.radio("When", [NOW, f"{OFF_PEAK} ({hours})"])
    is_off_peak = when != NOW
    plan = (
        session.services()
        .batching()
        .plan(
            session.principal(), document_ids, voice_id=voice_id, recogniser=recogniser
        )
    )
    _show_quote(plan, is_off_peak=is_off_peak)
    show_remaining(plan.quote)
    show_left("daily_speech_minutes", "daily_ocr_pages")
    if not st.button("Begin", type="primary", disabled=not plan.tasks):
        return
    count = len({task.document_id for task in plan.tasks})
    try:
        following.begin_batch(
            session.here(),
            session.principal(),
            plan,
            name=wording.count(count, "document", "documents"),
            is_off_peak=is_off_peak,
        )
    except LecternError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    on_begun()
    st.toast("It has begun. Activity shows how far it is.", icon=":material/check:")
    st.rerun()


def _choose_voice() -> str:
    voices = session.services().speech_engines().voices(principal=session.principal())
    names = {voice.id: f"{voice.name} · {voice.engine}" for voice in voices}
    return st.selectbox(
        "Voice",
        ["", *names],
        format_func=lambda id_: names.get(id_, OWN_VOICE),
        help="A voice that you choose here reads these documents from now on.",
    )


def _choose_recogniser() -> str:
    services = session.services()
    names = services.recognition_engines().names()
    if len(names) < 2:
        return ""
    offers = services.recognitions().general_offers(session.principal(), pages=100)
    labels = {
        offer.recogniser: f"{offer.label} ({wording.quote(offer.everything)} for 100)"
        for offer in offers
        if not offer.why_not
    }
    return st.selectbox(
        "Recognise pages again",
        ["", *labels],
        format_func=lambda name: labels.get(name, "No, take the text there is"),
    )


def _show_quote(plan: Plan, *, is_off_peak: bool) -> None:
    if not plan.tasks:
        st.info("All of it is voiced already.", icon=":material/done_all:")
        return
    quote = plan.quote
    seconds = quote.seconds or 0
    count = len({task.document_id for task in plan.tasks})
    parts = [
        f"**{wording.count(count, 'document', 'documents')}**",
        f"{quote.chars:,} characters to speak",
    ]
    if quote.pages:
        parts.append(f"{wording.count(quote.pages, 'page', 'pages')} to recognise")
    parts += [
        f"about {wording.duration(seconds)} of work",
        f"**{wording.plain(price_text(quote))}**",
    ]
    ready = session.services().batching().done_at(seconds, is_off_peak=is_off_peak)
    with st.container(border=True, key="batch-quote"):
        st.markdown(" · ".join(parts))
        notes = [f"Ready {moment_text(ready)}, if nobody listens meanwhile."]
        if plan.unknown:
            be = "is" if plan.unknown == 1 else "are"
            notes.append(f"{plan.unknown:,} of them {be} not prepared and not counted.")
        if plan.done:
            be = "is" if plan.done == 1 else "are"
            notes.append(f"{plan.done:,} {be} voiced already and left out.")
        st.caption(" ".join(notes))


def moment_text(moment: datetime) -> str:
    """Return a moment soon as people say it, on the clock of the browser."""
    zone = getattr(st.context, "timezone", None)
    local = moment.astimezone() if not zone else moment.astimezone(_zone(zone))
    today = datetime.now(local.tzinfo).date()
    if local.date() == today:
        return f"about {local:%H:%M}"
    if local.date() == today + timedelta(days=1):
        return f"tomorrow about {local:%H:%M}"
    return f"{local:%-d %B} about {local:%H:%M}"


def _zone(name: str) -> Any:
    from lectern.jobs.hours import zone_of

    try:
        return zone_of(name)
    except ValueError:
        return UTC


def shown_batches() -> list[tuple[Batch, list[Job], Progress]]:
    """Return the batches that the activity page shows, newest first."""
    services, principal = session.services(), session.principal()
    since = datetime.now(UTC) - SHOWN_FOR
    found = []
    for batch in services.batches.list(principal):
        jobs = list(services.batches.jobs(principal, batch.id))
        if not jobs:
            continue  # every document of it was deleted
        progress = services.batching().progress(batch, jobs)
        if progress.state in UNFINISHED or batch.created_at > since:
            found.append((batch, jobs, progress))
    return found


def show_batches(titles: dict[DocumentId, str]) -> None:
    """Show each batch, what is done of it, and its documents."""
    for batch, jobs, progress in shown_batches():
        _show_batch(batch, jobs, progress, titles)


def _show_batch(
    batch: Batch, jobs: Sequence[Job], progress: Progress, titles: dict[DocumentId, str]
) -> None:
    with st.container(border=True, key=f"batch-{batch.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**Prepare {wording.plain(batch.name)}**  \n"
                f":gray[{wording.plain(_line(batch, jobs, progress))}]",
                width="stretch",
            )
            _show_buttons(batch, progress)
        if progress.state in UNFINISHED:
            st.progress(progress.done)
        with st.expander("Documents"):
            _show_documents(jobs, titles)


def _line(batch: Batch, jobs: Sequence[Job], progress: Progress) -> str:
    documents = _by_document(jobs)
    done = sum(all(job.state is JobState.DONE for job in of) for of in documents)
    parts = [STATES[progress.state], f"{done:,} of {len(documents):,} done"]
    if progress.jobs_failed:
        parts.append(f"{progress.jobs_failed:,} failed")
    ready = session.services().batching().ready_at(batch, progress)
    if progress.state in UNFINISHED and ready is not None:
        parts.append(f"ready {moment_text(ready)}")
    if batch.is_off_peak:
        hours = session.here().settings.batch.off_peak.replace("-", "–")
        parts.append(f"in off-peak hours, {hours}")
    quoted = Quote(batch.recogniser, price_micros=batch.price_micros)
    if not quoted.is_free:
        parts.append(f"quoted: {price_text(quoted)}")
    return " · ".join(parts)


def _show_buttons(batch: Batch, progress: Progress) -> None:
    here, principal = session.here(), session.principal()
    if progress.state in UNFINISHED:
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            type="tertiary",
            key=f"stop-batch-{batch.id}",
            on_click=following.stop_batch,
            args=(here, principal, batch),
        )
    elif progress.state is not BatchState.DONE:
        st.button(
            "Go on",
            icon=":material/replay:",
            key=f"resume-batch-{batch.id}",
            on_click=following.resume_batch,
            args=(here, principal, batch),
        )


def _by_document(jobs: Sequence[Job]) -> list[list[Job]]:
    documents: dict[DocumentId, list[Job]] = {}
    for job in jobs:
        documents.setdefault(job.document_id, []).append(job)
    return list(documents.values())


def _show_documents(jobs: Sequence[Job], titles: dict[DocumentId, str]) -> None:
    rows = [_row(of, titles) for of in _by_document(jobs)]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(ROW_PX * (len(rows) + 1) + 3, 9 * ROW_PX),
        column_config={
            "Done": st.column_config.ProgressColumn(
                format="percent", min_value=0, max_value=1, width="small"
            ),
            "State": st.column_config.TextColumn(width="small"),
            "Why": st.column_config.TextColumn(width="medium"),
        },
        alt="Documents of this batch",
    )


def _row(of: Sequence[Job], titles: dict[DocumentId, str]) -> dict[str, Any]:
    """Return one document's row: its jobs are one piece of work to a person."""
    states = {job.state for job in of}
    now = next((job for job in of if job.state is JobState.RUNNING), None)
    worst = next(
        (
            state
            for state in (
                JobState.FAILED,
                JobState.RUNNING,
                JobState.CANCELLED,
                JobState.QUEUED,
            )
            if state in states
        ),
        JobState.DONE,
    )
    shares = [
        1.0 if job.state is JobState.DONE else wording.fraction(job) for job in of
    ]
    failed = next((job.error_message for job in of if job.error_message), "")
    return {
        "Title": titles.get(of[0].document_id, "Deleted document"),
        "State": wording.STATE_NAMES[worst] if now is None else _doing(now),
        "Done": round(sum(shares) / len(shares), 2),
        "Why": failed,
    }


def _doing(job: Job) -> str:
    return "Recognising" if job.kind is JobKind.PREPARE else "Speaking"
