"""The engine and the bar: what is heard, when, and what the server is told."""

import time
from itertools import pairwise
from typing import Any

import pytest

from tests.dashboard.components.conftest import show
from tests.support.component_page import DOCUMENT, Stage
from tests.support.stories import kinds, story
from tests.support.tones import SILENCE_MS, WORD_MS

pytestmark = pytest.mark.browser


def wait(page: Any, condition: str) -> None:
    """Wait until a condition over ``engine`` holds."""
    page.wait_for_function(
        f"(() => {{ const engine = __lectern; return {condition} }})()"
    )


def engine(page: Any, expression: str) -> Any:
    """Return an expression over ``engine``."""
    return page.evaluate(
        f"(() => {{ const engine = __lectern; return {expression} }})()"
    )


def voiced_story(**options: int) -> Stage:
    """Return a story whose blocks can all be heard."""
    stage = story(**options)
    stage.voice()
    return stage


def until(condition: Any, *, seconds: float = 60.0) -> None:
    """Wait until the server has seen something."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def test_blocks_follow_one_another_without_a_gap_and_end(serve, open_page) -> None:
    page = open_page(serve(voiced_story(count=5, words=3)))
    page.keyboard.press("Space")
    wait(page, "engine.state === 'ended'")

    heard = engine(page, "engine.trace.filter(e => e.event === 'sounding')")
    gaps = [entry["gap"] for entry in heard if entry["gap"] is not None]
    assert list(dict.fromkeys(entry["index"] for entry in heard)) == [0, 1, 2, 3, 4]
    assert len(gaps) == 4
    assert all(gap < 100 for gap in gaps)
    assert sorted(gaps)[len(gaps) // 2] < 40


def test_the_marked_word_is_the_one_that_is_heard(serve, open_page) -> None:
    page = open_page(serve(voiced_story(count=2, words=20)))
    page.evaluate(
        """() => { window.lags = []; __lectern.on('word', () => {
          const { words } = __lectern.deck.sound ?? {};
          if (words && __lectern.word > 0) lags.push(
            __lectern.deck.positionMs - words.startsMs[__lectern.word]); }) }"""
    )
    page.keyboard.press("Space")
    wait(page, "engine.index === 1")

    lags = sorted(page.evaluate("lags"))
    assert len(lags) >= 15
    assert lags[0] >= 0
    assert lags[len(lags) // 2] < 50


def test_the_highlight_covers_exactly_the_word(serve, open_page) -> None:
    page = open_page(serve(voiced_story(count=2, words=20)))
    page.keyboard.press("Space")
    wait(page, "engine.word === 3")

    marked = page.evaluate(
        "[...CSS.highlights.get('lectern-word')].map(r => r.toString())"
    )
    assert marked in (["word3"], ["word4"])


def test_skipped_blocks_are_passed_over(serve, open_page) -> None:
    stage = kinds()
    stage.voice()
    page = open_page(serve(stage))
    engine(page, "engine.setRate(3.5)")
    page.keyboard.press("Space")
    wait(page, "engine.state === 'ended'")

    heard = engine(page, "engine.trace.filter(e => e.event === 'sounding')")
    indices = dict.fromkeys(entry["index"] for entry in heard)
    assert list(indices) == [0, 2, 3, 4, 5, 6, 7, 10, 11]


def test_a_jump_to_an_unvoiced_block_sounds_when_it_is_ready(serve, open_page) -> None:
    stage = serve(story(count=300))
    stage.voice(0, 1, 2)
    page = open_page(stage)
    engine(page, "engine.jump(250, { play: true })")
    wait(page, "engine.state === 'waiting'")
    until(lambda: stage.posts[-1]["block"] == 250)
    assert page.locator("#bar .busy").count() == 1

    began = time.monotonic()
    stage.voice(250)
    wait(page, "engine.state === 'playing' && engine.index === 250")
    assert time.monotonic() - began < 1.0


def test_the_first_post_comes_before_play_is_pressed(serve, open_page) -> None:
    stage = serve(story())
    open_page(stage)
    until(lambda: len(stage.posts) > 0)

    first = stage.posts[0]
    assert (first["block"], first["playing"], first["sequence"]) == (0, False, 1)
    assert first["voice"] == "espeak:en-gb"


@pytest.mark.parametrize(("status", "is_repeated"), [(503, True), (422, False)])
def test_a_report_is_repeated_only_where_it_may_be_taken_later(
    serve, open_page, status: int, is_repeated: bool
) -> None:
    stage = serve(voiced_story())
    page = open_page(stage)
    until(lambda: len(stage.posts) > 0)
    stage.cursor_status = status
    before = len(stage.posts)
    engine(page, "engine.jump(2, { play: false })")
    until(lambda: len(stage.posts) > before)

    time.sleep(5.5)  # it is repeated after five seconds

    assert (len(stage.posts) > before + 1) is is_repeated


def test_the_place_is_kept_over_a_reload(serve, open_page) -> None:
    stage = serve(voiced_story(words=20))
    page = open_page(stage)
    engine(page, "engine.jump(3, { offsetMs: 700, play: true })")
    wait(page, "engine.state === 'playing'")
    engine(page, "engine.pause()")
    until(lambda: stage.cursor and stage.cursor["block"] == 3)
    left_at = engine(page, "engine.offsetMs")

    show(page, stage, "bar", "reader")
    wait(page, "engine.state === 'paused'")
    assert engine(page, "engine.index") == 3
    assert engine(page, "engine.offsetMs") == pytest.approx(left_at, abs=2)
    assert left_at >= 700


def test_a_newer_place_from_another_device_wins_on_return(serve, open_page) -> None:
    stage = serve(voiced_story())
    page = open_page(stage)
    until(lambda: len(stage.posts) > 0)
    stage.cursor = {
        "block": 6,
        "offset_ms": 0,
        "rate": 1,
        "voice": "",
        "updated_at": "",
    }
    page.evaluate("dispatchEvent(new Event('focus'))")

    wait(page, "engine.index === 6 && engine.state === 'paused'")


def test_backspace_returns_to_before_the_last_jump(serve, open_page) -> None:
    page = open_page(serve(voiced_story(count=20)))
    engine(page, "engine.jump(4, { offsetMs: 100, play: false })")
    engine(page, "engine.jump(15, { play: false })")
    for place in ([4, 100], [0, 0], [0, 0]):
        page.keyboard.press("Backspace")
        assert engine(page, "[engine.index, engine.offsetMs]") == place


def test_a_tab_that_only_lay_there_says_nothing_as_it_goes(serve, open_page) -> None:
    stage = serve(voiced_story())
    page = open_page(stage)
    until(lambda: len(stage.posts) == 1)
    page.wait_for_timeout(200)
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.wait_for_timeout(200)

    assert len(stage.posts) == 1


def test_every_key_does_what_the_help_says(serve, open_page) -> None:
    page = open_page(serve(voiced_story(words=30)))
    presses = {
        "ArrowDown": "engine.index === 1",
        "j": "engine.index === 2",
        "k": "engine.index === 1",
        "Shift+J": "engine.index === 4",
        "Shift+K": "engine.index === 0",
        "]": "engine.rate === 1.1",
        "[": "engine.rate === 1",
        "m": "engine.muted",
        "-": "engine.volume === 0.9 && !engine.muted",
        "l": "engine.elapsedMs >= 10000",
        "h": "engine.elapsedMs === 0",
        " ": "engine.wantsPlay",
    }
    for key, holds in presses.items():
        page.keyboard.press(key)
        wait(page, holds)
    page.keyboard.press("?")
    assert page.locator("#bar dialog[open]").count() == 1


def test_keys_stay_with_fields_and_with_other_shortcuts(serve, open_page) -> None:
    page = open_page(serve(voiced_story()))
    page.evaluate("document.body.append(document.createElement('input'))")
    page.locator("body > input").press("j")
    page.locator("body > input").press("Space")

    assert engine(page, "[engine.index, engine.wantsPlay]") == [0, False]
    page.locator("body > input").evaluate("node => node.blur()")
    page.keyboard.press("Control+ArrowDown")
    assert engine(page, "engine.index") == 0


def test_speed_keeps_pitch_and_is_remembered_for_the_document(serve, open_page) -> None:
    stage = serve(voiced_story(words=40))
    page = open_page(stage)
    page.locator("#bar select").select_option("2")
    page.keyboard.press("Space")
    wait(page, "engine.state === 'playing'")
    rates = "engine.deck.isPlaying && [engine.rate, engine.deck.rate]"
    assert engine(page, rates) == [2, 2]
    until(lambda: stage.posts[-1]["rate"] == 2)

    show(page, stage, "bar", "reader")
    wait(page, "engine.document && engine.rate === 2")


def test_what_was_heard_is_counted_and_jumps_are_not(serve, open_page) -> None:
    stage = serve(voiced_story(count=6, words=9))
    length_ms = 10 * WORD_MS + SILENCE_MS
    page = open_page(stage)
    engine(page, "engine.jump(0, { play: true })")
    wait(page, "engine.index === 1")
    engine(page, "engine.jump(5, { play: true })")
    wait(page, "engine.state === 'ended'")
    until(lambda: stage.posts[-1]["playing"] is False and len(stage.posts) > 3)

    heard_ms = sum(post["listened_ms"] for post in stage.posts)
    words = sum(post["listened_words"] for post in stage.posts)
    assert heard_ms == pytest.approx(2 * length_ms, abs=250)
    assert 20 <= words <= 22


def test_heartbeats_come_while_it_plays(serve, open_page) -> None:
    stage = serve(voiced_story(count=10, words=30))
    page = open_page(stage)
    page.keyboard.press("Space")
    until(lambda: stage.posts and stage.posts[-1]["listened_ms"] > 1000)

    assert stage.posts[-1]["playing"] is True
    assert 3500 <= stage.posts[-1]["listened_ms"] <= 6500


def test_the_server_hears_how_long_sound_was_waited_for_and_that_it_ran_out(
    serve, open_page
) -> None:
    stage = serve(story(count=4, words=4))
    stage.voice(0)
    page = open_page(stage)
    page.keyboard.press("Space")
    wait(page, "engine.state === 'waiting' && engine.index === 1")
    page.wait_for_timeout(400)  # a gap that is heard
    stage.voice(1, 2, 3)
    wait(page, "engine.state === 'ended'")
    until(lambda: stage.posts[-1]["playing"] is False and len(stage.posts) > 2)

    waits = [post["first_sound_ms"] for post in stage.posts if "first_sound_ms" in post]
    assert len(waits) == 1
    assert 0 <= waits[0] < 60_000
    assert sum(post["underruns"] for post in stage.posts) == 1


def test_the_sleep_timer_fades_and_stops(serve, open_page) -> None:
    page = open_page(serve(voiced_story(words=40)))
    page.keyboard.press("Space")
    wait(page, "engine.state === 'playing'")
    engine(page, "engine.setSleep(0.02)")
    wait(page, "engine.deck.fade < 0.5")

    wait(page, "engine.state === 'paused'")
    assert engine(page, "[engine.sleep.isSet, engine.deck.fade]") == [False, 1]


def test_the_sleep_timer_waits_for_the_end_of_the_chapter(serve, open_page) -> None:
    page = open_page(serve(voiced_story(count=4, words=4)))
    page.locator("#bar button[aria-label='Sleep timer']").click()
    page.locator("#bar .choice", has_text="End of chapter").click()
    page.keyboard.press("Space")

    wait(page, "engine.state === 'paused' && engine.index === 2")
    assert engine(page, "engine.offsetMs") == 0


def test_another_voice_goes_on_at_the_same_word(serve, open_page) -> None:
    stage = serve(voiced_story(words=30))
    page = open_page(stage)
    engine(page, "engine.jump(2, { offsetMs: 1300, play: true })")
    wait(page, "engine.state === 'playing'")
    data = {"document": DOCUMENT, "voice": "espeak:en-us"}
    page.evaluate("data => mount('reader', data)", data)

    wait(page, "engine.document.voice === 'espeak:en-us' && engine.state === 'playing'")
    assert engine(page, "engine.index") == 2
    assert engine(page, "engine.offsetMs") >= 1200
    until(lambda: stage.posts[-1]["voice"] == "espeak:en-us")


def test_a_document_being_prepared_plays_once_it_is_ready(serve, open_page) -> None:
    stage = serve(voiced_story())
    stage.state = "preparing"
    stage.progress = {"step": "Recognising pages", "message": "", "done": 3, "total": 9}
    page = open_page(stage)
    page.locator("#bar .line", has_text="Recognising pages 3 of 9").wait_for()
    page.keyboard.press("Space")

    stage.state = "ready"
    wait(page, "engine.state === 'playing'")
    assert page.locator("#reader .block").count() == 8


def test_the_place_outlasts_another_preparation(serve, open_page) -> None:
    stage = serve(voiced_story())
    stage.cursor = {
        "block": 5,
        "offset_ms": 90,
        "rate": 1,
        "voice": "",
        "updated_at": "",
    }
    stage.state = "preparing"
    page = open_page(stage)
    wait(page, "engine.state === 'preparing'")

    stage.state = "ready"
    wait(page, "engine.state === 'paused'")
    assert engine(page, "[engine.index, engine.offsetMs]") == [5, 90]


def test_play_at_the_end_begins_again(serve, open_page) -> None:
    stage = serve(voiced_story(count=2))
    stage.cursor = {
        "block": 1,
        "offset_ms": 9e6,
        "rate": 1,
        "voice": "",
        "updated_at": "",
    }
    page = open_page(stage)
    wait(page, "engine.state === 'paused' && engine.isVoiced(1)")
    page.keyboard.press("Space")

    wait(page, "engine.state === 'playing' && engine.index === 0")


def test_a_document_that_cannot_be_opened_says_why(serve, open_page) -> None:
    page = open_page(serve(voiced_story()), "bar")
    page.evaluate("mount('reader', { document: 'another' })")

    page.locator("#reader .message", has_text="is not yours").wait_for()
    assert page.locator("#bar .retry").is_visible()


def test_a_failure_is_told_in_words_and_can_be_retried(serve, open_page) -> None:
    page = open_page(serve(voiced_story(count=30)))
    page.route("**/api/audio/key25.ogg", lambda route: route.fulfill(status=410))
    engine(page, "engine.jump(25, { play: true })")
    wait(page, "engine.state === 'failed'")

    page.unroute("**/api/audio/key25.ogg")
    page.locator("#bar .retry").click()
    wait(page, "engine.state === 'playing' && engine.index === 25")


def test_sound_outlasts_the_page_it_was_started_on(serve, open_page) -> None:
    page = open_page(serve(voiced_story(count=4, words=12)))
    page.keyboard.press("Space")
    wait(page, "engine.state === 'playing'")
    page.evaluate("unmount('reader'); unmount('outline')")

    wait(page, "engine.index === 1 && engine.state === 'playing'")
    page.evaluate("data => mount('reader', data)", {"document": DOCUMENT})
    page.locator("#reader .block.here").wait_for()
    assert engine(page, "engine.state") == "playing"


def test_one_engine_even_when_loaded_under_two_addresses(serve, open_page) -> None:
    page = open_page(serve(voiced_story()))
    page.evaluate("window.first = __lectern")
    page.evaluate("mount('outline', {}, 'another')")

    assert page.evaluate("window.first === __lectern")
    assert page.locator("#outline li").count() == 2


def test_a_bookmark_is_one_press_and_leads_back(serve, open_page) -> None:
    stage = serve(voiced_story())
    page = open_page(stage)
    engine(page, "engine.jump(3, { play: false })")
    page.keyboard.press("b")
    until(lambda: [mark["block"] for mark in stage.bookmarks] == [3])
    engine(page, "engine.jump(0, { play: false })")
    page.locator("#outline .bookmarks .entry").click()

    wait(page, "engine.index === 3")
    page.locator("#outline .bookmarks .remove").click()
    until(lambda: stage.bookmarks == [])


def test_the_system_is_told_what_plays(serve, open_page) -> None:
    page = open_page(serve(voiced_story()))
    engine(page, "engine.jump(5, { play: true })")
    wait(page, "engine.state === 'playing'")

    assert page.evaluate("navigator.mediaSession.metadata.title") == "Two"
    assert page.evaluate("navigator.mediaSession.playbackState") == "playing"


def test_only_what_is_near_is_fetched(serve, open_page) -> None:
    stage = serve(voiced_story(count=120, words=2))
    page = open_page(stage)
    until(lambda: len(stage.requests) >= 8)
    engine(page, "engine.jump(100, { play: false })")
    until(lambda: "key107.ogg" in stage.requests)
    time.sleep(0.2)

    fetched = {int(name[3:-4]) for name in stage.requests}
    assert fetched == {*range(8), *range(100, 108)}


def test_outline_times_and_marks_follow_the_voice(serve, open_page) -> None:
    stage = serve(voiced_story(count=8, words=9))
    page = open_page(stage)
    engine(page, "engine.jump(6, { play: false })")
    current = page.locator("#outline [aria-current]")
    current.wait_for()

    assert "Two" in current.inner_text()
    page.locator("#outline .entry", has_text="One").click()
    wait(page, "engine.index === 0 && engine.wantsPlay")


def test_the_track_shows_what_can_be_heard(serve, open_page) -> None:
    stage = serve(story())
    page = open_page(stage)
    path = "document.querySelector('#bar').shadowRoot.querySelector('.voiced')"
    assert page.evaluate(f"{path}.getAttribute('d')") in (None, "")
    stage.voice(0, 1, 5)

    page.wait_for_function(f"({path}.getAttribute('d').match(/M/g) ?? []).length === 2")


def test_posts_of_a_session_are_numbered_in_order(serve, open_page) -> None:
    stage = serve(voiced_story())
    page = open_page(stage)
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    until(lambda: stage.posts[-1]["block"] == 5)

    numbers = [post["sequence"] for post in stage.posts]
    assert all(later > earlier for earlier, later in pairwise(numbers))
    assert len({post["session"] for post in stage.posts}) == 1


BAR_TIME = "document.querySelector('#bar').shadowRoot.querySelector('.time')"
CHAPTER_TIMES = (
    "[...document.querySelector('#outline').shadowRoot"
    ".querySelectorAll('.chapters .time')].map(node => node.textContent)"
)


@pytest.mark.parametrize("rate", [1, 2])
def test_bar_and_outline_agree_when_blocks_are_voiced(serve, open_page, rate) -> None:
    stage = serve(story(count=8, words=60))
    page = open_page(stage)
    engine(page, f"[engine.setRate({rate}), engine.jump(4, {{ play: false }})]")
    estimated = page.evaluate(f"{BAR_TIME}.textContent")
    stage.voice()
    page.wait_for_function(f"{BAR_TIME}.textContent !== '{estimated}'")

    per_block = 61 * WORD_MS + SILENCE_MS
    start, total = round(4 * per_block / 1000), round(8 * per_block / 1000)
    left = int((total - start) / rate + 0.5)
    shown = f"0:{start} · −0:{left}"
    assert page.evaluate(f"{BAR_TIME}.textContent") == shown
    assert page.evaluate(CHAPTER_TIMES) == ["0:00", f"0:{start}"]


@pytest.fixture
def two_tabs(serve, open_page) -> tuple[Any, Any]:
    """Return two tabs of one browser that show the same document."""
    stage = serve(voiced_story(count=10, words=40))
    first = open_page(stage)
    second = first.context.new_page()
    show(second, stage, "bar", "outline", "reader")
    return first, second


def test_the_tab_that_begins_to_play_silences_the_others(two_tabs) -> None:
    first, second = two_tabs
    engine(first, "engine.play()")
    wait(first, "engine.state === 'playing'")
    engine(second, "engine.jump(5, { play: true })")
    wait(second, "engine.state === 'playing'")

    wait(first, "engine.state === 'paused' && !engine.deck.isPlaying")
    first.locator("#bar .line", has_text="Playing in another tab").wait_for()
    assert engine(second, "engine.state") == "playing"
    engine(first, "engine.play()")
    wait(second, "engine.state === 'paused'")
    wait(first, "engine.state === 'playing'")


def test_a_silenced_tab_says_no_more_when_the_other_stops(two_tabs) -> None:
    first, second = two_tabs
    for page in (first, second):
        engine(page, "engine.play()")
        wait(page, "engine.state === 'playing'")
    wait(first, "engine.otherTabs.areSounding")
    second.close()

    wait(first, "!engine.otherTabs.areSounding")
    assert engine(first, "engine.state") == "paused"


def mount_reader(page: Any, **data: object) -> None:
    """Give the reader new data, as a rerun of the page does."""
    page.evaluate("data => mount('reader', data)", {"document": DOCUMENT, **data})


def test_a_press_of_listen_plays_once_and_never_again(serve, open_page) -> None:
    stage = serve(voiced_story(words=40))
    page = open_page(stage, play="press-1")
    wait(page, "engine.state === 'playing'")
    engine(page, "engine.pause()")
    mount_reader(page, play="press-1")
    page.evaluate("unmount('reader')")
    mount_reader(page, play="press-1")
    show(page, stage, "bar", "reader", play="press-1")
    page.wait_for_timeout(300)
    assert engine(page, "[engine.state, engine.wantsPlay]") == ["paused", False]

    mount_reader(page, play="press-2")
    wait(page, "engine.state === 'playing'")


def test_a_press_of_listen_waits_for_the_preparation(serve, open_page) -> None:
    stage = serve(voiced_story(words=40))
    stage.state = "preparing"
    page = open_page(stage, play="press-1")
    wait(page, "engine.state === 'preparing'")
    mount_reader(page, play="")

    stage.state = "ready"
    wait(page, "engine.state === 'playing'")


def test_a_press_of_listen_outlasts_a_rerun_while_it_opens(serve, open_page) -> None:
    stage = serve(voiced_story(words=40))
    page = open_page(stage, "bar")
    page.evaluate(
        """async (data) => { await mount('reader', data);
          await mount('reader', { ...data, play: '' }); }""",
        {"document": DOCUMENT, "play": "press-1"},
    )

    wait(page, "engine.state === 'playing'")


# Playwright's own calls count as touches, so the page has to do it alone.
MOUNT_BY_ITSELF = f"""addEventListener('load', async () => {{
  await mount('bar');
  await mount('reader', {{ document: '{DOCUMENT}', play: 'press-1' }}); }})"""


def test_without_a_touch_the_browser_refuses_and_the_bar_says_so(
    serve, open_page, strict_chromium
) -> None:
    stage = serve(voiced_story(words=40))
    page = strict_chromium.new_page()
    page.add_init_script(MOUNT_BY_ITSELF)
    page.goto(stage.base)
    page.wait_for_timeout(1500)
    page.locator("#bar .line", has_text="only after a touch").wait_for()
    assert engine(page, "[engine.state, engine.wantsPlay]") == ["paused", False]

    page.locator("#bar button[aria-label=Play]").click()
    wait(page, "engine.index === 1 && engine.state === 'playing'")
