"""Caps that are met before a parser sees the file."""

import struct
import zipfile
from dataclasses import replace

import pytest

from lectern.errors import DamagedFile, InflatesTooMuch
from resources.engines.recognition.guards import (
    Archive,
    check_depth,
    element_depth,
)
from tests.support.recognising import CAPS, archive

MEGABYTE = 1024**2


def test_an_honest_archive_passes_and_is_read(tmp_path):
    path = archive(tmp_path / "a.zip", {"one": "first", "mimetype": "stored"})

    with Archive(path, CAPS) as opened:
        opened.check()
        assert opened.names == ("one", "mimetype")
        assert (opened.read("one"), opened.read("mimetype")) == (b"first", b"stored")


def test_a_member_denser_than_any_document_is_refused(tmp_path):
    path = archive(tmp_path / "a.zip", {"bomb": bytes(20 * MEGABYTE)})

    with Archive(path, CAPS) as opened, pytest.raises(InflatesTooMuch):
        opened.check()


def test_sizes_that_the_directory_states_are_not_believed(tmp_path):
    path = archive(tmp_path / "a.zip", {"bomb": bytes(20 * MEGABYTE)})
    data = bytearray(path.read_bytes())
    entry = data.rfind(b"PK\x01\x02")
    struct.pack_into("<L", data, entry + 24, 100)  # unpacked size
    struct.pack_into("<L", data, entry + 20, 100)  # packed size
    path.write_bytes(data)

    with Archive(path, CAPS) as opened, pytest.raises(InflatesTooMuch):
        opened.check()


def test_many_members_of_moderate_size_count_together(tmp_path):
    caps = replace(CAPS, inflated_bytes=MEGABYTE)
    members = {str(n): bytes(range(256)) * 1024 for n in range(5)}

    with (
        Archive(archive(tmp_path / "a.zip", members), caps) as opened,
        pytest.raises(InflatesTooMuch, match="more than 1 MB"),
    ):
        opened.check()


def test_too_many_members_are_refused_before_the_directory_is_loaded(tmp_path):
    path = archive(tmp_path / "a.zip", {str(n): "" for n in range(50)})

    with pytest.raises(InflatesTooMuch, match="more than 40 parts"):
        Archive(path, replace(CAPS, members=40))


def test_an_encrypted_member_is_not_unpacked(tmp_path):
    path = archive(tmp_path / "a.zip", {"one": "first"})
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)

    with Archive(path, CAPS) as opened, pytest.raises(DamagedFile):
        opened.check()


@pytest.mark.parametrize("cut", [10, 40, -30])
def test_a_cut_off_archive_is_called_damaged(tmp_path, cut):
    path = archive(tmp_path / "a.zip", {"one": "first" * 100})
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(DamagedFile), Archive(path, CAPS) as opened:
        opened.check()


def test_a_broken_deflate_stream_is_called_damaged(tmp_path):
    path = archive(tmp_path / "a.zip", {"one": bytes(range(256)) * 20})
    data = bytearray(path.read_bytes())
    data[40:60] = b"\xff" * 20
    path.write_bytes(data)

    with Archive(path, CAPS) as opened, pytest.raises(DamagedFile):
        opened.check()


def test_names_of_members_are_never_paths(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as written:
        written.writestr("../../outside", "x")
        written.writestr("/absolute", "y")

    with Archive(tmp_path / "a.zip", CAPS) as opened:
        assert opened.read("../../outside") == b"x"
    assert not (tmp_path.parent.parent / "outside").exists()


@pytest.mark.parametrize(
    ("markup", "depth"),
    [
        (b"<div><p>x<p>y</div>", 1),
        (b"<div><div><br><img src='a>b'></div></div>", 2),
        (b"<a/><b></b><c><d/></c>", 1),
        (b"<script>if (a<b && c<d) {}</script><div></div>", 1),
        (b"<!-- <div><div><div> --><div>", 1),
        (b"no tags < here", 0),
    ],
)
def test_depth_counts_open_elements(markup, depth):
    assert element_depth(markup, limit=100) == depth


def test_counting_depth_takes_linear_time():
    check_depth(b"<" * 3_000_000, limit=1000)
    check_depth(b"<script" * 300_000, limit=10**9)
    check_depth(b"<!--" * 500_000, limit=1000)
