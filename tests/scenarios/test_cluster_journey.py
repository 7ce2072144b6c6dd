"""The main job once more, unchanged, on three machines, one of which is killed.

Dagster and the app keep their rows in PostgreSQL, runs are handed out by Redis, and two
workers in network namespaces of their own carry them out: one reads files, the other
has the GPU that the voice needs. The journey kills a whole worker where it kills the
processes of runs on one machine.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.test_main_journey import (
    test_a_stranger_hears_a_scan_and_a_book_and_loses_nothing as the_main_journey,
)
from tests.support.cluster import Cluster, running_cluster

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with running_cluster(folder / "data", speech__keep_warm_seconds="10") as started:
        yield started


def test_the_main_journey_passes_on_three_machines_with_a_worker_killed(
    chromium, product: Cluster, tmp_path: Path
):
    the_main_journey(chromium, product, tmp_path)

    assert product.speech.texts(), "the GPU's voice never spoke"
