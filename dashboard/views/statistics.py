"""Your stats: what was really heard, made and saved. Numbers outlive documents."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import altair  # noqa: ICN001  (charts take an argument named alt)
import streamlit as st

from dashboard import session
from dashboard.views import charts, wording
from lectern.documents.pages import RecognitionMethod
from lectern.errors import LecternError, StoreError
from lectern.jobs.wanted import LOCAL
from lectern.usage.lifetime import (
    Day,
    Lifetime,
    RecognitionUse,
    Reuse,
    Totals,
    VoiceUse,
)
from resources.stores.statistics import StatisticsReader

CALENDAR_DAYS = 182
WAYS: dict[str, str] = {
    RecognitionMethod.TEXT_LAYER: "Text in the PDF",
    RecognitionMethod.MARKUP: "Text of the document",
    RecognitionMethod.TESSERACT: "Tesseract, from the picture",
    RecognitionMethod.RAPIDOCR: "RapidOCR, from the picture",
    RecognitionMethod.BLANK: "Blank pages",
}
"""Ways in which this machine finds the text of a page."""
SPARK_DAYS = 28


@dataclass(frozen=True, slots=True)
class Figure:
    """One number on a card: how to take it from totals, and how to say it."""

    label: str
    take: Callable[[Totals], float]
    say: Callable[[float], str]
    chart: str
    help: str


def _number(value: float) -> str:
    return f"{round(value):,}"


def _time(seconds: float) -> str:
    return wording.duration(seconds) if seconds >= 1 else "0 min"


FIGURES = (
    Figure(
        "Listened",
        lambda totals: totals.listened_seconds,
        _time,
        "area",
        "Time on your clock while sound was playing.",
    ),
    Figure(
        "Words heard",
        lambda totals: totals.listened_words,
        _number,
        "bar",
        "Words that were spoken while you listened.",
    ),
    Figure(
        "Pages read in",
        lambda totals: totals.pages,
        _number,
        "bar",
        "Pages of the documents you put in.",
    ),
    Figure(
        "Speech made",
        lambda totals: totals.synthesised_seconds,
        _time,
        "area",
        "Sound that was synthesised. What was there already is not made again.",
    ),
)


def show() -> None:
    """Show the statistics page."""
    st.title("Your stats", anchor=False)
    reader, principal, zone = (
        session.services().statistics(),
        session.principal(),
        _zone(),
    )
    try:
        lifetime = reader.totals(principal)
        days = reader.daily(principal, days=CALENDAR_DAYS, zone=zone)
        voices = reader.by_voice(principal)
        reuse = reader.reuse(principal)
        recognised = reader.recognition(principal)
    except StoreError as error:
        st.error(wording.plain(error.message), icon=":material/error:")
        return
    if lifetime.since is None:
        _show_nothing()
        return
    since = lifetime.since.astimezone(zone)
    st.caption(
        f"Counted since {since:%-d %B %Y}. Kept even when a document is deleted."
        f"{_as_of(reader)}"
    )
    _show_figures(lifetime, days)
    st.header("Minutes per day", anchor=False)
    _show_chart(
        charts.calendar(days),
        alt="Calendar of the minutes listened on each of the last 26 weeks' days",
    )
    left, right = st.columns(2, gap="large")
    with left:
        _show_voices(voices)
    with right:
        _show_reuse(reuse)
    _show_recognition(recognised)
    _show_totals(lifetime, reuse)


def _zone() -> tzinfo:
    """Return the time zone of the person's browser: their day, not the server's."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _as_of(reader: StatisticsReader) -> str:
    published = reader.published()
    if published is None:
        return ""
    built_at = datetime.fromisoformat(published.built_at)
    return f" Brought up to date {wording.ago(built_at, datetime.now(UTC))}."


def _show_nothing() -> None:
    st.markdown(
        "Nothing has been counted yet. Listen to something for a minute: the time, "
        "the words and the voices appear here soon after, and stay when a document "
        "is deleted."
    )
    if st.button("Go to the library", icon=":material/library_books:", type="primary"):
        session.go_to("library")


def _show_figures(lifetime: Lifetime, days: Sequence[Day]) -> None:
    recent = days[-SPARK_DAYS:]
    with st.grid(len(FIGURES), min_column_width=200, gap="small"):
        for figure in FIGURES:
            week = figure.take(lifetime.this_week)
            st.metric(
                figure.label,
                figure.say(figure.take(lifetime.total)),
                figure.say(week) if week else None,
                delta_description="this week" if week else None,
                help=figure.help,
                border=True,
                height="stretch",
                chart_data=_past(figure.take(day.totals) for day in recent),
                chart_type="area" if figure.chart == "area" else "bar",
            )


def _past(values: Iterable[float]) -> list[float] | None:
    """Return what a card draws; nothing but zeros would be a line across it."""
    taken = list(values)
    return taken if any(taken) else None


def _show_voices(voices: Sequence[VoiceUse]) -> None:
    st.header("Voices", anchor=False)
    heard = [voice for voice in voices if voice.listened_seconds > 0]
    if not heard:
        st.caption("No voice has been listened to yet.")
        return
    named = [(_voice_name(voice.voice), voice.listened_seconds) for voice in heard]
    _show_chart(charts.voices(named), alt="Time listened to each voice")


def _voice_name(voice_id: str) -> str:
    try:
        engines = session.services().speech_engines()
        return engines.voice(voice_id, session.principal()).name
    except LecternError:  # removed since; its numbers stay
        return voice_id


def _show_recognition(uses: Sequence[RecognitionUse]) -> None:
    """Show which recogniser read how many pages, in which way and how fast."""
    if not uses:
        return
    st.header("Pages recognised", anchor=False)
    st.caption("How their text was found, and how long a page took on average.")
    rows = [(_way_of(use), use.pages, use.seconds) for use in uses]
    _show_chart(
        charts.recognised(rows), alt="Pages by the way in which they were recognised"
    )


def _way_of(use: RecognitionUse) -> str:
    if use.engine == LOCAL:
        return WAYS.get(use.method, use.method)
    return session.services().recognitions().label(use.engine)


def _show_reuse(reuse: Reuse) -> None:
    st.header("Work saved by reuse", anchor=False)
    if not reuse.saved.requests:
        st.caption(
            "Nothing yet. A sentence heard again, or found in two documents, is made "
            "only once, and counted here."
        )
        return
    _show_chart(
        charts.reuse(reuse),
        alt="Share of requested blocks whose sound was there already, over time",
    )


def _show_chart(chart: altair.Chart | altair.LayerChart, *, alt: str) -> None:
    is_dark = st.context.theme.type == "dark"
    st.altair_chart(charts.legible(chart, is_dark=is_dark), alt=alt)


def _show_totals(lifetime: Lifetime, reuse: Reuse) -> None:
    total = lifetime.total
    parts = [
        wording.count(total.documents, "document", "documents"),
        f"{total.words:,} words read in",
    ]
    if lifetime.voices:
        voices = wording.count(lifetime.voices, "voice", "voices")
        parts.append(f"{_time(total.heard_seconds)} of sound heard in {voices}")
    if reuse.saved.requests:
        parts.append(
            f"{_time(reuse.saved.audio_seconds)} of speech not made twice "
            f"({reuse.merge_share:.0%} of blocks)"
        )
    st.caption("In all: " + " · ".join(parts) + ".")
