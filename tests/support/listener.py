"""What a person does with the app, in a real browser, and what they notice."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGINE = "window.__lectern"
NOTE_REFUSALS = """
  window.refused = [];
  document.addEventListener('securitypolicyviolation', event => {
    window.refused.push(event.effectiveDirective + ' ' + event.blockedURI);
  });
"""


@dataclass
class Person:
    """Somebody in front of a page of the app."""

    page: Any  # playwright's
    address: str

    def __post_init__(self) -> None:
        """Note what the browser refuses, by the Content-Security-Policy."""
        self.page.add_init_script(NOTE_REFUSALS)

    def refused_by_the_browser(self) -> list[str]:
        """Return what it refused since the page was loaded: directive and address."""
        return list(self.page.evaluate("window.refused"))

    def opens_the_library(self) -> None:
        """Go to the first page and wait until it can be used."""
        self.page.goto(self.address)
        self.page.get_by_role("heading", name="Library").wait_for(timeout=90_000)
        self.page.locator("input[type=file]").first.wait_for(
            state="attached", timeout=90_000
        )

    def drops(self, *paths: Path) -> None:
        """Hand files to the page."""
        chooser = self.page.locator("input[type=file]").first
        chooser.set_input_files([str(path) for path in paths])

    def card(self, title: str) -> Any:
        """Return the card of a document in the library."""
        heading = self.page.get_by_role("heading", name=title, exact=True)
        return self.page.locator('[class*="st-key-card-"]').filter(has=heading)

    def waits_until_ready(self, title: str, seconds: float = 180) -> None:
        """Wait for a card to say that its document can be played."""
        badge = self.card(title).get_by_text("Ready", exact=True)
        badge.wait_for(timeout=seconds * 1000)

    def listens_to(self, title: str) -> None:
        """Open a document in the reader, where it begins to play."""
        self.card(title).get_by_role("button", name="Listen").click()
        self.page.wait_for_function(
            f"{ENGINE}?.document && {ENGINE}.state !== 'opening'", timeout=90_000
        )
        self.page.locator("[data-block]").first.wait_for(timeout=90_000)

    def goes_to(self, name: str) -> None:
        """Choose a page in the sidebar."""
        self.page.get_by_role("link", name=name).click()

    def presses(self, key: str) -> None:
        """Press a key."""
        self.page.keyboard.press(key)

    def hears(self, seconds: float = 90) -> float:
        """Wait until a word is heard and highlighted; return how long that took."""
        began = time.monotonic()
        self.page.wait_for_function(
            f"{ENGINE}.state === 'playing' && {ENGINE}.word >= 0"
            " && [...(CSS.highlights?.values() ?? [])].some(h => h.size > 0)",
            timeout=seconds * 1000,
        )
        return time.monotonic() - began

    def clicks_in_block(self, index: int) -> None:
        """Click a word in the middle of a block."""
        block = self.page.locator(f'[data-block="{index}"]')
        block.scroll_into_view_if_needed()
        block.click()

    def engine(self, expression: str) -> Any:
        """Return something the player knows, `index` for one."""
        return self.page.evaluate(f"{ENGINE}.{expression}")

    def waits_for(self, expression: str, seconds: float = 90) -> None:
        """Wait until something is true of the player."""
        self.page.wait_for_function(
            re.sub(r"\bengine\b", ENGINE, expression), timeout=seconds * 1000
        )
