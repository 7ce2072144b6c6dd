"""What people wrote is shown letter by letter, and leads nowhere."""

import pytest

from dashboard.views.wording import plain


@pytest.mark.parametrize(
    "text", ["http://evil.example/x", "see HTTPS://evil.example", "www.evil.example"]
)
def test_a_bare_address_is_no_link(text: str) -> None:
    shown = plain(text).replace("\\", "")

    assert "://" not in shown
    assert "www." not in shown
    assert shown.replace("\u2060", "") == text


def test_markup_is_shown_as_it_is_written() -> None:
    assert plain("**b** [x](y) $z$") == r"\*\*b\*\* \[x\]\(y\) \$z\$"
