"""Objects of a bucket, by obstore: what S3 can do, in the errors we know.

Requests are repeated by obstore itself, with a growing pause. It works in threads of
its own, which a fork does not copy: whoever forks must not have used it before.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lectern.errors import StoreError, StoreRefused, StoreUnreachable
from lectern.settings import S3

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Store

PART_BYTES = 8 * 1024 * 1024
"""Files above this go in parts of as much."""
PARTS_AT_ONCE = 4
CHUNK_BYTES = 1024 * 1024
CONNECT_SECONDS = 5
READ_SECONDS = 30
"""Without a byte arriving for so long, a request is given up."""
REQUEST_SECONDS = 900
"""All of one request, its body too."""
LISTED_AT_ONCE = 1000

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")

_started_in: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What is known of an object."""

    size_bytes: int
    modified_at: datetime


class NoSuchObject(LookupError):
    """There is no object of this key; for the store to turn into an error of ours."""


class S3Objects:
    """The objects below ``s3://bucket/prefix``."""

    def __init__(self, url: str, settings: S3) -> None:
        self._url = url
        self._settings = settings

    def put(self, key: str, body: bytes | Path) -> None:
        """Write an object; it is there whole, as sent, or it is not.

        Each request carries the SHA-256 of its bytes, which the server compares.
        """
        import obstore

        with self._translated():
            obstore.put(
                self._store,
                key,
                body,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )

    def facts(self, key: str) -> ObjectFacts:
        """Return an object's size and age. Raises ``NoSuchObject``."""
        import obstore

        with self._translated():
            found = obstore.head(self._store, key)
        return ObjectFacts(found["size"], found["last_modified"])

    def fetch(self, key: str, write: Callable[[bytes], object]) -> None:
        """Hand over an object's bytes in pieces. Raises ``NoSuchObject``."""
        import obstore

        with self._translated():
            stream = iter(obstore.get(self._store, key).stream(CHUNK_BYTES))
        while True:
            # What the caller does with a piece has errors of its own.
            with self._translated():
                piece = next(stream, None)
            if piece is None:
                return
            write(bytes(piece))

    def delete(self, key: str) -> None:
        """Delete an object; harmless when there is none."""
        import obstore

        with self._translated():
            obstore.delete(self._store, key)

    def list_keys(self) -> Iterator[str]:
        """Yield every key below the prefix, in order."""
        import obstore

        with self._translated():
            pages = iter(obstore.list(self._store, chunk_size=LISTED_AT_ONCE))
        while True:
            with self._translated():
                page = next(pages, None)
            if page is None:
                return
            yield from (entry["path"] for entry in page)

    def require_bucket(self) -> None:
        """See that the bucket answers and may be read.

        Raises:
            StoreUnreachable: It does not answer.
            StoreRefused: It is not there, or not ours.
        """
        next(self.list_keys(), None)

    @cached_property
    def _store(self) -> "S3Store":
        try:
            from obstore.store import S3Store
        except ModuleNotFoundError as error:
            raise StoreError(
                "Files are to be kept on S3, and its client is not installed. Install "
                "it with `pip install 'lectern[s3]'`."
            ) from error
        where, wanted = urlsplit(self._url), self._settings
        config: S3Config = {
            "region": wanted.region,
            "checksum_algorithm": "SHA256",
            "disable_bulk_delete": True,  # one object at a time is what we delete
        }
        options: ClientConfig = {
            "connect_timeout": f"{CONNECT_SECONDS}s",
            "read_timeout": f"{READ_SECONDS}s",
            "timeout": f"{REQUEST_SECONDS}s",
        }
        if wanted.endpoint:
            config["endpoint"] = wanted.endpoint
            options["allow_http"] = wanted.endpoint.startswith("http://")
        if wanted.access_key_id and wanted.secret_access_key:
            config["access_key_id"] = wanted.access_key_id
            config["secret_access_key"] = wanted.secret_access_key.get_secret_value()
        return S3Store(
            where.netloc,
            prefix=where.path.strip("/") or None,
            config=config,
            client_options=options,
            retry_config={
                "max_retries": 10,
                "retry_timeout": timedelta(seconds=wanted.retry_seconds),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=5),
                    "base": 2,
                },
            },
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn obstore's errors into ours, without what they tell of the request."""
        _require_own_threads()
        self._store  # noqa: B018  (missing software has an error of its own)
        from obstore import exceptions

        try:
            yield
        except (exceptions.BaseError, OSError) as error:
            raise self._error_of(error) from error

    def _error_of(self, error: Exception) -> Exception:
        told = str(error)
        code = _CODE.search(told)
        status = _STATUS.search(told)
        place = f"The store of files ({self._url})"
        if code and code[1] == "NoSuchBucket":
            return StoreRefused(
                f"{place} has no such bucket. Make it, or mend LECTERN_BLOBS_URL."
            )
        if isinstance(error, FileNotFoundError):
            return NoSuchObject()
        if status and status[1] in ("400", "401", "403", "405", "501"):
            return StoreRefused(
                f"{place} refuses what is asked ({code[1] if code else status[1]}). "
                "Mend LECTERN_S3__ACCESS_KEY_ID and LECTERN_S3__SECRET_ACCESS_KEY, "
                "what they may do, or this machine's clock."
            )
        if "redirect" in told:
            return StoreRefused(f"{place} is elsewhere. Mend LECTERN_S3__REGION.")
        reason = told.partition("\n")[0][:300]
        return StoreUnreachable(
            f"{place} does not answer as it should. Nothing is lost: try again in a "
            f"moment. ({reason})"
        )


def _require_own_threads() -> None:
    """Refuse what would wait for ever: threads of a process we were forked from."""
    global _started_in
    if _started_in is None:
        _started_in = os.getpid()
    if _started_in != os.getpid():
        raise StoreError(
            "This process was forked from one that had used S3 before, and cannot use "
            "it. This is a fault of Lectern's; start it again."
        )
