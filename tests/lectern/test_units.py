"""Numbers of bytes in words."""

import pytest

from lectern.units import size


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (253_400, "253 kB"),
        (999_700, "1 MB"),
        (1_500_000, "1.5 MB"),
        (500_000_000, "500 MB"),
        (2 * 1024**3, "2.1 GB"),
        (3000e12, "3,000 TB"),
    ],
)
def test_bytes_are_put_into_words(size_bytes, words):
    assert size(size_bytes) == words
