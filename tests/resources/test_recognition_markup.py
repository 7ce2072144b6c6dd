"""Web pages, Markdown and plain text."""

import pytest

from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind, Element, Span, SpanKind
from lectern.errors import FileTooLarge, LimitReached
from tests.support.recognising import PROSE, elements_of, recognise, text_of
from tests.support.samples import sample

ARTICLE = "".join(f"<p>{' '.join(PROSE)} Part {n}.</p>" for n in range(6))


def read(tmp_path, content: str | bytes, name: str) -> list[Element]:
    path = tmp_path / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(data)
    return elements_of(recognise(path))


def kinds(elements: list[Element]) -> list[tuple[str, int, str]]:
    return [(e.kind.value, e.level, e.text) for e in elements]


def test_a_web_page_is_read_without_what_surrounds_it(tmp_path):
    page = f"""<html lang="en-GB"><head><title>Fog - The Paper</title></head><body>
      <nav><a href="/">Home</a><a href="/news">All the news</a></nav>
      <article><h1>Fog</h1>{ARTICLE}<h2>After</h2><ul><li>One thing</li>
      <li>Another thing</li></ul><blockquote><p>{PROSE[0]}</p></blockquote></article>
      <footer>Copyright, terms, cookies</footer></body></html>"""

    found = kinds(read(tmp_path, page, "fog.html"))

    assert found[0] == ("heading", 1, "Fog")
    assert ("heading", 2, "After") in found
    assert ("list", 1, "Another thing") in found
    assert ("quote", 0, PROSE[0]) in found
    assert not any("cookies" in text or "news" in text for _, _, text in found)


def test_a_short_page_is_read_whole(tmp_path):
    found = read(tmp_path, "<html><body><p>Only this.</p></body></html>", "a.html")

    assert kinds(found) == [("paragraph", 0, "Only this.")]


def test_tables_code_and_links_of_a_page_keep_their_kind(tmp_path):
    page = f"""<html><body><h1>Dues</h1>{ARTICLE}
      <p>See <a href="https://example.org/a">the list</a> of <em>all</em> dues.</p>
      <table><tr><th>Boat</th><th>Due</th></tr><tr><td>Small</td><td>2</td></tr></table>
      <pre>if small:\n    pay(2)</pre></body></html>"""

    found = read(tmp_path, page, "dues.html")

    table = next(e for e in found if e.kind is BlockKind.TABLE)
    code = next(e for e in found if e.kind is BlockKind.CODE)
    linked = next(e for e in found if "the list" in e.text)
    assert table.text == "Boat\tDue\nSmall\t2"
    assert code.text == "if small:\n    pay(2)"
    span = next(s for s in linked.spans if s.kind is SpanKind.LINK)
    assert linked.text[span.start : span.end] == "the list"
    assert span.target == "https://example.org/a"


def test_a_page_says_its_own_encoding():
    text = text_of(recognise(sample("html/fake-html-cp1252.html")))

    assert "köstlich" in text
    assert "15,50 €" in text


def test_elements_nested_without_end_are_refused_at_once(tmp_path):
    (tmp_path / "deep.html").write_text("<html>" + "<div>" * 200_000 + "x")

    with pytest.raises(LimitReached, match="more than 1,000 deep"):
        recognise(tmp_path / "deep.html")


def test_unclosed_paragraphs_are_no_depth(tmp_path):
    page = "<html><body>" + "".join(f"<p>{PROSE[n % 5]} {n}" for n in range(3000))

    assert len(read(tmp_path, page, "flat.html")) >= 3000


def test_markdown_keeps_its_structure(tmp_path):
    text = (
        "---\ntitle: Harbours\n---\n# Fog\n\nSome *slow* words, `code` and $x^2$.\n\n"
        "1. one\n2. two\n   - inner\n\n> said\n> so\n\n```py\na = 1\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n$$\nE = mc^2\n$$\n"
    )

    found = read(tmp_path, text, "a.md")

    assert kinds(found) == [
        ("heading", 1, "Fog"),
        ("paragraph", 0, "Some slow words, code and x^2."),
        ("list", 1, "1. one"),
        ("list", 1, "2. two"),
        ("list", 2, "inner"),
        ("quote", 0, "said so"),
        ("code", 0, "a = 1"),
        ("table", 0, "a\tb\n1\t2"),
        ("maths", 0, "E = mc^2"),
    ]
    assert found[1].spans == (
        Span(5, 9, SpanKind.EMPHASIS),
        Span(17, 21, SpanKind.CODE),
        Span(26, 29, SpanKind.MATHS),
    )


