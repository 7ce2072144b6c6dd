"""One running product for the scenarios of a file."""

from collections.abc import Iterator

import pytest

from tests.support.product import Product, running


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Yield the product, started as `make run` starts it, on data of its own."""
    folder = tmp_path_factory.mktemp("product")
    with running(folder / "data", speech__keep_warm_seconds="10") as started:
        yield started
