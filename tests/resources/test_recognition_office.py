"""Office documents by pandoc."""

import subprocess
import zipfile

import pypandoc
import pytest

from lectern.documents.pages import BlockKind, SpanKind
from lectern.errors import DamagedFile, PasswordProtected
from tests.support.recognising import archive, elements_of, recognise
from tests.support.samples import sample

SOURCE = """---
title: Harbours
author: A. Writer
lang: en-GB
---

# Fog

It fell *slowly*, see [the list](https://example.org/).[^1]

- one
    1. inner
- two

> said so

Boat    Due
------  ----
Small   2

    pay(2)

$$E = mc^2$$

[^1]: It often does.
"""


def written(tmp_path, suffix: str):
    """Write the same document in another kind of file."""
    path = tmp_path / f"harbours.{suffix}"
    command = [
        pypandoc.get_pandoc_path(),
        "--from=markdown",
        "--standalone",
        f"--to={suffix}",
        f"--output={path}",
    ]
    subprocess.run(command, input=SOURCE, text=True, check=True)
    return path


@pytest.mark.parametrize("suffix", ["docx", "odt", "rtf", "fb2"])
def test_documents_of_every_kind_keep_their_structure(tmp_path, suffix):
    recognition = recognise(written(tmp_path, suffix))
    elements = elements_of(recognition)

    texts = {kind: [e.text for e in elements if e.kind is kind] for kind in BlockKind}
    assert any("Fog" in text for text in texts[BlockKind.HEADING])
    assert "It fell slowly, see the list" in "\n".join(e.text for e in elements)
    assert any("It often does." in text for text in texts[BlockKind.FOOTNOTE])
    assert recognition.page_count == 1


def test_a_docx_keeps_lists_tables_maths_and_notes(tmp_path):
    elements = elements_of(recognise(written(tmp_path, "docx")))

    found = [(e.kind.value, e.level, e.text) for e in elements]
    assert found[0] == ("heading", 1, "Harbours")
    assert ("list", 2, "1. inner") in found
    assert ("table", 0, "Boat\tDue\nSmall\t2") in found
    assert ("maths", 0, "E = mc^{2}") in found
    note = next(e for e in elements if e.kind is BlockKind.FOOTNOTE)
    marks = [s for e in elements for s in e.spans if s.kind is SpanKind.NOTE_MARK]
    assert [mark.target for mark in marks] == [note.anchor]


def test_slides_are_read_in_order(tmp_path):
    elements = elements_of(recognise(written(tmp_path, "pptx")))

    texts = [e.text for e in elements]
    assert texts.index("Fog") < texts.index("one") < texts.index("two")


def test_words_beside_a_text_box_are_not_lost():
    elements = elements_of(recognise(sample("docx/testWORD_various.docx")))

    texts = [e.text for e in elements]
    assert texts[:2] == ["Here is a text box", "Footnote appears here1"]


def test_an_encrypted_odt_says_so(tmp_path):
    path = archive(
        tmp_path / "a.odt",
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": "<manifest:encryption-data/>",
            "content.xml": b"\x00\x01",
        },
    )

    with pytest.raises(PasswordProtected, match="without the password"):
        recognise(path)


def test_a_docx_with_a_broken_part_is_called_damaged(tmp_path):
    whole = written(tmp_path, "docx")
    with zipfile.ZipFile(whole) as source:
        members = {name: source.read(name) for name in source.namelist()}
    members["word/document.xml"] = members["word/document.xml"][:300]

    with pytest.raises(DamagedFile, match="save it again"):
        recognise(archive(tmp_path / "broken.docx", members))


def test_a_picture_that_lies_outside_is_not_fetched(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden words")
    whole = written(tmp_path, "docx")
    with zipfile.ZipFile(whole) as source:
        members = {name: source.read(name) for name in source.namelist()}
    relations = members["word/_rels/document.xml.rels"].decode()
    outside = (
        f'<Relationship Id="rIdX" Type="image" Target="file://{secret}" '
        'TargetMode="External"/></Relationships>'
    )
    members["word/_rels/document.xml.rels"] = relations.replace(
        "</Relationships>", outside
    )

    elements = elements_of(recognise(archive(tmp_path / "outside.docx", members)))

    assert not any("hidden" in e.text for e in elements)
