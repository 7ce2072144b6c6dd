"""The command line, with real conversions in processes of their own."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from lectern.documents.filter_files import filters_to_json
from lectern.documents.filters import Filter, Rule
from lectern.errors import EngineUnavailable, InvalidRequest, UnknownVoice
from lectern.settings import Settings
from pipelines.cli import app, wrong_settings
from pipelines.converting import Request, check
from resources.services import Services
from tests.support.documents import small_epub

LECTERN = str(Path(sys.executable).with_name("lectern"))
FIELDS = {
    *("index", "page", "kind", "text", "spoken"),
    *("skipped_because", "language", "chapter"),
}


def lectern(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "LECTERN_DATA_DIR": str(folder / "data"),
        "LECTERN_DISK_RESERVE_BYTES": "0",
    }
    return subprocess.run(
        [LECTERN, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_book_becomes_sound_and_blocks(tmp_path: Path) -> None:
    small_epub(tmp_path / "book.epub")

    done = lectern(
        tmp_path, "convert", "book.epub", "-o", "out.opus", "--blocks", "out.jsonl"
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["out.jsonl", "out.opus"]
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert {frozenset(json.loads(line)) for line in lines} == {frozenset(FIELDS)}
    assert (tmp_path / "out.opus").read_bytes().startswith(b"OggS")


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.m4b", b"ftypM4B"), ("a.srt", b"1\n00:00:00,000 -->"), ("a.epub", b"mimetype")],
)
def test_the_ending_of_the_name_says_what_is_made(
    tmp_path: Path, name: str, begins: bytes
) -> None:
    (tmp_path / "note.txt").write_text("The boats turned slowly. It was cold.")

    done = lectern(tmp_path, "convert", "note.txt", "-o", name, "--loudness", "-16")

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [name]
    assert begins in (tmp_path / name).read_bytes()[:64]


def test_blocks_alone_need_no_voice_and_are_filtered(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("The boats turned slowly. It was cold.")
    rules = (Rule("cold", "c\u00f4ld"),)
    (tmp_path / "f.json").write_bytes(filters_to_json([Filter("Words", rules)]))

    done = lectern(
        tmp_path,
        *("convert", "note.txt", "--blocks", "note.jsonl", "--filter", "f.json"),
    )

    assert done.returncode == 0, done.stderr
    line = json.loads((tmp_path / "note.jsonl").read_text())
    assert line["text"] == "The boats turned slowly. It was cold."
    assert line["spoken"] == "The boats turned slowly. It was c\u00f4ld."
    assert not list(tmp_path.glob("*.opus"))


@pytest.mark.parametrize(
    ("content", "options", "exit_code", "words"),
    [
        (b"\x00\x01\x02MZ\xff", (), 2, "Lectern reads PDF"),
        (b"Hello.", ("--engine", "trumpet"), 4, "espeak"),
    ],
)
def test_what_cannot_be_converted_says_why_and_exits_by_its_class(
    tmp_path: Path,
    content: bytes,
    options: tuple[str, ...],
    exit_code: int,
    words: str,
) -> None:
    (tmp_path / "input").write_bytes(content)

    done = lectern(tmp_path, "convert", "input", *options)

    assert (done.returncode, done.stdout) == (exit_code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"source": Path("nowhere.txt")}, InvalidRequest),
        ({"output": Path("no folder/a.opus")}, InvalidRequest),
        ({"output": Path("a.aiff")}, InvalidRequest),  # no kind that is made
        ({"output": Path("a.m4b"), "loudness_lufs": -3}, InvalidRequest),
        ({"voice": "espeak:en-bg"}, UnknownVoice),
        ({"engine": "trumpet"}, EngineUnavailable),
        ({"filters": Path("nowhere.json")}, InvalidRequest),
        ({"filters": Path(__file__)}, InvalidRequest),  # not a file of filters
    ],
)
def test_what_cannot_end_well_is_refused_before_any_work(
    tmp_path: Path, settings: Settings, changes: dict[str, Any], error: type[Exception]
) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    request = replace(Request(tmp_path / "a.txt"), **changes)
    services = Services.open(settings)

    with pytest.raises(error):
        check(services, request)


def test_a_misspelt_voice_is_refused_with_those_that_it_may_mean(
    tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    request = Request(tmp_path / "a.txt", voice="en-bg")

    with pytest.raises(UnknownVoice, match=r"The nearest are: espeak:en-gb \(English"):
        check(Services.open(settings), request)


def test_the_version_is_told(tmp_path: Path) -> None:
    assert lectern(tmp_path, "version").stdout.strip().count(".") == 2


def test_the_doctor_finds_a_new_installation_well(tmp_path: Path) -> None:
    done = lectern(tmp_path, "doctor")

    assert done.returncode == 0, done.stdout
    assert "pipeline" in done.stdout


def test_databases_are_brought_up_to_date_and_swept(tmp_path: Path) -> None:
    assert lectern(tmp_path, "migrate").returncode == 0
    swept = lectern(tmp_path, "sweep").stdout
    assert swept == "By rule: nothing (0 B).\nOut of reach: nothing (0 B).\n"


def test_a_backup_is_taken_looked_at_and_put_back_by_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_DATA_DIR", str(tmp_path / "data"))
    place, command = str(tmp_path / "backups"), CliRunner()

    taken = command.invoke(app, ["backup", place, "--keep", "2"])
    looked_at = command.invoke(app, ["backup", place, "--check"])
    monkeypatch.setenv("LECTERN_DATA_DIR", str(tmp_path / "restored"))
    restored = command.invoke(app, ["restore", place])

    assert "0 documents, 0 files" in taken.stdout
    assert "is whole" in looked_at.stdout
    assert "Restored 0 documents" in restored.stdout


def test_a_wrong_setting_is_named_as_its_variable() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"port": "x", "limits": {"pages": "y"}})

    told = wrong_settings(caught.value)

    assert "LECTERN_PORT:" in told
    assert "LECTERN_LIMITS__PAGES:" in told


def test_a_misspelt_variable_is_refused_with_the_nearest_name(monkeypatch) -> None:
    monkeypatch.setenv("LECTERN_PRT", "1")

    with pytest.raises(ValidationError) as caught:
        Settings()

    assert "LECTERN_PRT is not a setting. Did you mean LECTERN_PORT?" in wrong_settings(
        caught.value
    )
