"""API tokens open what they allow, until they are revoked or over."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from lectern.accounts.people import LOCAL
from lectern.accounts.tokens import Scope, new_secret, secret_digest
from lectern.errors import InvalidRequest, LimitReached, NotFound
from resources.services import Services
from resources.stores import tokens as tokens_store
from tests.support.stores import OTHER, Clock

BOTH = (Scope.SPEECH, Scope.VOICES)


def test_a_token_is_told_by_its_text_alone(timed: Services):
    token, secret = timed.tokens.make(LOCAL, name=" My  phone ", scopes=BOTH)

    found = timed.tokens.told_by(secret)

    assert found is not None
    assert (found.id, found.owner_id, found.name) == (token.id, "local", "My phone")
    assert found.scopes == {Scope.SPEECH, Scope.VOICES}
    for other in (new_secret(), secret[:-1], secret + "x", "", "lct_", "🙂" * 47):
        assert timed.tokens.told_by(other) is None


def test_the_text_of_a_token_is_kept_nowhere(services: Services):
    _, secret = services.tokens.make(LOCAL, name="phone", scopes=BOTH)

    with services.database.read() as connection:
        row = connection.execute(text("SELECT * FROM api_token")).mappings().one()

    kept = " ".join(map(str, row.values()))
    assert secret not in kept
    assert secret[10:] not in kept
    assert row["prefix"] == secret[:8]
    assert row["digest"] == secret_digest(secret)


def test_a_token_has_256_bits_of_chance():
    secrets = {new_secret() for _ in range(1000)}

    assert len(secrets) == 1000
    assert all(len(secret) == 47 and secret.startswith("lct_") for secret in secrets)


def test_a_revoked_token_opens_nothing(timed: Services):
    token, secret = timed.tokens.make(LOCAL, name="phone", scopes=BOTH)

    timed.tokens.revoke(LOCAL, token.id)

    assert timed.tokens.told_by(secret) is None
    assert timed.tokens.list(LOCAL) == []
    with pytest.raises(NotFound):
        timed.tokens.revoke(LOCAL, token.id)


def test_a_token_is_over_when_it_was_said_to_be(timed: Services, clock: Clock):
    until = clock.now + timedelta(days=1)
    _, secret = timed.tokens.make(LOCAL, name="phone", scopes=BOTH, expires_at=until)

    clock.pass_(86_399)
    assert timed.tokens.told_by(secret) is not None
    clock.pass_(1)
    assert timed.tokens.told_by(secret) is None
    with pytest.raises(InvalidRequest, match="over already"):
        timed.tokens.make(LOCAL, name="x", scopes=BOTH, expires_at=clock.now)


def test_nobody_sees_or_revokes_the_tokens_of_another(timed: Services):
    token, secret = timed.tokens.make(OTHER, name="phone", scopes=BOTH)

    assert timed.tokens.list(LOCAL) == []
    with pytest.raises(NotFound):
        timed.tokens.revoke(LOCAL, token.id)
    assert timed.tokens.told_by(secret) is not None


def test_its_last_use_is_noted_once_a_minute_at_most(timed: Services, clock: Clock):
    _, secret = timed.tokens.make(LOCAL, name="phone", scopes=BOTH)
    first = clock.now

    seen = []
    for _ in range(4):
        timed.tokens.told_by(secret)
        seen.append(timed.tokens.list(LOCAL)[0].last_used_at)
        clock.pass_(30)

    later = first + timedelta(minutes=1)
    assert seen == [first, first, later, later]


def test_a_person_has_so_many_tokens_at_most(
    timed: Services, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tokens_store, "MOST_TOKENS", 2)
    first, _ = timed.tokens.make(LOCAL, name="one", scopes=BOTH)
    timed.tokens.make(LOCAL, name="two", scopes=BOTH)

    with pytest.raises(LimitReached):
        timed.tokens.make(LOCAL, name="three", scopes=BOTH)
    timed.tokens.revoke(LOCAL, first.id)
    timed.tokens.make(LOCAL, name="three", scopes=BOTH)


@pytest.mark.parametrize(("name", "scopes"), [("  ", BOTH), ("phone", ())])
def test_a_token_needs_a_name_and_something_it_allows(
    services: Services, name: str, scopes: tuple[Scope, ...]
):
    with pytest.raises(InvalidRequest):
        services.tokens.make(LOCAL, name=name, scopes=scopes)
