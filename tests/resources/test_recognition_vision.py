"""Vision models by OpenAI's client, against vLLM's protocol on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind, RecognitionMethod
from lectern.errors import (
    Cancelled,
    EngineUnavailable,
    TooManyFallbacks,
)
from lectern.settings import Settings
from lectern.settings import VisionServer as ServerSettings
from resources.engines.recognition.local import LocalRecogniser
from resources.engines.recognition.vision import VisionRecogniser
from resources.engines.recognition.vision_profiles import PROFILES, profile_of
from resources.engines.recognition.vision_replies import repeats_itself
from tests.support.mistral_server import numbered
from tests.support.recognising import RememberingCache
from tests.support.vision_server import Look, Reply, VisionServer, usual

FRONT = (
    "---\nprimary_language: en\nis_rotation_valid: {upright}\n"
    "rotation_correction: {turn}\nis_table: False\nis_diagram: False\n---\n"
)


@pytest.fixture
def server() -> Iterator[VisionServer]:
    """Run a vision server for one test."""
    with VisionServer().running() as running:
        yield running


@pytest.fixture
def scans(tmp_path) -> Path:
    """Return five scanned pages."""
    return numbered(tmp_path / "scans.pdf", 5)


def read(server, path, *, cache=None, progress=lambda d, t: None, more=None, **changes):
    values = {
        "address": server.address,
        "model": server.model,
        "timeout_seconds": 5,
        "retries": 0,
        **changes,
    }
    settings = Settings(_env_file=None)
    engine = VisionRecogniser(
        "ours", ServerSettings(**values), settings, LocalRecogniser(settings)
    )
    return engine.recognise(
        path,
        Format.PDF,
        cache=cache or RememberingCache(),
        progress=progress,
        **(more or {}),
    )


def words_of(page) -> str:
    return "\n".join(element.text for element in page.elements)


def test_every_page_is_shown_and_read(server, scans):
    found = read(server, scans)

    assert sorted(server.numbers()) == [1, 2, 3, 4, 5]
    assert [page.number for page in found.pages] == [1, 2, 3, 4, 5]
    for page in found.pages:
        assert f"read page {page.number} well" in words_of(page)
        assert (page.method, page.engine) == (RecognitionMethod.VISION, server.model)
    assert (found.sent_pages, len(found.replies)) == (5, 5)


def test_pages_that_read_well_here_are_not_shown(server, tmp_path):
    path = numbered(tmp_path / "mixed.pdf", 3, born_digital=frozenset({1, 3}))
    read(server, path)

    assert server.numbers() == [2]


def test_a_picture_is_as_large_as_the_model_takes(server, scans):
    server.model = "lightonai/LightOnOCR-2-1B"
    read(server, scans)

    assert {max(look.width, look.height) for look in server.looks} == {1540}
    assert {look.prompt for look in server.looks} == {""}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("PaddlePaddle/PaddleOCR-VL-1.6", "paddleocr-vl"),
        ("zai-org/GLM-OCR", "glm-ocr"),
        ("lightonai/LightOnOCR-2-1B", "lightonocr"),
        ("allenai/olmOCR-2-7B-1025-FP8", "olmocr"),
        ("deepseek-ai/DeepSeek-OCR-2", "deepseek-ocr"),
        ("rednote-hilab/dots.mocr", "dots"),
        ("rednote-hilab/dots.ocr", "dots"),
        ("ibm-granite/granite-docling-258M", "granite-docling"),
        ("Qwen/Qwen3-VL-8B-Instruct", "generic"),
    ],
)
def test_a_model_is_asked_as_its_family_expects(model, name):
    assert profile_of(model).name == name


def test_what_a_family_needs_beside_the_prompt_is_sent(server, scans):
    server.model = "deepseek-ai/DeepSeek-OCR"
    read(server, scans)
    body = server.looks[0].body

    assert body["vllm_xargs"] == {"ngram_size": 30, "window_size": 90}
    assert body["skip_special_tokens"] is False


def test_a_prompt_of_ones_own_takes_the_place_of_the_familys(server, scans):
    read(server, scans, prompt="Read this.")

    assert {look.prompt for look in server.looks} == {"Read this."}


def test_no_more_pages_at_one_time_than_allowed(server, scans):
    server.answer = lambda look: Reply(usual(look).text, seconds=0.2)
    read(server, scans, parallel_requests=2)

    assert server.most_at_once == 2


def test_a_page_seen_before_is_not_shown_again(server, scans, tmp_path):
    cache = RememberingCache()
    read(server, scans, cache=cache)
    server.looks.clear()
    found = read(server, numbered(tmp_path / "more.pdf", 6), cache=cache)

    assert server.numbers() == [6]
    assert (found.reused_pages, found.sent_pages) == (5, 1)


def test_another_prompt_is_another_reading(server, scans):
    cache = RememberingCache()
    read(server, scans, cache=cache)
    read(server, scans, cache=cache, prompt="Read this.")

    assert len(server.looks) == 10


def failing(number: int, reply: Reply, *, times: int = 99):
    """Answer badly to one page, so many times."""
    left = [times]

    def answer(look: Look) -> Reply:
        if look.number == number and left[0]:
            left[0] -= 1
            return reply
        return usual(look)

    return answer


@pytest.mark.parametrize(
    "reply",
    [
        Reply("and the sea and the sea " * 60),
        Reply("It goes on", finish="length"),
        Reply(None),
        Reply(status=400),
        Reply(status=500),
    ],
)
def test_a_bad_reply_is_asked_for_again_a_little_warmer(server, scans, reply):
    server.answer = failing(3, reply, times=2)
    found = read(server, scans)
    warmth = [look.body["temperature"] for look in server.looks if look.number == 3]

    assert warmth == [0.0, 0.2, 0.5]
    assert "read page 3 well" in words_of(found.pages[2])


def test_a_page_that_always_fails_is_read_here_and_says_so(server, scans):
    server.answer = failing(3, Reply("and the sea and the sea " * 60))
    found = read(server, scans)

    assert found.pages[2].method is not RecognitionMethod.VISION
    assert "GLM-OCR (ours) did not return this page" in found.pages[2].remarks[-1]


def test_a_document_on_which_the_model_fails_is_refused(server, scans):
    server.answer = lambda look: (
        usual(look) if look.number < 3 else Reply("x", finish="length")
    )

    with pytest.raises(TooManyFallbacks, match="2 of 5 pages"):
        read(server, scans)


def test_one_page_that_hangs_stops_no_other(server, scans):
    server.answer = failing(2, Reply("late", seconds=2), times=1)
    found = read(server, scans, timeout_seconds=0.6)

    assert "read page 2 well" in words_of(found.pages[1])


def test_a_busy_server_is_asked_again(server, scans):
    server.answer = failing(2, Reply(status=429, headers={"retry-after": "1"}), times=1)
    found = read(server, scans, retries=2)

    assert len(found.pages) == 5


def test_a_wrong_key_ends_it_at_once(server, scans):
    server.api_key = "right"
    with pytest.raises(EngineUnavailable, match="refused the key"):
        read(server, scans, api_key=SecretStr("wrong"))


def test_a_server_that_is_not_there_is_named(server, scans):
    with pytest.raises(EngineUnavailable, match="“ours” cannot be reached"):
        read(server, scans, address="http://127.0.0.1:9/v1")


def test_a_model_the_server_does_not_have_is_named(server, scans):
    with pytest.raises(EngineUnavailable, match="does not know the model"):
        read(server, scans, model="another/GLM-OCR")


def test_a_person_can_stop_it(server, scans):
    server.answer = lambda look: Reply("late", seconds=1)

    def stop(done, total):
        if server.looks:
            raise Cancelled("Stop.")

    with pytest.raises(Cancelled):
        read(server, scans, progress=stop, parallel_requests=1)
    assert len(server.looks) == 1


def test_a_page_that_lies_on_its_side_is_turned_and_asked_again(server, scans):
    server.model = "allenai/olmOCR-2-7B-1025-FP8"

    def answer(look: Look) -> Reply:
        front = FRONT.format(upright="True", turn=0)
        if look.number == 2 and not look.is_turned:
            return Reply(FRONT.format(upright="False", turn=90) + "sideways")
        return Reply(f"{front}Read upright: {look.number}.")

    server.answer = answer
    found = read(server, scans)

    assert words_of(found.pages[1]) == "Read upright: 2."
    assert found.pages[1].rotation_degrees == 90
    assert found.pages[1].width_pt > found.pages[1].height_pt
    assert server.numbers().count(2) == 2


def test_front_matter_left_out_is_a_bad_reply(server, scans):
    server.model = "allenai/olmOCR-2-7B"
    front = FRONT.format(upright="True", turn=0)
    given = []

    def answer(look: Look) -> Reply:
        given.append(look.number)
        is_first = given.count(look.number) == 1
        return Reply("Only words." if is_first else f"{front}Words.")

    server.answer = answer
    found = read(server, scans)

    assert {words_of(page) for page in found.pages} == {"Words."}
    assert len(given) == 10


def kinds_of(server, scans, text: str):
    server.answer = lambda look: Reply(text)
    found = read(server, scans, more={"only_pages": [1]})
    return [(e.kind, e.text) for e in found.pages[0].elements]


def test_docling_tags_become_kinds(server, scans):
    server.model = "ibm-granite/granite-docling-258M"
    text = (
        "<doctag><page_header><loc_1><loc_2>THE KEEPER</page_header>"
        "<section_header_level_1><loc_9>The Lamp</section_header_level_1>"
        "<text><loc_3>It was older than the tower.</text>"
        "<unordered_list><list_item><loc_4>oil</list_item>"
        "<list_item>wick</list_item></unordered_list>"
        "<otsl><ched>Year<ched>Masts<nl><fcel>1901<fcel>20<nl></otsl>"
        "<formula>E = mc^2</formula>"
        "<picture><loc_5><caption>The tower.</caption></picture>"
        "<page_footer>7</page_footer></doctag>"
    )

    assert kinds_of(server, scans, text) == [
        (BlockKind.FURNITURE, "THE KEEPER"),
        (BlockKind.HEADING, "The Lamp"),
        (BlockKind.PARAGRAPH, "It was older than the tower."),
        (BlockKind.LIST, "oil"),
        (BlockKind.LIST, "wick"),
        (BlockKind.TABLE, "Year\tMasts\n1901\t20"),
        (BlockKind.MATHS, "E = mc^2"),
        (BlockKind.CAPTION, "The tower."),
        (BlockKind.FURNITURE, "7"),
    ]


def test_grounded_markdown_loses_its_marks(server, scans):
    server.model = "deepseek-ai/DeepSeek-OCR"
    text = (
        "<|ref|>title<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\n# The Lamp\n\n"
        "<|ref|>text<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\nIt was old.\n\n"
        "<|ref|>table<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\n"
        "<table><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table>"
        "<｜end▁of▁sentence｜>"
    )

    assert kinds_of(server, scans, text) == [
        (BlockKind.HEADING, "The Lamp"),
        (BlockKind.PARAGRAPH, "It was old."),
        (BlockKind.TABLE, "a\tb\n1\t2"),
    ]


def test_a_list_of_pieces_is_read_by_category(server, scans):
    server.model = "rednote-hilab/dots.mocr"
    text = (
        '```json\n[{"bbox": [1, 2, 3, 4], "category": "Section-header", '
        '"text": "## The Lamp"}, {"category": "Footnote", "text": "1 By four men."}, '
        '{"category": "Picture"}]\n```'
    )

    assert kinds_of(server, scans, text) == [
        (BlockKind.HEADING, "The Lamp"),
        (BlockKind.FOOTNOTE, "1 By four men."),
    ]


def test_an_empty_page_is_blank(server, scans):
    assert kinds_of(server, scans, "") == []


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("no " * 100, True),
        ("The tide came in. " * 30, True),
        ("The tide came in. " * 3, False),
        ("a table | " + " | " * 200, False),
        ("." * 500, False),
        ("0" * 200, True),
        ("Row 1. Row 2. Row 3. Row 4. Row 5. Row 6. Row 7. Row 8. Row 9.", False),
    ],
)
def test_a_model_that_cannot_stop_is_noticed(text, is_so):
    assert repeats_itself(text) is is_so


def test_prices_are_the_settings():
    settings = Settings(_env_file=None)

    def price(micros):
        server = ServerSettings(
            address="http://x/v1", model="m", price_micros_per_1000_pages=micros
        )
        engine = VisionRecogniser("ours", server, settings, LocalRecogniser(settings))
        return engine.price_micros(500)

    assert (price(None), price(0), price(150_000)) == (None, 0, 75_000)


def test_a_server_may_not_take_the_name_of_another_recogniser():
    with pytest.raises(ValidationError, match="cannot be called 'local'"):
        Settings(
            _env_file=None,
            vision_servers={"local": {"address": "http://x/v1", "model": "m"}},
        )


def test_every_profile_tries_more_than_once():
    assert all(len(profile.ladder) > 2 for profile in PROFILES)
