"""The reader and the player in a browser: how long a book takes, and how even it plays.

Serves a book of 12,000 blocks to Chromium and measures, in the page, what it takes to
build the text and to obey a key press; then plays short blocks with a real clock and
measures the silence between them, how late the marked word is, and how long a click
waits for sound that is there already.

The raw baseline of the text is the least a page can do with it: one element a block,
text only, built from the same data.
"""

import statistics
import sys
from typing import Any

from tests.dashboard.components.conftest import show
from tests.dashboard.components.test_components_reader import KEY_PRESS
from tests.support.browser import browser
from tests.support.component_page import served
from tests.support.stories import long_book, story

BLOCKS = 12_000
BUILDS = 5
KEY_GOAL_MS = 16.0
PLAY_BLOCKS = 25

BUILD = """async (times) => {
  const { buildText } = await import('/assets/test/reader_text.js');
  const { document: book } = __lectern;
  const measured = (build) => Array.from({ length: times }, () => {
    const begun = performance.now(); build(); return performance.now() - begun; });
  const raw = () => {
    const fragment = document.createDocumentFragment();
    for (const block of book.blocks) {
      const node = document.createElement('p');
      node.textContent = block.t;
      fragment.append(node);
    } };
  return [measured(() => buildText(book)), measured(raw)];
}"""

OPEN = """async (data) => {
  const begun = performance.now();
  await mount('reader', data);
  await new Promise((done) => {
    const look = () => __lectern.state === 'paused'
      ? done() : requestAnimationFrame(look);
    look(); });
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""

CLICKS = """async () => {
  const waits = [];
  for (let n = 0; n < 12; n += 1) {
    const begun = performance.now();
    __lectern.jump((n % 2) * 3 + 1, { play: true });
    await new Promise((done) => {
      const stop = __lectern.on('state', () => {
        if (__lectern.state === 'playing') { stop(); done(); } }); });
    waits.push(performance.now() - begun);
    await new Promise((done) => setTimeout(done, 150));
  }
  return waits;
}"""


def tell(name: str, values: list[float], *, goal: float | None = None) -> bool:
    """Print a row: median, 95th percentile, worst; return whether the goal is met."""
    ordered = sorted(values)
    middle = statistics.median(ordered)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    wanted = f"  goal {goal:g}" if goal is not None else ""
    print(
        f"{name:42} p50 {middle:7.1f}  p95 {p95:7.1f}  max {ordered[-1]:7.1f}{wanted}"
    )
    return goal is None or middle <= goal


def measure_book(running: Any) -> bool:
    """Open a long book, build its text again and again, and press keys in it."""
    with served(long_book(count=BLOCKS)) as stage:
        page = running.new_page(viewport={"width": 1440, "height": 900})
        show(page, stage, "bar", "outline")
        data = {"document": "doc-1"}
        print(f"{BLOCKS:,} blocks, milliseconds")
        tell("open: manifest, text, first paint", [page.evaluate(OPEN, data)])
        ours, raw = page.evaluate(BUILD, BUILDS)
        tell("build the text", ours)
        tell("raw: one paragraph a block", raw)
        met = tell(
            "key press: handler + next frame",
            page.evaluate(KEY_PRESS),
            goal=KEY_GOAL_MS,
        )
        page.close()
    return met


def measure_playing(running: Any) -> None:
    """Play a story through and read the engine's own trace."""
    stage = story(count=PLAY_BLOCKS, words=6)
    stage.voice()
    with served(stage):
        page = running.new_page(viewport={"width": 1440, "height": 900})
        show(page, stage, "bar", "reader")
        page.wait_for_function("__lectern.playback.sounds.has('key4')")
        tell("click to sound, fetched ahead", page.evaluate(CLICKS))
        page.evaluate("__lectern.jump(0, { play: true })")
        page.evaluate(
            """() => { window.lags = []; __lectern.on('word', () => {
              const { words } = __lectern.deck.sound ?? {};
              if (words && __lectern.word > 0) lags.push(
                __lectern.deck.positionMs - words.startsMs[__lectern.word]); }) }"""
        )
        page.wait_for_function("__lectern.state === 'ended'", timeout=60_000)
        trace = page.evaluate("__lectern.trace.filter(e => e.event === 'sounding')")
        tell("gap between blocks (negative: overlap)", _gaps(trace))
        tell("marked word behind the audio clock", page.evaluate("lags"))
        page.close()


def _gaps(trace: list[dict[str, Any]]) -> list[float]:
    return [entry["gap"] for entry in trace if entry["gap"] is not None]


def main() -> int:
    """Measure both; 1 when the goal is missed."""
    with browser() as running:
        met = measure_book(running)
        measure_playing(running)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