def test_a_markdown_note_is_tied_to_its_mark(tmp_path):
    found = read(tmp_path, "Fog[^a] fell.\n\n[^a]: It often does.\n\n# x\n", "a.md")

    mark = found[0].spans[0]
    note = next(e for e in found if e.kind is BlockKind.FOOTNOTE)
    assert (found[0].text, mark.kind) == ("Fog1 fell.", SpanKind.NOTE_MARK)
    assert (note.text, note.anchor) == ("It often does.", mark.target)


def test_a_script_inside_a_line_of_markdown_is_not_read(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Hi <script>alert(1)</script>there\n\nSome *plain* words.\n")

    assert text_of(recognise(path)).split("\n")[0] == "Hi there"


def test_html_inside_markdown_is_read_as_html(tmp_path):
    found = read(tmp_path, "# A\n\n<ul><li>One</li><li>Two</li></ul>\n", "a.md")

    assert kinds(found)[1:] == [("list", 1, "One"), ("list", 1, "Two")]


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
)
def test_plain_text_is_read_in_any_common_encoding(tmp_path, encoding):
    text = "Café zum schönen Fräulein, naïve façade.\n\nNoch ein Satz für übermorgen."

    found = read(tmp_path, text.encode(encoding), "a.txt")

    assert "\n\n".join(e.text for e in found) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Все люди рождаются свободными и равными в своём достоинстве. " * 4),
        (
            "cp1250",
            "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności. " * 2,
        ),
        ("koi8_r", "Они наделены разумом и совестью и должны поступать в духе. " * 4),
        (
            "shift_jis",
            "すべての人間は、生れながらにして自由であり、かつ平等である。" * 4,
        ),
        ("gb18030", "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。" * 4),
    ],
)
def test_older_encodings_are_told_by_their_letters(tmp_path, encoding, text):
    found = read(tmp_path, text.encode(encoding), "a.txt")

    assert found[0].text == text.strip()


def test_text_that_was_encoded_twice_is_mended(tmp_path):
    broken = "1986–1990, “quoted”".encode().decode("latin-1")

    assert read(tmp_path, broken, "a.txt")[0].text == "1986–1990, “quoted”"


def test_wrapped_lines_are_joined_and_paragraphs_kept(tmp_path):
    text = (
        "CHAPTER I\n\nDown the Harbour\n\n"
        "The harbour lay quiet under a thin morning fog, and two boats were\n"
        "moored at the old stone pier, and nobody had yet come down from the\n"
        "village, though it was late.\n\n"
        "She counted the steps again while she waited. There were forty, as\n"
        "there had always been in her well-\nremembered days.\n\n"
        "- one thing\n- another thing\n"
    )

    found = kinds(read(tmp_path, text, "a.txt"))

    assert found[0] == ("heading", 1, "CHAPTER I")
    assert found[2][2].endswith(
        "pier, and nobody had yet come down from the village, though it was late."
    )
    assert found[3][2].endswith("in her well-remembered days.")
    assert found[4:] == [("list", 1, "one thing"), ("list", 1, "another thing")]


def test_lines_that_are_paragraphs_are_left_alone(tmp_path):
    text = "\n".join(f"{line} {line}" for line in (PROSE[0], PROSE[3], PROSE[4]))

    assert len(read(tmp_path, text, "a.txt")) == 3


def test_form_feeds_part_pages(tmp_path):
    (tmp_path / "a.txt").write_text("First page.\fSecond page.\f")

    recognition = recognise(tmp_path / "a.txt")

    assert recognition.page_count == 2
    assert [page.elements[0].text for page in recognition.pages] == [
        "First page.",
        "Second page.",
    ]


def test_a_text_past_its_cap_is_refused_with_both_sizes(tmp_path):
    (tmp_path / "a.txt").write_text("word " * 500_000)

    with pytest.raises(FileTooLarge, match=r"2\.5 MB; up to 1 MB"):
        recognise(tmp_path / "a.txt", kind=Format.TEXT, text_bytes=1024**2)


def test_wrapped_sample_text_reads_in_whole_sentences():
    found = elements_of(recognise(sample("text/norwich-city.txt")))

    assert any(
        "professional footballer who played as a forward" in e.text for e in found
    )
