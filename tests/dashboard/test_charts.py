"""Charts: what a browser is told to draw."""

from datetime import date, timedelta

from dashboard.views import charts
from lectern.usage.lifetime import Day, Totals


def days(*listened_seconds: float) -> list[Day]:
    return [
        Day(date(2026, 3, 2) + timedelta(days=n), Totals(listened_seconds=seconds))
        for n, seconds in enumerate(listened_seconds)
    ]


def scale_of_colours(listened: list[Day]) -> list[float]:
    chart = charts.calendar(listened).to_dict()
    return list(chart["encoding"]["color"]["scale"]["domain"])


def test_days_without_listening_are_at_the_pale_end():
    assert scale_of_colours(days(0, 0, 0)) == [0, 1]


def test_the_day_with_most_listening_has_the_full_colour():
    assert scale_of_colours(days(0, 600, 60)) == [0, 10]


def test_pages_recognised_in_one_way_are_one_bar():
    found = [("Text", 3, 0.2), ("Tesseract", 2, 47.0), ("Text", 1, 0.0)]
    chart = charts.legible(charts.recognised(found), is_dark=True).to_dict()

    [rows] = chart["datasets"].values()
    assert [(row["Way"], row["Label"]) for row in rows] == [
        ("Text", "4 · under 0.1 s"),
        ("Tesseract", "2 · 24 s"),
    ]


def test_every_voice_has_a_row_higher_than_its_bar():
    chart = charts.voices([("Anna", 3600.0), ("Ben", 60.0)]).to_dict()

    assert chart["height"]["step"] > 2 * charts.BAR_PX
