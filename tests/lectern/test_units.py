"""Numbers of bytes in words."""

import pytest

from lectern.units import size


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (253 * 1024, "253 kB"),
        (1.5 * 1024**2, "1.5 MB"),
        (500 * 1024**2, "500 MB"),
        (2 * 1024**3, "2.0 GB"),
        (3000 * 1024**4, "3,000 TB"),
    ],
)
def test_bytes_are_put_into_words(size_bytes, words):
    assert size(size_bytes) == words
