"""Waits are counted under the first bound that they do not pass."""

from hypothesis import given
from hypothesis import strategies as st

from lectern.usage.waits import (
    BEYOND_MS,
    BOUNDS_MS,
    LONGEST_MS,
    Waits,
    believable_wait_ms,
    bound_of,
)


@given(wait_ms=st.floats(-1e12, 1e12))
def test_a_wait_is_counted_where_it_belongs(wait_ms: float) -> None:
    counted = believable_wait_ms(wait_ms)
    bound = bound_of(counted)

    assert 0 <= counted <= LONGEST_MS
    assert counted <= bound
    assert all(counted > lower for lower in BOUNDS_MS if lower < bound)


@given(counts=st.dictionaries(st.sampled_from([*BOUNDS_MS, BEYOND_MS]), st.integers(1)))
def test_a_histogram_only_grows_and_holds_all(counts: dict[int, int]) -> None:
    told = Waits(counts, total_ms=0).cumulative()

    assert [bound for bound, _ in told] == [*BOUNDS_MS, BEYOND_MS]
    numbers = [count for _, count in told]
    assert numbers == sorted(numbers)
    assert numbers[-1] == sum(counts.values())
