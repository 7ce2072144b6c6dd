"""A file held open in a child while its pages are read elsewhere."""

import io
import os
import signal

import pikepdf
import pytest
from PIL import Image

from lectern.documents.formats import Format
from lectern.errors import DamagedFile, LecternError, TookTooLong
from resources.engines.recognition.paper import Paper
from tests.support.recognising import pdf, picture, prose, scan


@pytest.fixture
def book(tmp_path):
    """Return a PDF whose last page is a scan."""
    return pdf(tmp_path / "book.pdf", prose, prose, scan(picture()))


def test_a_page_that_reads_well_is_told_from_one_that_does_not(book, settings):
    with Paper(book, Format.PDF, settings) as paper:
        assert paper.head.page_count == 3
        assert "harbour" in paper.text(1).lines[0].text
        assert paper.text(3) is None


def test_a_page_is_drawn_as_large_as_asked_and_turned(book, settings):
    with Paper(book, Format.PDF, settings) as paper:
        upright = paper.draw(1, side_px=800)
        turned = paper.draw(1, side_px=800, turn_degrees=90)

    assert Image.open(io.BytesIO(upright.png)).size == (566, 800)
    assert Image.open(io.BytesIO(turned.png)).size == (800, 566)
    assert upright.shown == turned.shown
    assert (round(upright.width_pt), round(upright.height_pt)) == (595, 842)


def test_pages_that_show_the_same_have_one_digest(book, settings):
    with Paper(book, Format.PDF, settings) as paper:
        first, second, third = (paper.digest(number) for number in (1, 2, 3))

    assert first.shown == second.shown != third.shown
    assert first.png == b""


def test_some_pages_are_cut_into_a_file_of_their_own(book, settings):
    with Paper(book, Format.PDF, settings) as paper:
        part = paper.cut([1, 3])

    with pikepdf.open(io.BytesIO(part)) as document:
        assert len(document.pages) == 2


def test_an_encrypted_file_is_cut_without_its_encryption(tmp_path, settings):
    plain = pdf(tmp_path / "plain.pdf", prose)
    locked = tmp_path / "locked.pdf"
    with pikepdf.open(plain) as document:
        document.save(locked, encryption=pikepdf.Encryption(owner="key", user=""))
    with Paper(locked, Format.PDF, settings) as paper:
        part = paper.cut([1])

    with pikepdf.open(io.BytesIO(part)) as document:
        assert not document.is_encrypted


def test_a_picture_file_is_drawn_and_never_cut(tmp_path, settings):
    path = tmp_path / "page.png"
    picture().save(path)
    with Paper(path, Format.IMAGE, settings) as paper:
        assert paper.head.page_count == 1
        assert paper.text(1) is None
        assert paper.cut([1]) is None
        assert Image.open(io.BytesIO(paper.draw(1, side_px=400).png)).width == 400


def test_what_cannot_be_opened_is_refused_in_the_usual_words(tmp_path, settings):
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"%PDF-1.7 and then nothing")

    with pytest.raises(DamagedFile, match="Download it again"):
        Paper(path, Format.PDF, settings)


def test_a_page_that_ends_the_child_costs_that_page_only(book, settings):
    with Paper(book, Format.PDF, settings) as paper:
        os.kill(paper._child._process.pid, signal.SIGKILL)
        with pytest.raises(TookTooLong):
            paper.digest(1)

        assert paper.digest(2).shown


def test_a_file_that_ends_every_child_is_given_up(book, settings):
    with Paper(book, Format.PDF, settings) as paper:
        for number in (1, 2, 3, 1):
            if paper._child is None:
                paper.digest(number)
            os.kill(paper._child._process.pid, signal.SIGKILL)
            with pytest.raises(LecternError) as caught:
                paper.digest(number)

    assert "Too many pages" in caught.value.message
