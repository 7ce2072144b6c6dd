"""The components in a real browser, over a server that keeps the contract."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.browser import FLAGS, chromium_path
from tests.support.component_page import DOCUMENT, Stage, served

Open = Callable[..., Any]


@pytest.fixture
def serve() -> Iterator[Callable[[Stage], Stage]]:
    """Serve a stage until the test ends."""
    with ExitStack() as stack:
        yield lambda stage: stack.enter_context(served(stage))


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Open]:
    """Open a page with components on it; fails the test on any script error."""
    errors: list[str] = []
    with ExitStack() as stack:

        def open_one(
            stage: Stage, *parts: str, width: int = 1280, **data: object
        ) -> Any:
            context = chromium.new_context(viewport={"width": width, "height": 844})
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(10_000)
            page.on("pageerror", lambda error: errors.append(str(error)))
            show(page, stage, *(parts or ("bar", "outline", "reader")), **data)
            return page

        yield open_one
    assert errors == []


def show(page: Any, stage: Stage, *parts: str, **data: object) -> None:
    """Load the page and mount components on it."""
    page.goto(stage.base)
    page.wait_for_function("window.harnessReady")
    for part in parts:
        given = {"document": DOCUMENT, **data} if part == "reader" else data
        page.evaluate("([name, data]) => mount(name, data)", [part, given])
    if "reader" in parts and stage.blocks and stage.state == "ready":
        page.wait_for_function("__lectern.document !== null")
        # Text in its own face: lines no longer move under the pointer.
        page.evaluate(
            "new Promise(requestAnimationFrame).then(() => document.fonts.ready)"
        )


@pytest.fixture
def strict_chromium(chromium: Any) -> Iterator[Any]:
    """Yield a Chromium that lets a page sound only after a touch, as people's do."""
    flags = [flag for flag in FLAGS if not flag.startswith("--autoplay-policy")]
    flags.append("--autoplay-policy=user-gesture-required")
    kind = chromium.browser_type
    running = kind.launch(executable_path=chromium_path(), args=flags)
    yield running
    running.close()
