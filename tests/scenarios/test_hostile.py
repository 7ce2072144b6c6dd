"""Files that were made to do harm are taken in while somebody listens."""

import time

import pytest

from tests.support.handing_in import outcome, settled
from tests.support.listener import Person
from tests.support.product import Product
from tests.support.samples import FOLDER

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

BOOK = "Nobody on the wall spoke of the winter. The boats turned in the tide.\n\n" * 400
FOLDERS = ("hostile", "encrypted", "xfa")


def test_hostile_files_end_and_nobody_who_listens_notices(
    chromium, product: Product, tmp_path
):
    if not FOLDER.exists():
        pytest.skip("no sample documents here")
    (tmp_path / "winter.txt").write_text(BOOK)
    context = chromium.new_context()
    person = Person(context.new_page(), product.address)
    person.opens_the_library()
    taken = outcome(product.address, tmp_path / "winter.txt")
    assert settled(product.address, taken["document"]["id"])["state"] == "ready"
    starts_listening(person, taken["document"]["id"])

    heard_from = person.engine("index")
    ends, silent_seconds = hand_in_everything(person, product.address)
    heard_to = person.engine("index")
    context.close()

    assert set(ends.values()) <= {"ready", "failed", "refused"}, ends
    assert heard_to > heard_from
    assert silent_seconds < 1.0


def starts_listening(person: Person, document: str) -> None:
    """Open a document by its address and play it."""
    person.page.goto(f"{person.address}/listen?document={document}")
    person.waits_for(f"engine?.document?.id === '{document}'", seconds=40)
    person.page.locator("[data-block]").first.wait_for(timeout=90_000)
    person.presses("Space")
    person.hears()
    person.page.evaluate(
        """() => { window.silentMs = 0; setInterval(() => {
             if (window.__lectern.state === 'waiting') window.silentMs += 100;
        }, 100); }"""
    )


def hand_in_everything(person: Person, address: str) -> tuple[dict[str, str], float]:
    """Upload every hostile file at once; return how each ended, and the silence."""
    ends: dict[str, str] = {}
    waiting: dict[str, str] = {}
    for folder in FOLDERS:
        for path in sorted((FOLDER / folder).iterdir()):
            taken = outcome(address, path)
            if "document" in taken:
                waiting[path.name] = taken["document"]["id"]
            else:
                ends[path.name] = "refused" if taken.get("code") else str(taken)
    for name, document in waiting.items():
        ends[name] = str(settled(address, document)["state"])
        time.sleep(0.05)
    return ends, float(person.page.evaluate("window.silentMs")) / 1000
