"""Sentences begin where a reader would say they do, in linear time.

The English cases are the well-known "Golden Rules" of sentence segmentation, which
other splitters are measured by. A bar stands where one sentence ends.
"""

import time
from itertools import pairwise

import pytest

from lectern.documents.splitting import SentenceFinder
from resources.engines.sentences import SpacySentences
from tests.support.printing import prose

FINDER: SentenceFinder = SpacySentences()

GOLDEN_RULES = [
    "Hello World.| My name is Jonas.",
    "What is your name?| My name is Jonas.",
    "There it is!| I found it.",
    "My name is Jonas E. Smith.",
    "Please turn to p. 55.",
    "Were Jane and co. at the party?",
    "They closed the deal with Pitt, Briggs & Co. at noon.",
    "Let's ask Jane and co.| They should know.",
    "They closed the deal with Pitt, Briggs & Co.| It closed yesterday.",
    "I can see Mt. Fuji from here.",
    "St. Michael's Church is on 5th st. near the light.",
    "That is JFK Jr.'s book.",
    "I visited the U.S.A. last year.",
    "I live in the E.U.| How about you?",
    "I live in the U.S.| How about you?",
    "I work for the U.S. Government in Virginia.",
    "I have lived in the U.S. for 20 years.",
    (
        "At 5 a.m. Mr. Smith went to the bank.| He left the bank at 6 P.M.| Mr."
        " Smith then went to the store."
    ),
    "She has $100.00 in her bag.",
    "She has $100.00.| It is in her bag.",
    (
        "He teaches science (He previously worked for 5 years as an engineer.) "
        "at the local University."
    ),
    "Her email is Jane.Doe@example.com.| I sent her an email.",
    (
        "The site is: https://www.example.50.com/new-"
        "site/awesome_content.html.| Please check it out."
    ),
    "She turned to him, 'This is great.' she said.",
    'She turned to him, "This is great." she said.',
    'She turned to him, "This is great."| She held the book out to show him.',
    "Hello!!| Long time no see.",
    "Hello??| Who is there?",
    "Hello!?| Is that you?",
    "Hello?!| Is that you?",
    "1.) The first item| 2.) The second item",
    "1.) The first item.| 2.) The second item.",
    "1) The first item| 2) The second item",
    "1) The first item.| 2) The second item.",
    "1. The first item| 2. The second item",
    "1. The first item.| 2. The second item.",
    "• 9. The first item| • 10. The second item",
    "⁃9. The first item| ⁃10. The second item",
    "a. The first item| b. The second item| c. The third list item",
    "You can find it at N°. 1026.253.553.| That is where the treasure is.",
    "She works at Yahoo! in the accounting department.",
    "We make a good team, you and I.| Did you see Albert I. Jones yesterday?",
    (
        "Thoreau argues that by simplifying one’s life, “the laws of the "
        "universe will appear less complex. . . .”"
    ),
    '"Bohr [...] used the analogy of parallel stairways [...]" (Smith 55).',
    (
        "If words are left off at the end of a sentence, and that is all that "
        "is omitted, indicate the omission with ellipsis marks (preceded and "
        "followed by spaces) and then indicate the end of the sentence with a "
        "period . . . .| Next sentence."
    ),
    "I never meant that....| She left the store.",
    (
        "I wasn’t really ... well, what I mean...see . . . what I'm saying, the"
        " thing is . . . I didn’t mean it."
    ),
    (
        "One further habit which was somewhat weakened . . . was that of "
        "combining words into self-interpreting compounds.| . . . The practice "
        "was not abandoned. . . ."
    ),
]
OTHERS = [
    ("en", "See Fig. 2 and Eqs. 3 to 5.| Then vol. 4, pp. 7 to 9 of Ch. 12."),
    ("en", "Dr. Smith met Prof. Jones.| They spoke, e.g. about Sec. 3 of the law."),
    ("en", "It ended with a note.| Then the text went on."),
    ("en", "The mark was lost.|Then the text went on."),
    ("de", "Das kostet z.B. 3 Euro.| Dr. Müller kam am 3. Mai.| Siehe Abb. 3 dort."),
    ("fr", "Bonjour M. Dupont.| Comment allez-vous ?| Très bien."),
    ("es", "¿Cómo está?| Vive en la pág. 3 del libro.| Adiós."),
    ("ru", "Он пришёл домой.| Было поздно."),
    ("ar", "مرحبا بالعالم.| كيف حالك؟| أنا بخير."),
    ("hi", "यह एक वाक्य है।| यह दूसरा है।"),
    ("ja", "今日は晴れです。|明日は雨でしょう。"),
    ("zh", "今天天气很好。|明天会下雨吗？|不会。"),
    ("ko", "안녕하세요.| 저는 학생입니다."),
    ("xx", "No language at all.| Still two sentences."),
]


def found(marked: str, language: str) -> tuple[list[int], list[int]]:
    """Return where sentences should begin and where they are said to."""
    parts = marked.split("|")
    text, wanted, at = "".join(parts), [], 0
    for part, following in pairwise(parts):
        at += len(part)
        wanted.append(at + len(following) - len(following.lstrip()))
    return wanted, FINDER.starts([text], language=language)[0]


def test_the_golden_rules_number_48():
    assert len(GOLDEN_RULES) == 48


@pytest.mark.parametrize("rule", GOLDEN_RULES)
def test_the_golden_rules_of_english_are_met(rule):
    wanted, starts = found(rule, "en")

    assert starts == wanted


@pytest.mark.parametrize(("language", "marked"), OTHERS)
def test_other_languages_and_abbreviations_are_met(language, marked):
    wanted, starts = found(marked, language)

    assert starts == wanted


def test_many_texts_are_answered_in_their_order():
    answers = FINDER.starts(["One. Two.", "", "One only", "A. b. C."], language="en")

    assert answers[:3] == [[5], [], []]
    assert len(answers) == 4


def test_long_quoted_speech_is_cut_inside():
    speech = "“" + prose(1, sentences=8) + "” he said."
    starts = FINDER.starts([speech], language="en")[0]

    assert len(starts) >= 6


def test_short_quoted_speech_stays_whole():
    assert FINDER.starts(["“Go. Now. At once.” he said."], language="en") == [[]]


def seconds(text: str) -> float:
    began = time.process_time()
    FINDER.starts([text], language="en")
    return time.process_time() - began


QUOTED = "“" + prose(1, sentences=2400).replace(". ", ".” “") + "”"


@pytest.mark.parametrize(
    "text",
    [prose(1, sentences=2400), QUOTED, "a" * 100_000, "“x " * 30_000, "1. " * 9_000],
    ids=["plain", "quoted", "one word", "never closed", "labels"],
)
def test_a_single_paragraph_of_100_kb_takes_linear_time(text):
    for _ in range(4):  # other programs take time, too: one good measure is enough
        once = min(seconds(text) for _ in range(2))
        if seconds(text * 2) < 2.5 * max(once, 0.004):
            return
    pytest.fail("Twice the text takes more than 2.5 times as long.")
