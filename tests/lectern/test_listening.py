"""How much of what a player claims counts as listened."""

from datetime import timedelta

from lectern.usage.listening import Heard, believable

FIVE_SECONDS = timedelta(seconds=5)


def test_an_honest_report_counts_in_full():
    heard = believable(
        claimed_ms=5000, claimed_words=14, rate=1.0, since_last=FIVE_SECONDS
    )

    assert heard == Heard(media_ms=5000, wall_ms=5000, words=14)


def test_at_double_speed_twice_the_sound_fits_into_the_time():
    heard = believable(
        claimed_ms=10_000, claimed_words=28, rate=2.0, since_last=FIVE_SECONDS
    )

    assert heard == Heard(media_ms=10_000, wall_ms=5000, words=28)


def test_more_sound_than_time_is_cut_to_the_time():
    heard = believable(
        claimed_ms=3_600_000, claimed_words=9000, rate=1.0, since_last=FIVE_SECONDS
    )

    assert heard.media_ms == 6000
    assert heard.words == 90


def test_a_first_report_claims_nothing():
    assert believable(
        claimed_ms=5000, claimed_words=9, rate=1.0, since_last=None
    ) == Heard(0, 0, 0)


def test_a_clock_that_went_back_claims_at_most_the_slack():
    heard = believable(
        claimed_ms=5000, claimed_words=9, rate=1.0, since_last=timedelta(seconds=-9)
    )

    assert heard.media_ms == 1000


def test_a_night_of_silence_is_not_a_night_of_listening():
    heard = believable(
        claimed_ms=28_800_000, claimed_words=9, rate=1.0, since_last=timedelta(hours=8)
    )

    assert heard.media_ms == 61_000
