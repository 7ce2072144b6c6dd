"""What every test shares: a settings object of its own, and a header that says what
this machine lacks. Fixtures of one part live beside that part's tests."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from lectern.settings import Settings
from pipelines.proxying import ProxyKind
from tests.support.browser import browser, chromium_path
from tests.support.hosts import no_hosts
from tests.support.postgres import server_folder
from tests.support.proxies import program_of
from tests.support.redis import redis_program
from tests.support.samples import FOLDER

hypothesis_settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.register_profile("deep", deadline=None, max_examples=3000)
hypothesis_settings.load_profile(os.environ.get("TEST_HYPOTHESIS", "ci"))


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Take the app's pages back from where Streamlit's tests leave them.

    A process begun by ``spawn`` would carry them out, as the program it is part of.
    """
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


def pytest_report_header() -> list[str]:
    """Name the optional parts that are missing, and how to get them."""
    wanted = {
        "a browser (Debian: chromium); browser tests are skipped": chromium_path(),
        "Tesseract English data (tesseract-ocr-eng); RapidOCR reads instead": (
            next(Path("/usr/share/tesseract-ocr").glob("*/tessdata/eng.*"), None)
        ),
        "../shared/samples; tests over real documents are skipped": (
            FOLDER if FOLDER.exists() else None
        ),
        "a PostgreSQL server (Debian: postgresql); stores are tested on SQLite": (
            server_folder()
        ),
        "a Redis (Debian: redis-server); workers elsewhere are not tested": (
            redis_program()
        ),
        f"network namespaces ({no_hosts()}); no worker is cut off": not no_hosts(),
        "epubcheck (Debian: epubcheck); made EPUBs are not checked by it": (
            shutil.which("epubcheck")
        ),
        "nginx (Debian: nginx); its configuration is not tried": (
            program_of(ProxyKind.NGINX)
        ),
        "promtool (Debian: prometheus); the alerts' own tests are skipped": (
            shutil.which("promtool")
        ),
        "bwrap (Debian: bubblewrap); the parser's network is closed another way": (
            shutil.which("bwrap")
        ),
    }
    return [f"missing: {name}" for name, found in wanted.items() if not found]


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave the slow drills out unless they are asked for by name."""
    if "drill" in (config.option.markexpr or ""):
        return
    kept = [item for item in items if "drill" not in item.keywords]
    config.hook.pytest_deselected(items=[i for i in items if i not in kept])
    items[:] = kept


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings whose data lives in this test's own folder."""
    return Settings(_env_file=None, data_dir=tmp_path / "data", disk_reserve_bytes=0)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Yield a real Chromium for the tests of a file.

    Not for longer: playwright cannot run twice at a time, and tests of the
    supervisor kill every process that they do not know.
    """
    with browser() as running:
        yield running
