"""A real Chromium, started the one way that works without a screen or a network."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def chromium_path() -> str | None:
    """Return the path of Chromium or Chrome, or None."""
    named = os.environ.get("TEST_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome")
    return named or next((p for n in names if (p := shutil.which(n))), None)


@contextmanager
def browser(*flags: str) -> Iterator[Any]:
    """Yield a playwright browser with more flags; skip the test where there is none."""
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=[*FLAGS, *flags]
        )
        try:
            yield running
        finally:
            running.close()
