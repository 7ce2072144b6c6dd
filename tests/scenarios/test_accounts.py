"""Two people share one Lectern, and an operator shows one of them the door.

The web app alone, in a real browser: a text is taken in while Dagster is away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lectern.accounts.people import LOCAL, Role
from lectern.settings import Settings
from resources import passwords
from resources.services import Services
from tests.support.product import free_port
from tests.support.proxies import running_app

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PASSWORD = "a lamp beside the harbour"
SLOW_MS = 90_000


@dataclass(frozen=True)
class Shared:
    """A running web app in which everybody signs in."""

    address: str
    services: Services


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    """Start the web app; there is an operator already."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    services = Services.open(settings)
    services.people.add(
        "chief@example.org",
        role=Role.OPERATOR,
        name="Chief",
        password_hash=passwords.hashed(PASSWORD),
    )
    port = free_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LECTERN_ACCOUNTS__MODE", "multi")
        environment.setenv("LECTERN_ACCOUNTS__SIGN_UP", "open")
        with running_app(tmp_path, port):
            yield Shared(f"http://127.0.0.1:{port}", services)
    services.close()


def signs_in(page: Any, email: str) -> None:
    """Fill in the sign-in page."""
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Library").wait_for(timeout=SLOW_MS)


def signs_up(page: Any, address: str, email: str) -> None:
    """Make an account by the pages that a stranger gets, and sign in."""
    page.goto(address)
    page.get_by_role("link", name="Make an account").click()
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_text("your account is ready").wait_for(timeout=SLOW_MS)
    signs_in(page, email)


def puts_in(page: Any, title: str) -> None:
    """Hand a text to the open page, as its own script does."""
    answer = page.evaluate(
        """async (title) => (await fetch("/api/texts", {
            method: "POST",
            headers: {"content-type": "application/json"},
            body: JSON.stringify({title, text: `${title}. The harbour lay quiet.`}),
        })).status""",
        title,
    )
    assert answer in (200, 201, 202), answer


def test_two_people_share_one_lectern(chromium, shared: Shared):
    annas, bertas = chromium.new_context(), chromium.new_context()
    anna, berta = annas.new_page(), bertas.new_page()
    trouble: list[str] = []
    anna.on("pageerror", lambda error: trouble.append(str(error)))

    signs_up(anna, shared.address, "anna@example.org")
    puts_in(anna, "Letters of Anna")
    anna.reload()
    anna.get_by_role("heading", name="Letters of Anna").wait_for(timeout=SLOW_MS)
    anna.get_by_role("button", name="Sign out").click()
    anna.get_by_text("You are signed out.").wait_for(timeout=SLOW_MS)

    signs_up(berta, shared.address, "berta@example.org")
    assert berta.get_by_role("heading", name="Letters of Anna").count() == 0
    assert berta.get_by_role("link", name="People").count() == 0

    signs_in(anna, "anna@example.org")
    anna.get_by_role("heading", name="Letters of Anna").wait_for(timeout=SLOW_MS)
    person = shared.services.people.by_email("anna@example.org")
    shared.services.people.disable(LOCAL, person.owner_id)
    # At the next press, or when the page asks by itself.
    anna.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    anna.get_by_text("You are not signed in here any more").wait_for(timeout=SLOW_MS)
    assert anna.get_by_role("heading", name="Letters of Anna").count() == 0
    berta.get_by_role("link", name="Voices").click()
    berta.get_by_role("heading", name="Voices").wait_for(timeout=SLOW_MS)
    assert trouble == []
    annas.close()
    bertas.close()
