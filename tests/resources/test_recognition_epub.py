"""EPUB: spine, contents, notes across files, and hostile ones."""

import pytest

from lectern.documents.pages import BlockKind, SpanKind
from lectern.errors import DamagedFile, InflatesTooMuch, PasswordProtected
from tests.support.recognising import archive, elements_of, recognise, text_of
from tests.support.samples import sample

CONTAINER = """<?xml version="1.0"?><container
 xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
 <rootfile full-path="OPS/book.opf"/></rootfiles></container>"""
HTML = (
    '<html xmlns="http://www.w3.org/1999/xhtml" '
    'xmlns:epub="http://www.idpf.org/2007/ops">'
)
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata
 xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Harbours</dc:title>
 <dc:creator>A. Writer</dc:creator><dc:language>en-GB</dc:language></metadata>
 <manifest><item id="nav" href="nav.xhtml" properties="nav"
  media-type="application/xhtml+xml"/>
 <item id="c1" href="text/one.xhtml" media-type="application/xhtml+xml"/>
 <item id="gone" href="text/gone.xhtml" media-type="application/xhtml+xml"/>
 <item id="n" href="text/notes.xhtml" media-type="application/xhtml+xml"/></manifest>
 <spine><itemref idref="c1"/><itemref idref="gone"/>
 <itemref idref="n" linear="no"/></spine></package>"""
NAV = f"""{HTML}<body><nav epub:type="toc"><ol><li><a href="text/one.xhtml#ch">Fog</a>
 <ol><li><a href="text/one.xhtml#after">After</a></li></ol></li></ol></nav>
 </body></html>"""
ONE = f"""<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html [<!ENTITY x "y">]>{HTML}
 <head><title>x</title></head><body><h1 id="ch">Fog</h1>
 <p>It fell&nbsp;&mdash; slowly<a epub:type="noteref" href="notes.xhtml#n1">1</a>,
 <span epub:type="pagebreak" id="p9">9</span>and <i
 xml:lang="fr">peu &agrave; peu</i>.</p>
 <h2 id="after">After</h2><p>Then nothing.<sup><a href="notes.xhtml#n2">2</a></sup></p>
 <script>never()</script></body></html>"""
NOTES = f"""{HTML}<body><aside epub:type="footnote" id="n1"><p>As it will.
 <a href="one.xhtml#ch">↩</a></p></aside><div id="n2"><p>Or little.</p></div>
 </body></html>"""


def book(tmp_path, **changed: str | bytes):
    members = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": PACKAGE,
        "OPS/nav.xhtml": NAV,
        "OPS/text/one.xhtml": ONE,
        "OPS/text/notes.xhtml": NOTES,
    }
    names = {
        "one": "OPS/text/one.xhtml",
        "package": "OPS/book.opf",
        "container": "META-INF/container.xml",
        "locks": "META-INF/encryption.xml",
    }
    members |= {names[key]: content for key, content in changed.items()}
    return archive(tmp_path / "book.epub", members)


def test_every_file_of_the_spine_is_a_page(tmp_path):
    recognition = recognise(book(tmp_path))

    assert (recognition.title, recognition.author) == ("Harbours", "A. Writer")
    assert recognition.language == "en"
    assert [page.number for page in recognition.pages] == [1, 2]


def test_contents_lead_to_the_anchors_of_elements(tmp_path):
    recognition = recognise(book(tmp_path))

    anchors = {e.anchor: e.text for e in elements_of(recognition)}
    assert [(o.title, o.level) for o in recognition.outline] == [
        ("Fog", 1),
        ("After", 2),
    ]
    assert [anchors[entry.anchor] for entry in recognition.outline] == ["Fog", "After"]


def test_entities_are_resolved_and_printed_page_numbers_left_out(tmp_path):
    text = text_of(recognise(book(tmp_path)))

    assert "It fell\xa0— slowly1, and peu à peu." in text
    assert "never" not in text


def test_notes_in_another_file_are_tied_to_their_marks(tmp_path):
    elements = elements_of(recognise(book(tmp_path)))

    notes = {e.anchor: e.text for e in elements if e.kind is BlockKind.FOOTNOTE}
    marks = [s for e in elements for s in e.spans if s.kind is SpanKind.NOTE_MARK]
    assert [notes[mark.target] for mark in marks] == ["As it will.", "Or little."]


def test_notes_of_the_waste_land_are_footnotes():
    elements = elements_of(recognise(sample("epub/idpf_wasteland.epub")))

    notes = {e.anchor for e in elements if e.kind is BlockKind.FOOTNOTE and e.anchor}
    marks = [s for e in elements for s in e.spans if s.kind is SpanKind.NOTE_MARK]
    assert len(marks) == 50
    assert all(mark.target in notes for mark in marks)
    assert any(e.text.endswith("into the Hofgarten,") for e in elements)


def test_an_external_entity_is_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hidden words")
    page = f"""<!DOCTYPE html [<!ENTITY leak SYSTEM "file://{secret}">]>{HTML}<body>
     <p>Shown. &leak;</p></body></html>"""

    text = text_of(recognise(book(tmp_path, one=page)))

    assert "Shown." in text
    assert "hidden" not in text


def test_a_million_laughs_stay_unheard(tmp_path):
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    page = (
        f'<!DOCTYPE html [<!ENTITY l0 "ha">{entities}]>{HTML}<body><p>Once. &l9;</p>'
        "</body></html>"
    )

    assert text_of(recognise(book(tmp_path, one=page))).startswith("Once.")


def test_a_book_that_unpacks_too_far_is_refused(tmp_path):
    page = HTML + "<body><p>" + " " * 60_000_000 + "x</p></body></html>"

    with pytest.raises(InflatesTooMuch, match="unpacks to more than"):
        recognise(book(tmp_path, one=page))


def test_a_book_locked_by_a_shop_says_so(tmp_path):
    locks = """<encryption><EncryptedData><EncryptionMethod Algorithm="aes128-cbc"/>
     <CipherData><CipherReference URI="OPS/text/one.xhtml"/></CipherData>
     </EncryptedData></encryption>"""

    with pytest.raises(PasswordProtected, match="DRM"):
        recognise(book(tmp_path, locks=locks))


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("package", "<package/>"),
        ("container", "<container/>"),
        ("container", '<x full-path="../../etc/passwd"/>'),
        ("one", ""),
    ],
)
def test_a_book_without_its_parts_is_called_damaged(tmp_path, part, content):
    with pytest.raises(DamagedFile, match="cannot be read"):
        recognise(book(tmp_path, **{part: content}))
