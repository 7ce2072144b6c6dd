"""The web app as it is really started, from a folder that is not its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.dashboard.conftest import closed_port

START_SECONDS = 60


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start uvicorn in an empty folder, and stop it at the end."""
    folder: Path = tmp_path_factory.mktemp("elsewhere")
    port = closed_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "dashboard.server:app", f"--port={port}"],
        cwd=folder,
        env={**os.environ, "LECTERN_DATA_DIR": str(folder / "data")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    started = f"http://127.0.0.1:{port}"
    try:
        _wait_for(started, process)
        yield started
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(START_SECONDS * 10):
        assert process.poll() is None, "The server ended by itself."
        try:
            httpx.get(f"{address}/live", timeout=2).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("The server did not start in time.")


def test_pages_and_routes_are_served_by_one_process(address):
    page = httpx.get(f"{address}/")

    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert httpx.get(f"{address}/_stcore/health").status_code == 200
    assert httpx.get(f"{address}/ready").json()["database"] is True


def test_streamlits_own_doors_are_closed(address):
    closed = ("/_stcore/upload_file/a/b", "/_stcore/metrics", "/app/static/icon.png")

    for path in closed:
        answer = httpx.put(f"{address}{path}", content=b"x")
        assert answer.status_code in (404, 405), path


def test_the_configuration_is_found_from_anywhere(tmp_path):
    """Under uvicorn STREAMLIT_* variables are not read, and cwd has no config.toml."""
    question = (
        "import dashboard.server\nfrom streamlit import config\n"
        "names = 'runner.postScriptGC theme.primaryColor server.headless'\n"
        "for name in names.split():\n"
        "    print(config.get_option(name))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", question],
        cwd=tmp_path,
        env={**os.environ, "LECTERN_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.split() == ["False", "#A84A24", "True"]


def test_the_web_app_loads_neither_the_pipeline_nor_its_framework(tmp_path):
    question = (
        "import sys, dashboard.server\n"
        "from dashboard.views import activity, library, reader, statistics\n"
        "print([n for n in ('dagster', 'torch', 'assets', 'pipelines', 'duckdb', "
        "'spacy', 'rapidocr') if n in sys.modules])"
    )

    answer = subprocess.run(
        [sys.executable, "-c", question],
        cwd=tmp_path,
        env={**os.environ, "LECTERN_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.strip() == "[]"
