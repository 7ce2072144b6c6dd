"""Real documents that lie beside a checkout and are never part of it."""

import os
from pathlib import Path

import pytest

FOLDER = Path(
    os.environ.get("TEST_SAMPLES")
    or Path(__file__).resolve().parents[3] / "shared" / "samples"
)


def sample(name: str) -> Path:
    """Return the path of a sample, or skip the test where there are none."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no sample documents here ({name})")
    return path
