"""What is shown of a log holds no secret and no folder, whatever a program wrote."""

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from lectern.accounts.elsewhere import OidcProvider, ProxySignIn
from lectern.accounts.tokens import new_secret
from lectern.operations.redaction import HIDDEN, Redactor, secrets_in
from lectern.settings import Settings, SpeechServer, VisionServer

SECRET = "s3cret/of &the\\house"
ROOT = "/srv/a b/lectern data"


ENTRIES: dict[str, type[BaseModel]] = {
    "speech_servers": SpeechServer,
    "vision_servers": VisionServer,
    "oidc": OidcProvider,
    "proxy": ProxySignIn,
}
"""What settings hold that are empty without a configuration."""


def secret_fields(model: type[BaseModel], *above: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of every setting that holds a secret, by its type."""
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        kinds = [kind, *getattr(kind, "__args__", ())]
        if SecretStr in kinds:
            yield *above, name
        for inner in kinds:
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from secret_fields(inner, *above, name)


def with_secret(path: tuple[str, ...]) -> Settings:
    """Return settings with one secret, past what would refuse its form."""
    settings = Settings(_env_file=None)
    changed: Any = SecretStr(SECRET)
    owners: list[BaseModel] = [settings]
    for name in path[:-1]:
        value = getattr(owners[-1], name)
        if isinstance(value, dict):
            value = ENTRIES[name].model_construct(
                **dict.fromkeys(("address", "model", "issuer", "client_id"), "a")
            )
        elif value is None:
            value = ENTRIES[name].model_construct()
        owners.append(value)
    for owner, name in zip(reversed(owners), reversed(path), strict=True):
        if isinstance(getattr(owner, name, None), dict):
            changed = {"one": changed}
        changed = owner.model_copy(update={name: changed})
    return changed


PATHS = list(secret_fields(Settings))


def test_there_are_secret_settings_to_look_at() -> None:
    found = {".".join(path) for path in PATHS}
    assert {"broker_url", "mistral.api_key", "speech_servers.api_key"} <= found


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_every_secret_setting_is_taken_out(path: tuple[str, ...]) -> None:
    settings = with_secret(path)
    assert SECRET in secrets_in(settings)
    redactor = Redactor.of(settings)

    for written in (SECRET, quote(SECRET, safe=""), json.dumps(SECRET)):
        line = redactor.redact(f"Refused: {written} is wrong")
        assert line.replace('"', "") == f"Refused: {HIDDEN} is wrong"


SECRETS = (
    st.text(
        st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=4, max_size=30
    )
    .map(str.strip)
    .filter(lambda secret: len(secret) >= 4 and "\x85" not in secret)
)


@given(secret=SECRETS, before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_secret_is_shown_in_no_text(secret: str, before: str, after: str) -> None:
    redactor = Redactor(secrets=[secret], folders=[ROOT])

    shown = redactor.redact(f"{before}{secret}{after}{ROOT}/x.pdf{quote(secret)}")

    assert secret not in shown
    assert ROOT not in shown
    assert redactor.redact(shown) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Authorization: Bearer abc.def-1", f"Authorization: Bearer {HIDDEN}"),
        ('{"api_key": "abc123"}', f'{{"api_key": "{HIDDEN}"}}'),
        ("password=hunter2&user=me", f"password={HIDDEN}&user=me"),
        ("at redis://u:p4ss@host:6379/0", f"at redis://{HIDDEN}@host:6379/0"),
        ("postgresql://u:p@h/db", f"postgresql://{HIDDEN}@h/db"),
        ("key sk-abcdefghijklmnopqrstu", f"key {HIDDEN}"),
        ('File "/usr/lib/python3/x.py", line 3', 'File "…/x.py", line 3'),
        (f"open {ROOT}/blobs/ab/cd: no", "open …/blobs/ab/cd: no"),
        ("file:///home/me/book.pdf", "file://…/book.pdf"),
        ("see https://example.org/a/b?c=1 and 3/4", None),
        ("and/or, 24/7, /v1", None),
        ("Recognised 12 pages in 340 ms.", None),
    ],
)
def test_what_looks_like_a_secret_or_a_path_is_taken_out(
    written: str, shown: str | None
) -> None:
    assert Redactor(folders=[ROOT]).redact(written) == (shown or written)


def test_our_tokens_and_the_environments_secrets_are_taken_out() -> None:
    token = new_secret()
    environment = {"AWS_SECRET_ACCESS_KEY": "wJalrXUtn", "LANG": "C.UTF-8"}
    redactor = Redactor.of(Settings(_env_file=None), environment)

    line = redactor.redact(f"used {token} with wJalrXUtn in C.UTF-8 under {os.sep}")

    assert line == f"used {HIDDEN} with {HIDDEN} in C.UTF-8 under /"
