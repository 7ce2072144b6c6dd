"""A stranger takes a book away as an audiobook."""

from pathlib import Path

import av
import pytest

from tests.support.documents import small_epub
from tests.support.listener import Person
from tests.support.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

BOOK = "The Keeper"


def test_a_book_is_taken_away_as_an_audiobook(
    chromium, product: Product, tmp_path: Path
):
    context = chromium.new_context(accept_downloads=True)
    person = Person(context.new_page(), product.address)
    person.opens_the_library()
    person.drops(small_epub(tmp_path / "keeper.epub"))
    person.waits_until_ready(BOOK)
    person.listens_to(BOOK)
    person.presses("Space")

    path = tmp_path / exports_as_m4b(person, tmp_path)

    with av.open(str(path)) as container:
        titles = [one["metadata"]["title"] for one in container.chapters()]
        kinds = [stream.type for stream in container.streams]
        assert container.metadata["title"] == BOOK
        assert sum(frame.samples for frame in container.decode(audio=0)) > 24_000 * 20
    assert path.name == f"{BOOK}.m4b"
    assert titles == ["The Lamp", "The Letter"]
    assert "video" in kinds  # the cover
    finds_it_again_under_export(person)
    context.close()


def exports_as_m4b(person: Person, folder: Path) -> str:
    """Export the open document; return the name of the file that was downloaded."""
    page = person.page
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Audio, book or subtitles").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("ready in about").wait_for(timeout=90_000)
    dialog.get_by_role("button", name="Start").click()
    link = dialog.get_by_role("link", name="Download")
    link.wait_for(timeout=90_000)
    with page.expect_download(timeout=90_000) as download:
        link.click()
    name = str(download.value.suggested_filename)
    download.value.save_as(folder / name)
    return name


def finds_it_again_under_export(person: Person) -> None:
    """The file is listed with its size, and goes when it is deleted."""
    page = person.page
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached", timeout=90_000)
    page.get_by_role("button", name="Export").click()
    page.get_by_role("link", name="M4B").wait_for(timeout=90_000)
    page.locator('[class*="st-key-delete-export"] button').first.click()
    page.get_by_role("link", name="M4B").wait_for(state="detached", timeout=90_000)
