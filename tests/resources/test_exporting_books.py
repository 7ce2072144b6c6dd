"""EPUBs that read aloud, and subtitles: valid, complete, in time."""

import io
import itertools
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lectern.documents.blocks import Block, Chapter
from lectern.documents.pages import BlockKind, Span, SpanKind
from resources.services import Services
from resources.stores.catalog import Document
from tests.support.exporting import (
    CHAPTERS,
    NotesEngine,
    complaints,
    epubcheck,
    exported,
    samples_in,
)
from tests.support.speech import add_document, block, sentence, settings_at

SMIL = "{http://www.w3.org/ns/SMIL}"
HTML = "{http://www.w3.org/1999/xhtml}"
OPF = "{http://www.idpf.org/2007/opf}"

needs_epubcheck = pytest.mark.skipif(
    epubcheck() is None,
    reason="no epubcheck (Debian: epubcheck, default-jre-headless)",
)

HOSTILE = (
    "x" * 5000,
    "../../../etc/passwd \\\\server\\share",
    "<script>alert('1')</script> &amp; \" ' ]]> -->",
    "שלום \u202e עולם \u2067 abc",
    "👩‍🚒 e\u0301 \U0001f1e6\U0001f1f9 漢字",
    "tab\tline\nbell\x07 nul\x00 \ufffe \ud7ff",
)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Return services whose only chosen engine speaks in tones."""
    services = Services.open(settings_at(tmp_path, processes=2))
    services.speech_engines().add(NotesEngine())
    return services


def every_kind() -> list[Block]:
    """Return a block of every kind, and what is hard in them."""
    shown = {
        BlockKind.HEADING: "Of <em>the</em> sea & land",
        BlockKind.PARAGRAPH: "The boats turned. Nobody spoke [4], then.",
        BlockKind.LIST: "• First item",
        BlockKind.QUOTE: "“So it is said.”",
        BlockKind.CAPTION: "Figure 1. A harbour.",
        BlockKind.FOOTNOTE: "¹ On Sundays it is closed.",
        BlockKind.TABLE: "Year\tTons\n1901\t12",
        BlockKind.CODE: "a = 1\n  b = '<2>'",
        BlockKind.MATHS: "$\\frac{1}{2}$",
        BlockKind.FURNITURE: "THE SEA 17",
    }
    blocks = [block(n, text, kind=kind) for n, (kind, text) in enumerate(shown.items())]
    spans = (Span(4, 9, SpanKind.STRONG), Span(32, 35, SpanKind.CITATION))
    blocks[1] = replace(blocks[1], spans=spans)
    blocks.append(replace(block(10, "שלום לכולם.", language="he"), direction="rtl"))
    return blocks


def book_of(services: Services, document: Document, **request: str) -> zipfile.ZipFile:
    file = exported(services, document, format="epub", **request)
    return zipfile.ZipFile(io.BytesIO(file.data))


@needs_epubcheck
@pytest.mark.parametrize("granularity", ["sentence", "word"])
def test_a_book_of_every_kind_of_block_is_valid(services, tmp_path, granularity):
    chapters = (Chapter("Sea", 1, 0), Chapter("Inside", 3, 4), Chapter("Land", 1, 7))
    document = add_document(services, every_kind(), title="Sea", chapters=chapters)

    file = exported(
        services, document, format="epub", granularity=granularity, author="Zoë", year=1
    )

    path = tmp_path / "book.epub"
    path.write_bytes(file.data)
    assert complaints(path) == ""


@needs_epubcheck
def test_books_of_hostile_titles_are_valid(services, tmp_path):
    document = add_document(
        services,
        [block(n, f"{title} said {n}.") for n, title in enumerate(HOSTILE)],
        title=" ".join(HOSTILE),
        chapters=[Chapter(title, 1, n) for n, title in enumerate(HOSTILE)],
    )

    file = exported(services, document, format="epub", author=HOSTILE[2][:300])

    path = tmp_path / "book.epub"
    path.write_bytes(file.data)
    assert complaints(path) == ""


@needs_epubcheck
def test_a_book_without_chapters_and_one_without_sound_in_a_part_are_valid(
    services, tmp_path
):
    silent = [block(2, "¹ A note.", kind=BlockKind.FOOTNOTE)]
    with_silence = [block(0, "One."), block(1, "Two."), *silent]
    documents = [
        add_document(services, ["Just a line."], title="Plain"),
        add_document(
            services,
            with_silence,
            title="Half",
            chapters=(Chapter("Heard", 1, 0), Chapter("Silent", 1, 2)),
        ),
    ]

    for number, document in enumerate(documents):
        path = tmp_path / f"{number}.epub"
        path.write_bytes(exported(services, document, format="epub").data)
        assert complaints(path) == ""


def test_each_part_of_the_text_has_its_part_of_the_sound(services):
    blocks = [f"The boats turned for hour {n}. Nobody spoke to them." for n in range(6)]
    document = add_document(services, blocks, chapters=CHAPTERS)

    with book_of(services, document) as book:
        for part in ("part-0001", "part-0002", "part-0003"):
            smil = ET.fromstring(book.read(f"EPUB/{part}.smil"))
            page = ET.fromstring(book.read(f"EPUB/{part}.xhtml"))
            ids = {element.get("id") for element in page.iter()}
            clips = [
                (seconds(audio.get("clipBegin")), seconds(audio.get("clipEnd")))
                for audio in smil.iter(f"{SMIL}audio")
            ]
            targets = [text.get("src") for text in smil.iter(f"{SMIL}text")]
            sound = samples_in(book.read(f"EPUB/{part}.m4a"))
            assert len(targets) == 4  # two sentences in each of two blocks
            assert all(target.split("#")[1] in ids for target in targets)
            assert clips[0][0] == 0
            assert all(a[1] == b[0] for a, b in itertools.pairwise(clips))
            assert 0 <= len(sound) - clips[-1][1] * 24_000 < 1024


def test_words_are_highlighted_one_by_one_when_asked_for(services):
    document = add_document(services, ["The boats turned slowly."])

    with book_of(services, document, granularity="word") as book:
        page = ET.fromstring(book.read("EPUB/part-0001.xhtml"))

    spans = [span.text for span in page.iter(f"{HTML}span")]
    assert spans == ["The", "boats", "turned", "slowly."]


def test_the_package_states_durations_people_and_accessibility(services):
    document = add_document(
        services, [sentence(n) for n in range(6)], chapters=CHAPTERS
    )

    with book_of(services, document, author="Zoë") as book:
        assert book.infolist()[0].filename == "mimetype"
        assert book.infolist()[0].compress_type == zipfile.ZIP_STORED
        package = ET.fromstring(book.read("EPUB/package.opf"))
    metas = [
        (m.get("property"), m.get("refines"), m.text)
        for m in package.iter(f"{OPF}meta")
    ]
    durations = [m for m in metas if m[0] == "media:duration"]
    total = [seconds(text) for _, refines, text in durations if refines is None]
    parts = [seconds(text) for _, refines, text in durations if refines]
    assert len(parts) == 3
    assert total == [pytest.approx(sum(parts))]
    assert ("media:narrator", None, "Notes") in metas
    assert ("schema:accessibilityFeature", None, "synchronizedAudioText") in metas


def test_a_long_part_is_laid_out_in_several_files(services, monkeypatch):
    monkeypatch.setattr("resources.exporting.books.PAGE_BLOCKS", 4)
    document = add_document(services, [sentence(n) for n in range(10)])

    with book_of(services, document) as book:
        pages = [name for name in book.namelist() if re.search(r"part-.*xhtml", name)]
        contents = book.read("EPUB/nav.xhtml").decode()

    assert len(pages) == 3
    assert contents.count("<li>") == 1


def seconds(clock: str | None) -> float:
    assert clock is not None
    return float(clock.removesuffix("s"))


CUE = re.compile(r"(\d+):(\d+):(\d+)[.,](\d+) --> (\d+):(\d+):(\d+)[.,](\d+)")


@pytest.mark.parametrize("fmt", ["srt", "vtt"])
def test_subtitles_show_each_word_while_it_is_heard(services, fmt):
    blocks = [sentence(n, words=12) for n in range(6)]
    document = add_document(services, blocks, chapters=CHAPTERS)

    text = exported(services, document, format=fmt).data.decode()

    times = [
        [h * 3_600_000 + m * 60_000 + s * 1000 + ms for h, m, s, ms in (c[:4], c[4:])]
        for c in [tuple(map(int, found)) for found in CUE.findall(text)]
    ]
    shown = " ".join(
        line
        for line in text.splitlines()
        if line and "-->" not in line and not line.isdigit()
    )
    assert times[0][0] == 0
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(times))
    assert shown.removeprefix("WEBVTT Language: en ") == " ".join(blocks)


def test_subtitles_of_chapters_begin_at_zero_each(services):
    document = add_document(
        services, [sentence(n) for n in range(6)], chapters=CHAPTERS
    )

    file = exported(services, document, format="srt", by_chapter=True)

    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        texts = [archive.read(name).decode() for name in archive.namelist()]
    assert len(texts) == 3
    assert all(text.startswith("1\n00:00:00,000 --> ") for text in texts)
