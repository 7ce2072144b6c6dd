"""Each paragraph gets its language; single odd ones follow their neighbours."""

import pytest

from resources.engines.languages import ParagraphLanguages, primary, script_language

FINDER = ParagraphLanguages()
ENGLISH = (
    "The harbour woke before the town did, and the boats that had waited all night "
    "for the tide began to lean towards the open water."
)
GERMAN = (
    "Der Hafen erwachte vor der Stadt, und die Boote, die die ganze Nacht auf die Flut "
    "gewartet hatten, neigten sich dem offenen Wasser zu."
)
FRENCH = (
    "Le port s'éveilla avant la ville, et les bateaux qui avaient attendu la marée "
    "toute la nuit se penchèrent vers le large."
)


def tags(*texts: str, stated=None, document=None) -> list[str]:
    return FINDER.of_paragraphs(
        texts, stated=stated or [None] * len(texts), document=document
    )


def test_paragraphs_in_two_languages_are_told_apart():
    assert tags(ENGLISH, GERMAN, GERMAN, ENGLISH) == ["en", "de", "de", "en"]


def test_a_short_line_is_in_the_language_of_the_document():
    assert tags(FRENCH, "Chapitre 3", FRENCH) == ["fr", "fr", "fr"]


def test_a_short_line_between_two_foreign_paragraphs_is_foreign():
    document = [ENGLISH] * 6

    assert tags(*document, GERMAN, "Kapitel 3", GERMAN)[-3:] == ["de", "de", "de"]


def test_what_the_source_states_stands():
    assert tags(ENGLISH, ENGLISH, stated=["de-AT", None])[0] == "de"


def test_the_stated_language_of_a_document_is_believed_when_text_is_scarce():
    assert tags("Ja.", "Nein.", document="de-CH") == ["de", "de"]


def test_a_wrongly_stated_document_language_is_not_believed():
    assert tags(*[GERMAN, FRENCH] * 1, GERMAN, GERMAN, document="en")[0] == "de"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("안녕하세요 여러분", "ko"),
        ("今日は晴れです", "ja"),
        ("Привет, мир! Как твои дела сегодня?", "ru"),
        ("Γεια σου κόσμε", "el"),
        ("שלום עולם", "he"),
        ("สวัสดีครับ", "th"),
    ],
)
def test_scripts_tell_the_language_of_even_a_short_text(text, language):
    assert tags(ENGLISH, text, ENGLISH)[1] == language
    assert tags(text) == [language]


def test_a_persian_book_stays_persian_in_its_short_lines():
    persian = "بندر پیش از شهر بیدار شد و قایق‌هایی که تمام شب منتظر مد بودند."

    assert tags(persian * 2, "فصل سوم", persian * 2) == ["fa", "fa", "fa"]


def test_short_english_is_taken_for_no_rare_language():
    texts = ["Here is a text box", "Bullet 1", "Footnote appears here", "Subject"]

    assert set(tags(*texts)) == {"en"}


def test_nothing_to_go_by_is_english():
    assert tags("12", "***") == ["en", "en"]
    assert tags() == []


def test_tags_are_cut_to_their_first_part():
    assert primary("pt_BR") == "pt"
    assert script_language("plain Latin letters, naïve") == ""
