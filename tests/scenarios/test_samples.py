"""Real documents through the web app: each ends in sound, or in a reason.

Slow: every sample is uploaded by a browser, recognised and heard.
"""

import json
from pathlib import Path

import pytest

from tests.support.handing_in import outcome, settled
from tests.support.listener import Person
from tests.support.product import Product
from tests.support.samples import FOLDER

pytestmark = [pytest.mark.browser, pytest.mark.drill, pytest.mark.timeout(1800)]

UNREADABLE = {
    "droste.zip": "unsupported_format",
    "invalid.pdf": "damaged_file",
    "random.bin": "unsupported_format",
    "testODTnotaZipFile.odt": "damaged_file",
    "fake.doc": "legacy_format",
    "password.pdf": "password_protected",
    "libreoffice-writer-password.pdf": "password_protected",
}
MAY_BE_EMPTY = {"hugemono.pdf", "enormous.pdf", "failure-after-repair.pdf"}


def sample_files() -> list[Path]:
    """Return every sample that is a document."""
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    return [path for path in files if path.name != "MANIFEST.md"]


def test_every_sample_is_heard_or_refused_with_a_reason(
    chromium, product: Product, tmp_path: Path
):
    if not FOLDER.exists():
        pytest.skip("no sample documents here")
    page = chromium.new_page()
    person = Person(page, product.address)
    person.opens_the_library()
    failures: dict[str, object] = {}
    for path in sample_files():
        taken = outcome(product.address, path)
        if "document" not in taken:
            if UNREADABLE.get(path.name) != taken.get("code"):
                failures[path.name] = taken
            continue
        manifest = settled(product.address, taken["document"]["id"])
        if manifest["state"] == "ready":
            try:
                hear(person, taken["document"]["id"])
            except Exception as error:  # collected: one test speaks of all samples
                failures[path.name] = str(error)[:300]
        elif path.name not in MAY_BE_EMPTY | UNREADABLE.keys():
            failures[path.name] = {k: v for k, v in manifest.items() if k != "blocks"}

    assert not failures, json.dumps(failures, indent=1, default=str)


def hear(person: Person, document: str) -> None:
    """Open a document in the reader and wait for a highlighted word."""
    person.page.goto(f"{person.address}/listen?document={document}")
    person.waits_for(f"engine?.document?.id === '{document}'", seconds=40)
    person.page.locator("[data-block]").first.wait_for(timeout=90_000)
    person.presses("Space")
    person.hears(seconds=30)
    person.presses("Space")
