"""Children that read files: limited, and gone when they should be."""

import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from lectern.errors import Cancelled, TookTooLong
from resources.engines.recognition import local
from resources.engines.recognition.sandbox import ReadingChild
from tests.support.recognising import CAPS, PROSE, pdf, picture, prose, recognise, scan

LONG = local.SHARED_FROM_PAGES["texts"] + 20
"""So many pages of a PDF are shared by two children."""


def confined(code: str, *, memory_mb: int = 512) -> subprocess.CompletedProcess[str]:
    """Run code in a process that has given up its rights."""
    before = f"""
        from resources.engines.recognition.sandbox import allow_cpu_seconds, confine
        remarks = confine(memory_bytes={memory_mb} * 1024**2, output_bytes=1024**2)
    """
    program = textwrap.dedent(before) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-I", "-c", program],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def test_memory_past_the_cap_is_refused():
    done = confined("bytearray(900 * 1024**2)")

    assert "MemoryError" in done.stderr


def test_computing_past_the_cap_ends_the_process():
    done = confined("allow_cpu_seconds(1)\nwhile True: pass")

    assert done.returncode == -signal.SIGXCPU


def test_a_file_past_the_cap_cannot_be_written(tmp_path):
    done = confined(f"open({str(tmp_path / 'big')!r}, 'wb').write(bytes(5 * 1024**2))")

    assert done.returncode != 0
    assert (tmp_path / "big").stat().st_size <= 1024**2


def test_the_network_is_out_of_reach_or_the_system_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = confined(f"""
            import socket
            try:
                socket.create_connection(("127.0.0.1", {port}), timeout=2)
                print("reached", remarks)
            except OSError:
                print("cut off", remarks)
        """)

    assert done.stdout.strip() == "cut off ()" or "not let" in done.stdout


def test_a_child_knows_nothing_of_its_parent_s_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_PARENT", "x")
    job = {"path": str(tmp_path / "none"), "format": "pdf", "only": [], "caps": {}}

    with ReadingChild(job) as child:
        environment = Path(f"/proc/{child._process.pid}/environ").read_bytes()

    assert b"SECRET_OF_PARENT" not in environment


def test_cancelling_ends_the_children_and_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = pdf(tmp_path / "a.pdf", *[scan(picture(PROSE[:n])) for n in (1, 2, 3, 4)])

    before = set(psutil.Process().children(recursive=True))

    def stop(done: int, total: int) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        recognise(path, progress=stop)

    assert set(psutil.Process().children(recursive=True)) <= before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pdf"]


def test_time_on_the_clock_is_limited(tmp_path):
    path = pdf(tmp_path / "a.pdf", scan(picture()))

    with pytest.raises(TookTooLong, match="more than 0 seconds"):
        recognise(path, child_seconds=0)


def test_a_page_that_takes_too_long_costs_that_page_alone(tmp_path):
    sheet = picture(PROSE * 3, size=22)
    # Two seconds' work at least: less than one cannot be allowed.
    large = sheet.resize((sheet.width * 2, sheet.height * 3))
    path = pdf(tmp_path / "a.pdf", prose, prose, scan(large))

    recognition = recognise(path, child_picture_cpu_seconds=-1)

    pages = sorted(recognition.pages, key=lambda page: page.number)
    assert [bool(page.lines) for page in pages] == [True, True, False]
    assert "more computing time" in pages[2].remarks[0]


def test_a_child_killed_midway_costs_one_page(tmp_path):
    path = pdf(tmp_path / "a.pdf", prose, scan(picture()))
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if done == 1 and not killed:
            for child in psutil.Process().children():
                killed.append(child.pid)
                child.send_signal(signal.SIGSEGV)

    recognition = recognise(path, progress=kill)

    pages = sorted(recognition.pages, key=lambda page: page.number)
    assert pages[0].lines
    assert not killed or "crashed on it" in pages[1].remarks[0]


def test_the_pages_of_a_long_pdf_come_back_complete_and_in_order(tmp_path):
    path = pdf(tmp_path / "a.pdf", *[prose] * LONG, scan(picture()))

    pages = recognise(path).pages

    assert [page.number for page in pages] == list(range(1, LONG + 2))
    assert all(page.lines for page in pages)


def test_a_second_child_that_came_too_early_changes_nothing(tmp_path, monkeypatch):
    path = pdf(tmp_path / "a.pdf", prose, prose, scan(picture()))
    alone = recognise(path)
    monkeypatch.setattr(local, "LONG_PDF_BYTES", 0)

    assert recognise(path) == alone
    assert recognise(path, only_pages=[3]).pages == (alone.pages[2],)


@pytest.mark.parametrize("dies_at", [2, local.PORTION_PAGES, LONG])
def test_pages_a_dead_child_was_given_are_read_by_another(
    tmp_path, monkeypatch, dies_at
):
    monkeypatch.setattr(local, "REPORT_SECONDS", 0)
    path = pdf(tmp_path / "a.pdf", *[prose] * LONG, scan(picture()))
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if done >= dies_at and not killed:
            first = min(psutil.Process().children(), key=lambda c: c.create_time())
            killed.append(first.pid)
            first.send_signal(signal.SIGSEGV)

    pages = recognise(path, progress=kill).pages

    lost = [page for page in pages if not page.lines]
    assert [page.number for page in pages] == list(range(1, LONG + 2))
    assert len(lost) <= len(killed) == 1


def test_one_of_two_children_killed_costs_one_page(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "REPORT_SECONDS", 0)
    path = pdf(tmp_path / "a.pdf", *[prose] * LONG * 2)
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if done and not killed:
            first = min(psutil.Process().children(), key=lambda c: c.create_time())
            killed.append(first.pid)
            first.send_signal(signal.SIGSEGV)

    pages = recognise(path, progress=kill).pages

    lost = [page for page in pages if not page.lines]
    assert [page.number for page in pages] == list(range(1, LONG * 2 + 1))
    assert len(lost) <= 1
    assert all("crashed on it" in page.remarks[0] for page in lost)


def test_a_child_does_not_outlive_its_parent(tmp_path):
    code = """
        import time
        from resources.engines.recognition.sandbox import ReadingChild
        child = ReadingChild({"path": "/nowhere", "format": "pdf", "only": [],
                              "caps": CAPS})
        print(child._process.pid, flush=True)
        time.sleep(60)
    """
    caps = {name: getattr(CAPS, name) for name in CAPS.__slots__}
    program = textwrap.dedent(code).replace("CAPS", repr(caps))
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    with parent:
        pid = int(parent.stdout.readline())
        parent.kill()

    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"
