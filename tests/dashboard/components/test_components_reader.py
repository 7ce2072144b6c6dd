"""The reader: text as in the document, a click on a word, following, and speed."""

from typing import Any

import pytest

from tests.dashboard.components.test_components_player import engine, until, wait
from tests.support.component_page import DOCUMENT
from tests.support.stories import kinds, long_book, story
from tests.support.tones import WORD_MS

pytestmark = pytest.mark.browser

ROOT = "document.querySelector('#reader').shadowRoot"


def word_box(page: Any, index: int, start: int, end: int) -> dict[str, float]:
    """Return where characters of a block stand in the window."""
    box = page.evaluate(
        f"""([i, start, end]) => {{
          const node = {ROOT}.querySelector(`[data-block="${{i}}"]`).firstChild;
          const range = document.createRange();
          range.setStart(node, start); range.setEnd(node, end);
          return range.getBoundingClientRect().toJSON(); }}""",
        [index, start, end],
    )
    assert isinstance(box, dict)
    return box


def test_a_plain_click_on_a_word_starts_there(serve, open_page) -> None:
    stage = story(count=6, words=20)
    stage.voice()
    page = open_page(serve(stage))
    at = stage.blocks[2]["t"].index("word7")
    box = word_box(page, 2, at, at + 5)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait(page, "engine.state === 'playing'")

    offset_ms = engine(page, "engine.offsetMs")
    assert engine(page, "engine.index") == 2
    assert 7 * WORD_MS <= offset_ms < 9 * WORD_MS


def test_a_click_before_the_word_times_are_known_waits_for_them(
    serve, open_page
) -> None:
    stage = serve(story(count=300, words=20))
    page = open_page(stage)
    engine(page, "engine.jump(200, { shownChar: 30, play: true })")
    wait(page, "engine.state === 'waiting'")
    stage.voice(200)

    wait(page, "engine.state === 'playing'")
    word = stage.blocks[200]["t"][:30].count(" ")
    assert engine(page, "engine.offsetMs") >= word * WORD_MS


def test_selecting_text_is_not_a_jump(serve, open_page) -> None:
    stage = story(words=20)
    page = open_page(serve(stage))
    box = word_box(page, 3, 0, 20)
    page.mouse.move(box["x"] + 2, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 8, steps=4)
    page.mouse.up()

    assert engine(page, "[engine.index, engine.wantsPlay]") == [0, False]


def test_selected_words_are_said_otherwise_and_heard(serve, open_page) -> None:
    stage = story(count=6, words=20)
    stage.voice()
    page = open_page(serve(stage))
    at = stage.blocks[2]["t"].index("word7")
    box = word_box(page, 2, at + 1, at + 3)  # a part of the word is enough
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], y, steps=3)
    page.mouse.up()
    page.get_by_role("button", name="Say it otherwise…").click()
    field = page.get_by_label("Say “word7” as")
    field.fill("")
    field.press("Enter")
    page.get_by_text("Write how it is said.").wait_for()
    field.fill("<b>seven</b>")
    page.get_by_role("button", name="Save and hear").click()

    wait(page, "engine.state === 'playing'")
    assert stage.sayings == [
        {"words": "word7", "say": "<b>seven</b>", "everywhere": False}
    ]
    assert engine(page, "engine.index") == 2
    assert not page.get_by_role("button", name="Say it otherwise…").is_visible()


def test_what_is_said_otherwise_is_marked_and_gives_way_to_links(
    serve, open_page
) -> None:
    stage = story(count=2, words=20)
    stage.blocks[1] |= {
        "t": "Nguyễn wrote it here.",
        "s": [
            [0, 6, "said", "<i>win</i>"],
            [13, 20, "said", "over there"],
            [16, 20, "link", "https://example.org"],
        ],
    }
    page = open_page(serve(stage))
    marks = page.evaluate(
        f"[...{ROOT}.querySelectorAll('.mark-said')]"
        ".map((mark) => [mark.textContent, mark.title])"
    )

    assert marks == [["Nguyễn", "Said: <i>win</i>"]]
    assert page.get_by_role("link", name="here").count() == 1


def test_hostile_text_stays_text(serve, open_page) -> None:
    page = open_page(serve(kinds()))
    text = page.locator("#reader [data-block='11']")

    assert text.inner_text() == '<img src=x onerror="window.hacked = 1">'
    assert page.evaluate("window.hacked") is None
    assert page.locator("#reader img").count() == 0


