"""Which blocks to voice next for a listener. Pure: no clock, no store, no engine.

A jump moves the cursor and nothing else, so the answer is worked out anew each time
from where the listener is; there is no queue that could hold stale work.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

MAX_WINDOW_FACTOR = 4
"""A window never grows past this many times the configured one."""
MIN_AHEAD_SECONDS = 60.0
"""Listening time that a window should cover, for documents of tiny blocks."""
COMFORTABLE_SPEED = 4.0
"""Engine time to listening time past which an engine keeps up without effort."""
LARGEST_BATCH = 8

PAUSED_SECONDS = 10.0
"""Who pauses is taken to go on in so long: they need less than who plays."""
BEHIND_SECONDS = 60.0
"""The block before the cursor is hardly ever heard."""

IsSpoken = Callable[[int], bool]
"""Whether there is anything to say of the block with this index."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast sound is made and consumed."""

    playback_rate: float = 1.0
    engine_speed: float = 50.0  # seconds of sound made in one second
    mean_block_ms: float = 12_000.0


def window_blocks(configured: int, pace: Pace) -> int:
    """Return how many blocks ahead of the cursor to keep voiced.

    Fast playback uses blocks up faster, and an engine that hardly keeps up needs a
    longer lead; both widen the window in proportion.
    """
    rate = max(pace.playback_rate, 0.25)
    strain = max(1.0, COMFORTABLE_SPEED * rate / max(pace.engine_speed, 0.01))
    wanted = configured * max(1.0, rate) * strain
    by_time = MIN_AHEAD_SECONDS * 1000 * rate / max(pace.mean_block_ms, 100.0)
    limit = configured * MAX_WINDOW_FACTOR
    return max(1, min(round(max(wanted, by_time)), limit))


def needed_in_seconds(
    index: int,
    durations_ms: Mapping[int, int],
    *,
    is_spoken: IsSpoken,
    cursor: int,
    since_seconds: float | None,
    pace: Pace,
) -> float:
    """Return how long it will be until a listener comes to a block.

    ``durations_ms`` are those of the blocks that are voiced. ``since_seconds`` is how
    long ago the cursor was reported; None while the listener pauses.
    """
    if index < cursor:
        return BEHIND_SECONDS
    before_ms = sum(
        durations_ms.get(place, pace.mean_block_ms)
        for place in range(cursor, index)
        if is_spoken(place)
    )
    seconds = before_ms / 1000 / max(pace.playback_rate, 0.25)
    if since_seconds is None:
        return seconds + PAUSED_SECONDS
    return max(0.0, seconds - since_seconds)


def next_blocks(
    is_spoken: IsSpoken,
    voiced: Container[int],
    *,
    count: int,
    cursor: int,
    window: int,
    limit: int,
) -> list[int]:
    """Return the indices to voice now, in playing order, ``limit`` at most.

    The window counts spoken blocks only. Last comes the spoken block before the
    cursor, as people step back by one.
    """
    wanted: list[int] = []
    seen = 0
    for index in range(max(cursor, 0), count):
        if seen == window or len(wanted) == limit:
            break
        if is_spoken(index):
            seen += 1
            if index not in voiced:
                wanted.append(index)
    behind = _spoken_behind(is_spoken, min(cursor, count))
    wanted += [index for index in behind if index not in voiced]
    return wanted[:limit]


def _spoken_behind(is_spoken: IsSpoken, cursor: int) -> list[int]:
    for index in range(cursor - 1, -1, -1):
        if is_spoken(index):
            return [index]
    return []


def batch_size(ready_ahead: int) -> int:
    """Return how many blocks to voice before looking at the cursor again.

    One while the listener has nothing to hear, so that the first sound comes as soon
    as it can; more as the lead grows, so that storing costs less for each block.
    """
    return max(1, min(ready_ahead, LARGEST_BATCH))


def ready_ahead(
    is_spoken: IsSpoken, voiced: Container[int], *, count: int, cursor: int
) -> int:
    """Return how many spoken blocks from the cursor on are voiced without a gap."""
    ready = 0
    for index in range(max(cursor, 0), count):
        if not is_spoken(index):
            continue
        if index not in voiced:
            break
        ready += 1
        if ready == LARGEST_BATCH:  # more makes no difference
            break
    return ready
