"""Taking out of a text what its reader must not see: secrets, tokens, folders.

Pure. One ``Redactor`` serves everything that is shown of what programs wrote: job logs
above all. What is taken out is marked, never guessed back.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from lectern.accounts.tokens import SHAPE
from lectern.settings import Settings

HIDDEN = "•••"
SHORTENED = "…"
SECRET_CHARS = 4
"""A shorter value is no secret: it would be taken out of every word."""
TELLING = re.compile(r"(?i)(key|token|secret|passw|credential)")
"""What names an environment variable whose value is not shown."""

_NAMED = re.compile(
    r"""(?ix) (
        \b (?: authorization | (?:x-)? api[_-]?key | cookie
             | [\w-]{0,40} (?: token | secret | passw(?:or)?d ) )
           ["']? \s{0,9} [:=] \s{0,9} ["']? (?: (?: bearer | basic ) \s{1,9} )?
        | \b bearer \s{1,9}
    ) (?! •) [^\s"',;&}{]+"""
)
_IN_URL = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)[^/\s@]+@")
_TOKENS = re.compile(rf"{SHAPE.pattern}|\bsk-[A-Za-z0-9_-]{{16,}}|\beyJ[\w-]+\.[\w.-]+")
_NAME = r"[^\s/'\"<>|:;,()\[\]{}*?]"
_PATH = re.compile(rf"(?:(?<=://)|(?<![\w:/.…]))/(?:{_NAME}+/)+({_NAME}*)")


class Redactor:
    """Takes out known secrets, what looks like one, and where files lie."""

    def __init__(
        self, *, secrets: Iterable[str] = (), folders: Iterable[str] = ()
    ) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._secrets = _any_of(forms)
        self._folders = _any_of(f.rstrip("/") for f in folders if len(f) > 1)

    @classmethod
    def of(
        cls, settings: Settings, environment: Mapping[str, str] | None = None
    ) -> "Redactor":
        """Return one that knows every secret of the settings and of an environment."""
        named = (environment or {}).items()
        told = [value for name, value in named if TELLING.search(name)]
        folders = {str(settings.data_dir), str(settings.root)}
        return cls(secrets=[*secrets_in(settings), *told], folders=folders)

    def redact(self, text: str) -> str:
        """Return a text as it may be shown. Doing it twice changes nothing."""
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        text = _IN_URL.sub(rf"\g<1>{HIDDEN}@", text)
        text = _TOKENS.sub(HIDDEN, text)
        text = _NAMED.sub(rf"\g<1>{HIDDEN}", text)
        if self._folders is not None:
            text = self._folders.sub(SHORTENED, text)
        return _PATH.sub(rf"{SHORTENED}/\g<1>", text)


def secrets_in(model: BaseModel) -> list[str]:
    """Return every secret of some settings, and passwords within addresses."""
    return [found for name in type(model).model_fields for found in _in(model, name)]


def _in(model: BaseModel, name: str) -> Iterator[str]:
    yield from _secrets_of(getattr(model, name))


def _secrets_of(value: Any) -> Iterator[str]:
    match value:
        case SecretStr():
            yield value.get_secret_value()
            yield from _passwords(value.get_secret_value())
        case BaseModel():
            yield from secrets_in(value)
        case Mapping():
            for each in value.values():
                yield from _secrets_of(each)
        case str():
            yield from _passwords(value)
        case Path():
            return
        case tuple() | list() | set() | frozenset():
            for each in value:
                yield from _secrets_of(each)


def _passwords(text: str) -> Iterator[str]:
    """Yield the password that an address holds."""
    if "://" not in text:
        return
    try:
        password = urlsplit(text).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)


def _forms(secret: str) -> Iterator[str]:
    """Yield the ways in which a secret may be written; each line is one of its own."""
    for line in secret.splitlines():
        stripped = line.strip()
        if len(stripped) >= SECRET_CHARS:
            yield stripped
            yield quote(stripped, safe="")
            yield json.dumps(stripped)[1:-1]


def _any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(set(texts), key=len, reverse=True)
    if not longest_first:
        return None
    return re.compile("|".join(re.escape(text) for text in longest_first))