def test_every_kind_has_its_element(serve, open_page) -> None:
    page = open_page(serve(kinds()))
    reader = page.locator("#reader")

    assert reader.locator("h1").inner_text() == "Of the sea"
    assert reader.locator("p", has_text="One sentence").locator(".block").count() == 2
    assert reader.locator("[role=listitem]").count() == 2
    assert reader.locator("blockquote").inner_text() == "So it is said."
    assert reader.locator("pre code").inner_text() == "a = 1\n  b = 2"
    assert reader.locator("[dir=rtl]").get_attribute("lang") == "he"
    assert reader.locator("strong").inner_text() == "Bold"


def test_a_link_to_the_web_is_one(serve, open_page) -> None:
    stage = kinds()
    stage.blocks[4]["s"] = [[11, 15, "link", "https://example.org/"]]
    link = open_page(serve(stage)).locator("#reader a")

    assert link.get_attribute("href") == "https://example.org/"
    assert link.get_attribute("rel") == "noopener noreferrer"


def test_a_link_to_a_script_is_only_text(serve, open_page) -> None:
    page = open_page(serve(kinds()))

    assert page.locator("#reader .mark-link").inner_text() == "link"
    assert page.locator("#reader a").count() == 0


def test_what_is_not_spoken_says_why(serve, open_page) -> None:
    page = open_page(serve(kinds()))
    furniture = page.locator("#reader .furniture .block")

    reason = "Not spoken: a running head, page number or margin note"
    assert furniture.get_attribute("title") == reason
    assert furniture.get_attribute("aria-description") == reason


def test_pages_are_marked_where_they_begin(serve, open_page) -> None:
    page = open_page(serve(kinds()))
    marked = page.locator("#reader [data-page]")

    assert marked.evaluate_all("nodes => nodes.map(n => n.dataset.page)") == [
        "Page 2",
        "Page 3",
    ]


def test_the_current_passage_is_marked_for_everyone(serve, open_page) -> None:
    page = open_page(serve(story()))
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    current = page.locator("#reader [aria-current]")

    assert current.count() == 1
    assert current.get_attribute("data-block") == "2"


def test_a_long_passage_begins_below_the_tools_that_stay(serve, open_page) -> None:
    stage = story(count=6, words=900)
    stage.voice()
    page = open_page(serve(stage))
    page.evaluate(
        """() => {
          const row = document.createElement('div');
          row.style = 'position: sticky; top: 0; z-index: 10';
          row.innerHTML = '<div class="st-key-reader-tools"></div>';
          row.firstChild.style.height = '47px';
          document.querySelector('main').prepend(row); }"""
    )

    engine(page, "engine.jump(3)")

    row = "document.querySelector('.st-key-reader-tools').getBoundingClientRect()"
    block = f"{ROOT}.querySelector('[data-block=\"3\"]').getBoundingClientRect()"
    page.wait_for_function(
        f"Math.abs({block}.top - {row}.bottom) < 3 && {block}.height > innerHeight"
    )


def test_scrolling_away_detaches_and_the_pill_returns(serve, open_page) -> None:
    stage = story(count=120, words=30)
    stage.voice(0, 1, 2)
    page = open_page(serve(stage))
    page.keyboard.press("Space")
    wait(page, "engine.state === 'playing'")
    page.mouse.move(700, 300)
    page.mouse.wheel(0, 2500)
    pill = page.locator("#bar .follow")
    pill.wait_for()
    assert page.evaluate("document.querySelector('main').scrollTop") > 1500

    pill.click()
    page.wait_for_function("document.querySelector('main').scrollTop < 300")
    assert not pill.is_visible()


def test_the_page_follows_the_voice(serve, open_page) -> None:
    page = open_page(serve(story(count=400, words=30)))
    engine(page, "engine.jump(333, { play: false })")
    page.wait_for_timeout(300)
    box = page.locator("#reader .block.here").bounding_box()

    assert box is not None
    assert 100 < box["y"] < 600


def test_a_changed_policy_is_taken_over_and_the_place_kept(serve, open_page) -> None:
    stage = serve(kinds())
    page = open_page(stage)
    engine(page, "engine.jump(5, { play: false })")
    stage.blocks[6]["x"] = "list"
    engine(page, "engine.setPolicy({ list: 'skip' })")

    page.locator("#reader .item .skipped").wait_for()
    assert stage.policy == {"list": "skip"}
    assert engine(page, "engine.index") == 5


