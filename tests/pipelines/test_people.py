"""Whoever has the machine decides who may come in."""

import pytest

from lectern.accounts.people import LOCAL, Role
from lectern.errors import InvalidRequest, NotFound, WeakPassword
from lectern.settings import Settings
from pipelines import people
from resources.services import Services
from tests.support.accounts import with_accounts
from tests.support.stores import add_document


@pytest.fixture
def many(settings: Settings) -> Settings:
    """Return settings of an installation that was one person's, with a document."""
    services = Services.open(settings)
    add_document(services, "A text.")
    services.close()
    return with_accounts(settings)


def add(settings: Settings, email: str, role: Role, **more: object) -> list[str]:
    """Add somebody as the command does."""
    rest = {"name": "", "password": None, "takes_library": True} | more
    return people.add(settings, email, role=role, **rest)


def test_the_first_operator_takes_over_what_was_there(many: Settings):
    first = add(many, "chief@example.org", Role.OPERATOR)
    second = add(many, "other@example.org", Role.OPERATOR)

    services = Services.open(many)
    assert services.people.by_email("chief@example.org").principal == LOCAL
    assert services.people.by_email("other@example.org").principal != LOCAL
    assert "theirs" in first[1]
    assert first[-1].startswith("http://127.0.0.1:8710/welcome?key=")
    assert len(second) == 3
    key = first[-1].partition("key=")[2]
    assert services.accounts().links.told_by(key).owner_id == LOCAL.owner_id
    services.close()


def test_people_are_listed_kept_out_and_let_in(many: Settings):
    assert "--operator" in people.listed(many)[0]
    add(many, "chief@example.org", Role.OPERATOR, takes_library=False)
    add(many, "anna@example.org", Role.USER, password="a lamp beside the harbour")

    people.disable(many, "ANNA@example.org")
    assert [line for line in people.listed(many) if "kept out" in line]
    people.enable(many, "anna@example.org")
    assert not [line for line in people.listed(many) if "kept out" in line]
    people.set_role(many, "anna@example.org", Role.OPERATOR)
    people.disable(many, "chief@example.org")
    with pytest.raises(InvalidRequest, match="only operator"):
        people.disable(many, "anna@example.org")
    with pytest.raises(NotFound):
        people.reset(many, "nobody@example.org")
    with pytest.raises(WeakPassword):
        add(many, "berta@example.org", Role.USER, password="password")


def test_without_accounts_it_says_how_to_have_them(settings: Settings):
    assert "LECTERN_ACCOUNTS__MODE=multi" in add(settings, "a@b.cd", Role.USER)[-1]
