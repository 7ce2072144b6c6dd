"""Killed at any system call that changes the disk, nothing promised is lost.

A sample of the calls in the suite; every one of them in ``make drill``.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lectern.accounts.people import LOCAL
from lectern.errors import NotFound
from lectern.ids import DocumentId, JobId, new_document_id, new_job_id
from resources.doctor import diagnose
from resources.services import Services
from tests.support import crash_protocol
from tests.support.stores import VOICE, settings_in

CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "ftruncate")

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="needs strace (Debian: strace)"
)


@pytest.fixture
def empty_stores(tmp_path: Path) -> Path:
    """Return a folder of stores with nothing in them."""
    folder = tmp_path / "empty"
    Services.open(settings_in(folder)).close()
    return folder


def traced(folder: Path, log: Path, *options: str) -> tuple[int, list[str]]:
    """Run the protocol under strace; return its exit status and its promises."""
    command = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={','.join(CALLS)}"]
    command += [*options, sys.executable, "-B", "-m", crash_protocol.__name__]
    root = Path(crash_protocol.__file__).parents[2]
    done = subprocess.run(
        [*command, str(folder)],
        capture_output=True,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    return done.returncode, done.stdout.splitlines()


def count_calls(folder: Path, tmp_path: Path) -> dict[str, int]:
    """Return how often one thread makes each call, at most, when nothing fails."""
    copy, log = tmp_path / "counted", tmp_path / "calls"
    shutil.copytree(folder, copy)
    status, promises = traced(copy, log)
    assert (status, len(promises)) == (0, 4)
    found = re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE)
    by_thread = Counter(found)
    return {
        call: max((n for (_, c), n in by_thread.items() if c == call), default=0)
        for call in CALLS
    }


def check_promises(services: Services, promises: list[str]) -> None:
    """Fail unless everything that was printed is still so."""
    for promise in promises:
        what, document_id, *rest = promise.split()
        document = services.catalog.get(LOCAL, DocumentId(document_id))
        data = services.blobs.read(document.blob, verify=True)
        assert data == b"".join(crash_protocol.PIECES)
        if what == "accepted":
            assert services.jobs.get(LOCAL, JobId(rest[0]))
        if what == "readable":
            assert document.blocks_blob is not None
            services.blobs.read(document.blocks_blob, verify=True)
        if what == "voiced":
            assert services.variants.keys_of(document.principal, document.id, VOICE)


def check_whole(folder: Path, promises: list[str]) -> None:
    """Fail unless the stores are sound and work goes on as if nothing had been."""
    settings = settings_in(folder)
    services = Services.open(settings)
    check_promises(services, promises)
    bad = [c for c in diagnose(settings, deep=True) if c.required and not c.ok]
    assert bad == []
    assert services.blobs.scrub() == []
    services.close()


def strike(folder: Path, tmp_path: Path, call: str, number: int, fault: str) -> None:
    """Let one call fail or kill; fail unless every promise holds afterwards."""
    copy = tmp_path / f"{call}{number}"
    shutil.copytree(folder, copy)
    inject = f"inject={call}:{fault}:when={number}"
    _, promises = traced(copy, tmp_path / "log", "-e", inject)
    check_whole(copy, promises)
    shutil.rmtree(copy)


@pytest.mark.parametrize(
    ("call", "number"),
    [("pwrite64", 70), ("fsync", 5), ("rename", 3), ("fdatasync", 20)],
)
def test_a_kill_at_a_sample_of_calls_breaks_no_promise(
    empty_stores: Path, tmp_path: Path, call: str, number: int
) -> None:
    strike(empty_stores, tmp_path, call, number, "signal=SIGKILL")


def test_the_drill_notices_a_broken_promise(empty_stores: Path) -> None:
    with pytest.raises(NotFound):
        check_whole(empty_stores, [f"accepted {new_document_id()} {new_job_id()}"])


@pytest.mark.drill
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=ENOSPC", "error=EIO"])
def test_no_fault_at_any_call_breaks_a_promise(
    empty_stores: Path, tmp_path: Path, fault: str
) -> None:
    counts = count_calls(empty_stores, tmp_path)
    assert sum(counts.values()) > 100

    for call, count in counts.items():
        for number in range(1, count + 1):
            strike(empty_stores, tmp_path, call, number, fault)
