"""The main job, as a stranger does it: a scan and a book go in and are heard."""

import re
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.support.documents import scanned_two_columns, small_epub
from tests.support.listener import Person
from tests.support.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SCAN = "The Counting of the Masts"
BOOK = "The Keeper"


def words_on_page(person: Person) -> list[str]:
    """Return the texts of the blocks, in reading order."""
    return person.page.locator("[data-block]").all_inner_texts()


def test_a_stranger_hears_a_scan_and_a_book_and_loses_nothing(
    chromium, product: Product, tmp_path: Path
):
    scan = scanned_two_columns(tmp_path / "masts.pdf")
    book = small_epub(tmp_path / "keeper.epub")
    context = chromium.new_context()
    person = Person(context.new_page(), product.address)

    person.opens_the_library()
    person.waits_until_ready("Welcome to Lectern")
    person.drops(scan, book)
    hears_both_columns_in_order(person)
    place = jumps_around_in_the_book(person)
    nothing_is_asked_of_other_sites(person)
    context.close()

    context = chromium.new_context()
    person = Person(context.new_page(), product.address)
    finds_the_place_kept(person, place)
    sees_a_job_finish_whose_worker_was_killed(person, product)
    reads_true_statistics(person, product)
    context.close()


def hears_both_columns_in_order(person: Person) -> None:
    """The scan is recognised, in columns, and sounds within seconds of play."""
    person.waits_until_ready(SCAN, seconds=180)
    person.listens_to(SCAN)
    assert person.hears() < 45
    person.presses("Space")
    text = " ".join(words_on_page(person))

    assert text.index("counted the masts") < text.index("Others said that a tax")
    assert "waited all night" in " ".join(text.split())


def jumps_around_in_the_book(person: Person) -> tuple[int, str]:
    """The book sounds too; a click anywhere goes on there; return the last place."""
    person.goes_to("Library")
    person.waits_until_ready(BOOK)
    person.listens_to(BOOK)
    person.hears()
    person.waits_for("engine.word >= 4")  # a click goes on at its word: heard from here
    last = len(words_on_page(person)) - 1
    for target in (last - 1, 1, last):
        person.clicks_in_block(target)
        person.waits_for(f"engine.index === {target}")
        person.hears()
    person.waits_for(f"engine.index === {last} && engine.word >= 4")
    person.presses("Space")
    person.waits_for("engine.state === 'paused'")
    time.sleep(1)
    return last, words_on_page(person)[last]


def nothing_is_asked_of_other_sites(person: Person) -> None:
    """The browser refused nothing of ours, and refuses whatever would lead away."""
    assert person.refused_by_the_browser() == []

    person.page.evaluate(
        """async () => {
          await fetch('http://127.0.0.1:9/told').catch(() => {});
          for (const tag of ['script', 'img', 'link']) {
            const element = document.createElement(tag);
            if (tag === 'link') element.rel = 'stylesheet';
            element[tag === 'link' ? 'href' : 'src'] = 'http://127.0.0.1:9/' + tag;
            document.body.append(element);
          }
        }"""
    )
    person.page.wait_for_function("window.refused.length >= 4", timeout=60_000)
    assert {one.split()[0] for one in person.refused_by_the_browser()} == {
        "connect-src",
        "script-src-elem",
        "img-src",
        "style-src-elem",
    }


def finds_the_place_kept(person: Person, place: tuple[int, str]) -> None:
    """Another browser offers to go on, and opens the book where it was left."""
    index, text = place
    person.opens_the_library()
    person.page.get_by_role("button", name="Resume").click()
    person.waits_for("engine?.document && engine.index >= 0", seconds=90)

    assert person.engine("index") == index
    assert words_on_page(person)[index] == text


def sees_a_job_finish_whose_worker_was_killed(person: Person, product: Product) -> None:
    """A whole book is being spoken when its process is killed; it is finished."""
    document = person.engine("document.id")
    address, origin = f"{product.address}/api/documents/{document}", product.address
    httpx.post(f"{address}/render", headers={"origin": origin}).raise_for_status()
    for run in wait_for_runs(product):  # the book's, and the one that follows us
        run.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 240
    while httpx.get(f"{address}/audio.opus").status_code != 200:
        assert time.monotonic() < deadline, "the killed job was not finished"
        time.sleep(0.3)
    person.goes_to("Activity")
    # The table is painted on a canvas; its words are there for screen readers.
    done = person.page.locator("td[role=gridcell]", has_text="Done")
    done.first.wait_for(state="attached", timeout=90_000)


def wait_for_runs(product: Product) -> list:
    """Return the processes of runs, as soon as there is one."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        pools = product.processes("pipelines.worker_pool")
        runs = [p for p in pools if p.ppid() != product.supervisor.pid]
        if runs:
            return runs
        time.sleep(0.01)
    raise AssertionError("no run was started")


def reads_true_statistics(person: Person, product: Product) -> None:
    """What was heard is counted: three documents of four pages, some words of them.

    Counting is at most once a minute, so the pages may be counted before the words.
    """
    deadline = time.monotonic() + 900
    while not figure(shown := statistics_shown(person, product), "Words heard"):
        assert time.monotonic() < deadline, shown
    assert figure(shown, "Pages read in") == 4  # the sample, the scan, two chapters
    assert 1 <= figure(shown, "Words heard") < 300


def figure(shown: str, name: str) -> int:
    """Return a number of the statistics page; 0 while it is not there."""
    found = re.search(rf"{name}\s+([\d,]+)\n", shown)
    return int(found[1].replace(",", "")) if found else 0


def statistics_shown(person: Person, product: Product) -> str:
    """Return the text of the statistics page."""
    person.page.goto(f"{product.address}/stats")
    person.page.get_by_role("heading", name="Your stats").wait_for(timeout=90_000)
    person.page.wait_for_timeout(1500)
    return str(person.page.locator('[data-testid="stMain"]').inner_text())
