"""An e-mail address is one person's, however they write it."""

import pytest

from lectern.accounts.people import checked_email, email_key
from lectern.errors import InvalidRequest


@pytest.mark.parametrize(
    "email",
    [
        *("", "anna", "anna@", "@example.org", "a b@c.de", "a@b", "a@b@c.de", "a@b..c"),
        *("a@example.org>", "a,b@c.de", "x" * 250 + "@a.bc", "a@b.c\nBcc: d@e.fg"),
    ],
)
def test_what_is_no_address_is_refused(email: str):
    with pytest.raises(InvalidRequest):
        checked_email(email)


@pytest.mark.parametrize(
    "email", ["a@b.cd", "Anna.Bee+list@mail.example.org", "jürgen@exämple.de"]
)
def test_an_address_is_kept_as_it_was_written(email: str):
    assert checked_email(f" {email}\n") == email


def test_capitals_and_wide_letters_make_no_other_person():
    assert email_key("Anna@EXAMPLE.org") == email_key("anna@example.ORG ")
    assert email_key("ａnna@example.org") == email_key("anna@example.org")