def test_the_page_may_ask_for_a_place(serve, open_page) -> None:
    page = open_page(serve(story()))
    for request in ("a", "a", "b"):
        data = {"document": DOCUMENT, "block": 4, "request": request}
        page.evaluate("data => mount('reader', data)", data)
        wait(page, "engine.index === 4")
        if request == "a":
            continue
        engine(page, "engine.jump(0, { play: false })")
    page.evaluate("data => mount('reader', data)", data)

    assert engine(page, "engine.index") == 0


KEY_PRESS = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const painted = () => new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done; port2.postMessage(0); });
  const costs = [];
  for (let n = 0; n < 30; n += 1) {
    const key = n % 10 === 9 ? 'J' : 'ArrowDown';
    const pressed = performance.now();
    dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true }));
    const handled = performance.now() - pressed;
    await frame();
    const begun = performance.now();
    await painted();
    costs.push(handled + performance.now() - begun);
    await frame(); await frame();
  }
  return costs.sort((a, b) => a - b);
}"""


def test_a_key_press_in_a_long_book_costs_less_than_a_frame(serve, open_page) -> None:
    stage = long_book()
    page = open_page(serve(stage))
    wait(page, "engine.state === 'paused'")
    page.wait_for_timeout(500)
    costs = page.evaluate(KEY_PRESS)

    assert engine(page, "engine.index") > 300
    assert costs[len(costs) // 2] <= 16


def test_a_phone_shows_all_of_it_without_scrolling_sideways(serve, open_page) -> None:
    page = open_page(serve(kinds()), width=390)
    wait(page, "engine.state === 'paused'")
    sizes = page.evaluate(
        """() => [document.documentElement.scrollWidth,
          document.querySelector('main').scrollWidth,
          Math.max(...[...document.querySelector('#bar').shadowRoot
            .querySelectorAll('button, select')]
            .map(node => node.getBoundingClientRect().right))]"""
    )

    assert all(size <= 390 for size in sizes)


@pytest.mark.parametrize("theme", ["", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_an_accessibility_checker_objects_to(
    serve, open_page, theme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    stage = kinds()
    stage.voice()
    page = open_page(serve(stage), "bar", "outline", "reader", "upload", width=width)
    page.evaluate("theme => { document.documentElement.className = theme }", theme)
    engine(page, "engine.jump(3, { play: true })")
    wait(page, "engine.state === 'playing'")
    engine(page, "engine.pause()")
    page.wait_for_timeout(300)

    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    found = Axe().run(page, options=rules).response["violations"]
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []


def test_every_button_has_a_name(serve, open_page) -> None:
    page = open_page(serve(story()))
    names = page.locator("#bar button, #outline button").evaluate_all(
        "nodes => nodes.map(n => n.getAttribute('aria-label') || n.textContent.trim())"
    )

    assert len(names) > 15
    assert all(names)


def test_another_face_and_size_need_no_new_text(serve, open_page) -> None:
    page = open_page(serve(story()))
    page.evaluate(f"window.kept = {ROOT}.querySelector('.block')")
    data = {"document": DOCUMENT, "face": "sans", "size_rem": 1.5, "width_rem": 30}
    page.evaluate("data => mount('reader', data)", data)
    until(lambda: page.locator("#reader .sans").count() == 1)

    assert page.evaluate(f"window.kept === {ROOT}.querySelector('.block')")


def test_the_passage_that_is_heard_has_no_hover_tone(serve, open_page) -> None:
    page = open_page(serve(story(count=4, words=60)))
    for index in (0, 2):
        engine(page, f"engine.jump({index}, {{ play: false }})")
        here = page.locator("#reader .block.here")
        calm = here.evaluate("node => getComputedStyle(node).backgroundColor")
        here.hover()
        hovered = here.evaluate("node => getComputedStyle(node).backgroundColor")
        assert hovered == calm == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("width", [970, 1020, 1100])
def test_a_narrow_window_keeps_the_volume(serve, open_page, width: int) -> None:
    stage = story(count=200, words=60)
    stage.voice()
    page = open_page(serve(stage), "bar", "reader", width=width)
    engine(page, "engine.jump(190, { play: false })")
    bar = page.locator("#bar .bar").bounding_box()
    volume = page.locator("#bar .volume").bounding_box()
    controls = page.locator("#bar .controls").bounding_box()
    extras = page.locator("#bar .extras").bounding_box()

    assert volume["x"] + volume["width"] <= bar["x"] + bar["width"]
    assert extras["x"] >= controls["x"] + controls["width"]
    assert page.locator("#bar .time:visible").count() == 1
    assert page.locator("#bar .title").bounding_box()["width"] >= 100
