"""One running product for every drill of this folder, started when first needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.drill import Drill, drilling


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Yield a whole product and the ways to disturb it."""
    folder: Path = tmp_path_factory.mktemp("drill")
    with drilling(folder / "data") as drill:
        yield drill
