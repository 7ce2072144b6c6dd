"""Charts of the statistics page. Colours come from the theme, so both themes fit."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt
import pandas as pd

from lectern.speech.variants import Outcome
from lectern.usage.lifetime import Day, Requests, Reuse

SAVED = {
    Outcome.REPLAYED: "Heard again",
    Outcome.MERGED_SAME_DOCUMENT: "Same document",
    Outcome.MERGED_SAME_OWNER: "Other document",
    Outcome.MERGED_OTHER_OWNER: "Other person",
    Outcome.JOINED: "Just being made",
}
"""Ways in which nothing had to be synthesised, in words."""

DAILY_UP_TO_DAYS = 31
AREA_FROM_POINTS = 6
HEIGHT_PX = 190
BAR_PX = 18
ROW_PX = 38
"""Of the voices: a bar, its label, and room between it and the next."""
_QUIET_AXIS: dict[str, Any] = {"title": None, "domain": False, "ticks": False}


def calendar(days: Sequence[Day]) -> alt.Chart:
    """Return a heat map: a column a week, a row a weekday."""
    rows: list[dict[str, Any]] = [
        {
            "day": day.date.isoformat(),
            "week": (day.date - timedelta(days=day.date.weekday())).isoformat(),
            "weekday": day.date.weekday(),
            "minutes": round(day.totals.listened_seconds / 60, 1),
        }
        for day in days
    ]
    # A month is named at its first full week.
    month = "slice(datum.value, 8) < '08' ? timeFormat(toDate(datum.value), '%b') : ''"
    weekday = "['Mon', '', 'Wed', '', 'Fri', '', 'Sun'][datum.value]"
    scale = alt.Scale(paddingInner=0.14)
    # Without a minute in it the scale would be empty, and every day its last colour.
    most = max([1.0, *(float(row["minutes"]) for row in rows)])
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_rect(cornerRadius=4)
        .encode(
            x=alt.X(
                "week:O",
                scale=scale,
                axis=alt.Axis(labelAngle=0, labelExpr=month, **_QUIET_AXIS),
            ),
            y=alt.Y(
                "weekday:O",
                scale=scale,
                axis=alt.Axis(labelExpr=weekday, **_QUIET_AXIS),
            ),
            color=alt.Color(
                "minutes:Q", legend=None, scale=alt.Scale(domain=[0, most])
            ),
            tooltip=[
                alt.Tooltip("day:T", title="Day", format="%-d %B %Y"),
                alt.Tooltip("minutes:Q", title="Minutes"),
            ],
        )
        .properties(height=HEIGHT_PX)
    )
    return chart


def voices(listened_seconds: Sequence[tuple[str, float]]) -> alt.Chart:
    """Return a bar for each voice, in the largest unit that gives whole numbers."""
    longest = max(seconds for _name, seconds in listened_seconds)
    unit, divisor = next(
        (unit, divisor)
        for unit, divisor in (("Hours", 3600), ("Minutes", 60), ("Seconds", 1))
        if longest >= 2 * divisor or divisor == 1
    )
    rows = [
        {"Voice": name, unit: round(seconds / divisor, 2)}
        for name, seconds in listened_seconds
    ]
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(cornerRadiusEnd=4, height=BAR_PX)
        .encode(
            x=alt.X(f"{unit}:Q", axis=alt.Axis(grid=False, tickCount=5)),
            y=alt.Y(
                "Voice:N",
                sort="-x",
                axis=alt.Axis(labelLimit=170, **_QUIET_AXIS),
            ),
            tooltip=["Voice", unit],
        )
        .properties(height=alt.Step(ROW_PX))
    )
    return chart


def recognised(found: Sequence[tuple[str, int, float]]) -> alt.LayerChart:
    """Return a bar for each way: its pages, and the seconds that they took in all."""
    sums: dict[str, tuple[int, float]] = {}
    for way, pages, seconds in found:
        before = sums.get(way, (0, 0.0))
        sums[way] = (before[0] + pages, before[1] + seconds)
    rows = [
        {"Way": way, "Pages": pages, "Label": _pages_label(pages, seconds)}
        for way, (pages, seconds) in sums.items()
    ]
    bars = alt.Chart(pd.DataFrame(rows)).encode(
        # Room at the end, where the longest bar's label goes.
        x=alt.X(
            "Pages:Q",
            axis=None,
            scale=alt.Scale(domainMax=1.6 * max(pages for pages, _ in sums.values())),
        ),
        y=alt.Y("Way:N", sort="-x", axis=alt.Axis(labelLimit=190, **_QUIET_AXIS)),
        tooltip=["Way", "Pages", alt.Tooltip("Label:N", title="Pages and time of one")],
    )
    chart = alt.LayerChart(
        layer=[
            bars.mark_bar(cornerRadiusEnd=4, height=BAR_PX),
            bars.mark_text(align="left", dx=8).encode(text="Label:N"),
        ]
    )
    return chart.properties(height=alt.Step(ROW_PX))


def _pages_label(pages: int, seconds: float) -> str:
    each = seconds / max(1, pages)
    said = f"{each:.0f} s" if each >= 10 else f"{each:.1f} s"
    return f"{pages:,} · {said if each >= 0.1 else 'under 0.1 s'}"


def reuse(found: Reuse) -> alt.Chart:
    """Return which share of requests needed no synthesis, over time, by way."""
    rows = reuse_rows(found.by_day)
    points = len({row["day"] for row in rows})
    chart = alt.Chart(pd.DataFrame(rows))
    if points >= AREA_FROM_POINTS:
        marked = chart.mark_area(interpolate="monotone", opacity=0.85)
    else:  # an area needs a past
        marked = chart.mark_bar(size=BAR_PX * 2, cornerRadius=3)
    encoded: alt.Chart = marked.properties(height=HEIGHT_PX).encode(
        x=alt.X(
            "day:T",
            axis=alt.Axis(title=None, grid=False, format="%-d %b", tickCount=6),
        ),
        y=alt.Y(
            "share:Q",
            stack="zero",
            axis=alt.Axis(title=None, format=".0%", tickCount=4, domain=False),
        ),
        color=alt.Color(
            "way:N",
            sort=list(SAVED.values()),
            legend=alt.Legend(orient="top", title=None, columns=3),
        ),
        tooltip=[
            alt.Tooltip("day:T", title="From", format="%-d %B"),
            alt.Tooltip("way:N", title="Found"),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
        ],
    )
    return encoded


def legible(
    chart: alt.Chart | alt.LayerChart, *, is_dark: bool
) -> alt.Chart | alt.LayerChart:
    """Return a chart whose labels can be read: Streamlit's own grey is below AA."""
    color = "#B3AA9D" if is_dark else "#655C52"
    labelled: alt.Chart | alt.LayerChart = (
        chart.configure_axis(labelColor=color, titleColor=color)
        .configure_legend(labelColor=color)
        .configure_text(color=color)
    )
    return labelled


def reuse_rows(
    by_day: Mapping[date, Mapping[Outcome, Requests]],
) -> list[dict[str, object]]:
    """Return shares by day, or by week once there are many days.

    Every period has every way that occurs at all: an area breaks where one is missing.
    """
    is_daily = max(by_day) - min(by_day) <= timedelta(days=DAILY_UP_TO_DAYS)
    sums: dict[date, dict[Outcome, int]] = {}
    for day, outcomes in by_day.items():
        start = day if is_daily else day - timedelta(days=day.weekday())
        period = sums.setdefault(start, {})
        for outcome, requests in outcomes.items():
            period[outcome] = period.get(outcome, 0) + requests.requests
    ways = [way for way in SAVED if any(way in period for period in sums.values())]
    return [
        {
            "day": start.isoformat(),
            "way": SAVED[way],
            "share": period.get(way, 0) / (sum(period.values()) or 1),
        }
        for start, period in sorted(sums.items())
        for way in ways
    ]
