"""Telling readable text from debris, in any language."""

import pytest

from lectern.documents.legibility import is_legible
from tests.support.samples import sample

ENGLISH = "The harbour lay quiet under a thin morning fog, and nobody had yet come. "


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH * 3,
        "是人都生而自由，在尊严和权利上一律平等。他们赋有理性和良心。",
        "Все люди рождаются свободными и равными в своём достоинстве и правах.",
        "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.",
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतंत्रता प्राप्त है।",
        "1984  12.5  3,400\n1985  13.1  3,612\n1986  14.0  3,900",
        "Contents ........................ 4\nThe breasts .................... 6",
        "com\ufffe",
    ],
)
def test_text_of_every_kind_is_legible(text):
    assert is_legible(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "\ue001\ue002\ue003\ue004 \ue005\ue006",
        "\x03\x11\x14\x0f 7\x03KH\x03 \x10\x12",
        "\ufffd\ufffd\ufffd a \ufffd\ufffd",
        "|~^`_ *&^% $#@! |}{ ~~~ ^^^ ||| <<>> ##",
        "".join(chr(ord(c) + 3) if c.isalpha() else c for c in ENGLISH.lower() * 2),
        "tHe hArBoUr xKcD qWrT zXcV bNmK lPqW rTyX kJhG fDsZ xCvB wQrT",
    ],
)
def test_debris_is_not(text):
    assert not is_legible(text)


def test_the_declaration_of_human_rights_is_legible_in_nearly_all_languages():
    text = sample("text/UDHR_first_article_all.txt").read_text()
    articles = [line for line in text.split("\n") if len(line) > 90]

    refused = [article[:60] for article in articles if not is_legible(article)]

    assert len(articles) > 400
    assert len(refused) <= 5, refused
