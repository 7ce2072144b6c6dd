"""A voice is found, made, heard, used, shared, taken away and taken back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from lectern.accounts.people import LOCAL
from lectern.errors import NotFound, UnknownVoice
from tests.support.stores import OTHER
from tests.support.voice_product import VoiceApp, running_voice_app
from tests.support.voices import add_voice

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PREVIEW = "window.__lecternPreview"
ENGINE = "window.__lectern"


@pytest.fixture
def voice_app(tmp_path: Path) -> Iterator[VoiceApp]:
    """Run the web app with an engine that mixes."""
    with running_voice_app(tmp_path / "data") as running:
        yield running


def test_a_voice_is_made_used_shared_and_taken_back(
    chromium: Any, voice_app: VoiceApp, tmp_path: Path
):
    context = chromium.new_context(locale="en-GB", accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(90_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{voice_app.address}/voices")

    hears_a_voice_that_was_searched_for(page)
    mixes_a_voice_by_ear(page)
    has_no_barriers(page)
    reads_a_document_with_it(page, voice_app)
    exported = takes_it_away(page, voice_app, tmp_path)
    somebody_else_imports_it(voice_app, exported)
    shares_it_by_link_and_takes_that_back(page, voice_app)
    deletes_it_and_thinks_again(page)
    accepts_what_is_shared(page, voice_app)
    assert errors == []
    context.close()


def row(page: Any, name: str) -> Any:
    return page.locator("li.row", has=page.get_by_text(name, exact=True)).first


def is_heard(page: Any) -> None:
    """Wait until the preview's sound really goes on."""
    page.wait_for_function(
        f"{PREVIEW}.audio.currentTime > 0.2 && !{PREVIEW}.audio.paused"
    )


def hears_a_voice_that_was_searched_for(page: Any) -> None:
    page.get_by_role("searchbox").fill("german espeak female 3")
    page.get_by_role("button", name="Hear German, Female 3").click()
    is_heard(page)
    page.get_by_role("button", name="Stop German, Female 3").click()
    page.wait_for_function(f"{PREVIEW}.audio.paused")
    page.get_by_role("searchbox").fill("")


def mixes_a_voice_by_ear(page: Any) -> None:
    page.get_by_role("button", name="Make a voice", exact=True).click()
    first = page.get_by_role("slider").first
    first.fill("90")  # moved, and heard without another press
    is_heard(page)
    page.get_by_label("Name", exact=True).fill("Harbour voice")
    page.get_by_role("button", name="Save", exact=True).click()
    row(page, "Harbour voice").wait_for()
    [slider] = [row(page, "Harbour voice").get_by_text("Mix ·")]
    assert "English" in slider.inner_text()


def has_no_barriers(page: Any) -> None:
    """The page and its dialogs meet WCAG AA as far as a program can tell."""
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)
        for dialog in (None, "Make a voice"):
            if dialog:
                page.get_by_role("button", name=dialog, exact=True).click()
            found = Axe().run(page, options=rules).response["violations"]
            mine = [
                (one["id"], node["target"])
                for one in found
                for node in one["nodes"]
                if any(isinstance(part, list) for part in node["target"])
            ]
            assert mine == []
            if dialog:
                page.get_by_role("button", name="Cancel").click()
    page.emulate_media(color_scheme="light")


def reads_a_document_with_it(page: Any, app: VoiceApp) -> None:
    [document] = app.services.catalog.documents(LOCAL)
    page.goto(f"{app.address}/listen?document={document.id}")
    page.get_by_role("button", name="Voice", exact=True).click()
    page.get_by_role("combobox", name="Voice").click()
    options = page.get_by_role("option")
    options.first.wait_for()
    assert "Harbour voice" in options.first.inner_text()  # own ones come first
    options.first.click()
    page.wait_for_function(f"{ENGINE}?.document?.voice?.startsWith('custom:')")
    page.keyboard.press("Escape")
    page.evaluate(f"{ENGINE}.play()")
    page.wait_for_function(f"{ENGINE}.state === 'playing' && {ENGINE}.index >= 1")
    page.evaluate(f"{ENGINE}.pause()")
    [voice] = app.services.voices.all(LOCAL)
    assert app.services.variants.keys_of(
        document.principal, document.id, voice.voice_id
    )


def takes_it_away(page: Any, app: VoiceApp, folder: Path) -> bytes:
    page.goto(f"{app.address}/voices")
    more(page, "Harbour voice", "Export", download=folder / "voice.lecternvoice")
    return (folder / "voice.lecternvoice").read_bytes()


def more(page: Any, name: str, act: str, *, download: Path | None = None) -> None:
    page.get_by_role("button", name=f"More for {name}").click()
    chosen = page.get_by_role("button", name=act, exact=True)
    if download is None:
        chosen.click()
        return
    with page.expect_download() as waiting:
        chosen.click()
    waiting.value.save_as(download)
    assert waiting.value.suggested_filename == "harbour-voice.lecternvoice"


def somebody_else_imports_it(app: VoiceApp, exported: bytes) -> None:
    imported = app.services.voice_making().import_(OTHER, exported).voice

    [mine] = app.services.voices.all(LOCAL)
    assert imported.name == "Harbour voice"
    assert imported.recipe == mine.recipe
    assert imported.id != mine.id


def shares_it_by_link_and_takes_that_back(page: Any, app: VoiceApp) -> None:
    more(page, "Harbour voice", "Share")
    page.get_by_label("People with a link").click()
    address = page.get_by_label("Link to this voice").input_value()
    token = address.partition("#accept=")[2]
    accepted = app.services.voice_links.accept(OTHER, token)
    engines = app.services.speech_engines()
    assert engines.voice(accepted.voice_id, OTHER).name == "Harbour voice"

    page.get_by_role("button", name="Take back").click()
    page.get_by_role("button", name="Take back").wait_for(state="detached")
    page.get_by_role("button", name="Done").click()

    with pytest.raises(UnknownVoice):
        engines.voice(accepted.voice_id, OTHER)
    with pytest.raises(NotFound):
        app.services.voice_links.accept(OTHER, token)


def deletes_it_and_thinks_again(page: Any) -> None:
    more(page, "Harbour voice", "Delete")
    row(page, "Harbour voice").wait_for(state="detached")
    page.get_by_role("button", name="Undo").click()
    row(page, "Harbour voice").wait_for()


def accepts_what_is_shared(page: Any, app: VoiceApp) -> None:
    theirs = add_voice(app.services, "Neighbour", principal=OTHER)
    _link, token = app.services.voice_links.make(OTHER, theirs.id)
    page.goto(f"{app.address}/voices#accept={token}")
    page.reload()
    page.get_by_role("button", name="Accept").click()

    row(page, "Neighbour").get_by_text("Given to you").wait_for()
    assert "accept" not in page.url
