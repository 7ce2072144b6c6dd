"""Files made to hurt, and real ones that do: text or a typed error, in bounds."""

import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from lectern.errors import LecternError
from tests.support.recognising import archive, recognise, text_of
from tests.support.samples import sample

CPU_SECONDS = 15
MEMORY_BYTES = 1024**3

SAMPLES = {
    "hostile/2400dpi.pdf": "linzen",
    "hostile/droste.zip": "unsupported_format",
    "hostile/enormous.pdf": "megapixels",
    "hostile/failure-after-repair.pdf": "Understanding Breast Cancer",
    "hostile/hugemono.pdf": "too_many_pixels",
    "hostile/invalid.pdf": "damaged_file",
    "hostile/random.bin": "unsupported_format",
    "hostile/testODTnotaZipFile.odt": "damaged_file",
    "encrypted/copy-protected.pdf": "LayoutParser",
    "encrypted/libreoffice-writer-password.pdf": "password_protected",
    "encrypted/password.pdf": "password_protected",
    "xfa/testPDF_XFA_govdocs1_258578.pdf": "the",
    "office/fake.doc": "legacy_format",
}
MEASURE = """
import resource, sys
from pathlib import Path
from lectern.errors import LecternError
from tests.support.recognising import recognise, text_of
try:
    print(text_of(recognise(Path(sys.argv[1]))))
except LecternError as error:
    print(error.code, error.message)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, file=sys.stderr)
"""


@dataclass(frozen=True)
class Outcome:
    text: str
    cpu_seconds: float
    memory_bytes: int


def outcome(path: Path) -> Outcome:
    """Have a file read in a fresh process, and measure the children that read it."""
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True, text=True, check=True, cwd=root,
    )  # fmt: skip
    cpu, memory = done.stderr.strip().splitlines()[-1].split()
    return Outcome(done.stdout, float(cpu), int(memory))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_hostile_sample_ends_in_text_or_a_typed_error(name):
    found = outcome(sample(name))

    assert SAMPLES[name] in found.text
    assert found.cpu_seconds < CPU_SECONDS
    assert found.memory_bytes < MEMORY_BYTES


def ends_in_words(path: Path) -> bool:
    """Return whether a file yields text, or an error that no retry would mend."""
    try:
        return bool(text_of(recognise(path)))
    except LecternError as error:
        return not error.retryable


def pdf_of_streams(content: bytes, *, size: str = "595 842") -> bytes:
    """Return a PDF of one page with this (packed) content."""
    packed = zlib.compress(content, 9)
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page"
        b"/Parent 2 0 R/MediaBox[0 0 " + size.encode() + b"]/Contents 4 0 R/Resources"
        b"<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n"
        b"4 0 obj<</Filter/FlateDecode/Length "
        + str(len(packed)).encode()
        + b">>stream\n"
        + packed
        + b"\nendstream endobj\ntrailer<</Root 1 0 R>>"
    )


def test_a_page_that_unpacks_to_hundreds_of_megabytes(tmp_path):
    path = tmp_path / "bomb.pdf"
    path.write_bytes(pdf_of_streams(b"0 0 m 1 1 l S\n" * 18_000_000))

    found = outcome(path)

    assert found.text.split()[0] in ("nothing_to_read", "took_too_long")
    assert found.cpu_seconds < CPU_SECONDS * 1.5
    assert found.memory_bytes < MEMORY_BYTES


def test_a_page_as_large_as_a_country(tmp_path):
    path = tmp_path / "huge.pdf"
    text = b"BT /F 12 Tf 72 700 Td (Still some words to be read here) Tj ET"
    path.write_bytes(pdf_of_streams(text, size="2147483648 2147483648"))

    assert "Still some words" in outcome(path).text


@pytest.mark.parametrize("suffix", ["docx", "epub", "odt"])
def test_an_archive_that_unpacks_without_end(tmp_path, suffix):
    members = {
        "docx": {"[Content_Types].xml": "x", "word/document.xml": bytes(400_000_000)},
        "epub": {"mimetype": "application/epub+zip", "a": bytes(400_000_000)},
        "odt": {"mimetype": "application/vnd.oasis.opendocument.text",
                "content.xml": bytes(400_000_000)},
    }  # fmt: skip

    found = outcome(archive(tmp_path / f"bomb.{suffix}", members[suffix]))

    assert found.text.startswith("inflates_too_much")
    assert found.cpu_seconds < 2
    assert found.memory_bytes < MEMORY_BYTES / 4


@pytest.mark.parametrize(
    "name",
    [
        "pdf_born/tracemonkey.pdf",
        "docx/word_sample.docx",
        "epub/testEPUB.epub",
        "image/linn.png",
    ],
)
@pytest.mark.parametrize("part", [0.3, 0.7])
def test_what_is_cut_off_or_overwritten_ends_in_words(tmp_path, name, part):
    data = bytearray(sample(name).read_bytes())
    at = int(len(data) * part)
    data[at : at + 2000] = b"\xff" * 2000
    path = tmp_path / Path(name).name
    path.write_bytes(data[: int(len(data) * 0.9)])

    assert ends_in_words(path)
