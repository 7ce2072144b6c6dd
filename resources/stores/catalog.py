"""The catalog: documents, what is known of them, and what was made of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from lectern.accounts.people import Principal
from lectern.documents.blocks import DocumentText
from lectern.documents.formats import Format
from lectern.documents.pages import BlockKind, SpanKind
from lectern.documents.spoken import Policy, Speaking
from lectern.documents.titles import clean_title
from lectern.errors import InvalidRequest, LecternError, NotFound
from lectern.ids import BlobHash, DocumentId, OwnerId, new_document_id
from lectern.jobs.states import DocumentState
from lectern.usage.events import DocumentAdded, DocumentRead, EventKind
from resources.stores import schema
from resources.stores.allowed import Allowed
from resources.stores.database import Database
from resources.stores.holds import is_worked_on, lock
from resources.stores.job_search import retitle
from resources.stores.outbox import Outbox
from resources.stores.ownership import for_installation, is_own, is_readable, is_shared
from resources.stores.retention import end_promises
from resources.stores.search import drop_text, find_texts, index_text, index_title
from resources.stores.upsert import insert_or_update

_document = schema.document.c
_artifact = schema.artifact.c
_guest = schema.document_guest.c

_KINDS: dict[str, BlockKind | SpanKind] = {
    **{str(kind): kind for kind in SpanKind},
    **{str(kind): kind for kind in BlockKind},
}

COLUMNS = tuple(column.name for column in schema.document.columns)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of one person."""

    id: DocumentId
    owner_id: OwnerId
    title: str
    filename: str
    format: Format
    blob: BlobHash
    size_bytes: int
    state: DocumentState
    error_code: str | None
    error_message: str | None
    version: int  # of its text; 0 until it is readable
    revision: int  # rises with the version and with every change of what is spoken
    page_count: int
    block_count: int
    spoken_chars: int
    word_count: int
    language: str
    blocks_blob: BlobHash | None
    policy: Policy
    voice_id: str | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    snippet: str = ""  # where the words of a search were found
    reader_id: OwnerId | None = None  # who reads it, where that is not its owner

    @property
    def principal(self) -> Principal:
        """Return the person whose document this is."""
        return Principal(self.owner_id)

    @property
    def reader(self) -> Principal:
        """Return the person who reads it: its owner, or whom it is shared with."""
        return Principal(self.reader_id or self.owner_id)

    @property
    def is_shared(self) -> bool:
        """Whether who reads it is not its owner."""
        return self.reader_id not in (None, self.owner_id)


@dataclass(frozen=True, slots=True)
class TextStats:
    """How much there is to hear in a document."""

    spoken_chars: int
    word_count: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """Something a step made of a document, so that it need not be made again."""

    name: str
    blob: BlobHash
    metadata: dict[str, Any]
    created_at: datetime


class Catalog:
    """The tables of documents and their artifacts."""

    def __init__(self, database: Database, outbox: Outbox, allowed: Allowed) -> None:
        self._database = database
        self._outbox = outbox
        self._allowed = allowed

    def add(
        self,
        principal: Principal,
        *,
        title: str,
        filename: str,
        format: Format,  # noqa: A002  (the domain's word)
        blob: BlobHash,
        size_bytes: int,
        connection: Connection | None = None,
    ) -> Document:
        """Add a document whose file is durable already.

        Raises:
            LimitReached: The person has as many documents, or bytes, as one may have.
        """
        document = self._new(principal, title, filename, format, blob, size_bytes)
        with self._database.joined(connection) as joined:
            self._allowed.document(joined, principal, size_bytes=size_bytes)
            joined.execute(insert(schema.document).values(_row_of(document)))
            index_text(joined, document.id, title=document.title, body="")
            event = DocumentAdded(
                document_id=document.id, format=format, size_bytes=size_bytes
            )
            self._outbox.append(
                EventKind.DOCUMENT_ADDED,
                event,
                principal=principal,
                event_id=f"added:{document.id}",
                connection=joined,
            )
        return document

    def _new(
        self,
        principal: Principal,
        title: str,
        filename: str,
        format: Format,  # noqa: A002
        blob: BlobHash,
        size_bytes: int,
    ) -> Document:
        now = self._database.now()
        return Document(
            id=new_document_id(),
            owner_id=principal.owner_id,
            title=_clean_title(title),
            filename=filename,
            format=format,
            blob=blob,
            size_bytes=size_bytes,
            state=DocumentState.PREPARING,
            error_code=None,
            error_message=None,
            version=0,
            revision=0,
            page_count=0,
            block_count=0,
            spoken_chars=0,
            word_count=0,
            language="",
            blocks_blob=None,
            policy={},
            voice_id=None,
            created_at=now,
            updated_at=now,
            deleted_at=None,
        )

    def same_file(self, principal: Principal, blob: BlobHash) -> Document | None:
        """Return this person's newest document made from the same bytes, if any."""
        query = select(schema.document).where(is_own(principal))
        newest = query.where(_document.blob == blob).order_by(
            _document.created_at.desc()
        )
        return self._first(newest)

    def get(self, principal: Principal, document_id: DocumentId) -> Document:
        """Return a document of this person.

        Raises:
            NotFound: There is none, or it was deleted.
        """
        return self._found(
            select(schema.document).where(
                is_own(principal), _document.id == document_id
            )
        )

    def readable(self, principal: Principal, document_id: DocumentId) -> Document:
        """Return a document that this person may read: own, or shared with them.

        One that is shared comes with its reader, and in the reader's own voice.

        Raises:
            NotFound: There is none, it was deleted, or is shared no longer.
        """
        now = self._database.now()
        wanted = is_readable(principal, now) & (_document.id == document_id)
        document = self._found(select(schema.document).where(wanted))
        if document.owner_id == principal.owner_id:
            return document
        chosen = select(_guest.voice_id).where(
            _guest.document_id == document_id,
            _guest.owner_id == principal.owner_id,
            _guest.voice_id.is_not(None),
        )
        with self._database.read() as connection:
            voice_id = connection.scalars(chosen.limit(1)).first()
        return replace(
            document,
            reader_id=principal.owner_id,
            voice_id=voice_id or document.voice_id,
        )

    @for_installation("a worker carries out a job of the document")
    def find(self, document_id: DocumentId) -> Document:
        """Return a document whoever owns it, deleted or not: for the workers.

        Raises:
            NotFound: It does not exist any more.
        """
        return self._found(select(schema.document).where(_document.id == document_id))

    def documents(
        self,
        principal: Principal,
        *,
        search: str = "",
        state: DocumentState | None = None,
    ) -> list[Document]:
        """Return a person's documents: newest first, or best match first."""
        query = select(schema.document).where(is_own(principal))
        if state is not None:
            query = query.where(_document.state == state)
        newest = query.order_by(_document.created_at.desc(), _document.id)
        with self._database.read() as connection:
            if not search.strip():
                rows = connection.execute(newest).mappings()
                return [document_of(row) for row in rows]
            snippets = find_texts(connection, principal, search)
            rows = connection.execute(
                query.where(_document.id.in_(list(snippets)))
            ).mappings()
            by_id = {row["id"]: row for row in rows}
        return [
            document_of(by_id[document_id], snippet=snippet)
            for document_id, snippet in snippets.items()
            if document_id in by_id
        ]

    def has_any(self, principal: Principal) -> bool:
        """Tell whether a person has a document."""
        query = select(_document.id).where(is_own(principal)).limit(1)
        with self._database.read() as connection:
            return connection.scalars(query).first() is not None

    def titles(self, principal: Principal) -> dict[DocumentId, str]:
        """Return the title of each document that a person may read."""
        titles = select(_document.id, _document.title)
        shared = titles.join(schema.document_guest, _guest.document_id == _document.id)
        shared = shared.where(
            _guest.owner_id == principal.owner_id,
            is_shared(principal, self._database.now()),
        )
        with self._database.read() as connection:
            own = connection.execute(titles.where(is_own(principal))).all()
            found = [*own, *connection.execute(shared)]
            return {DocumentId(id_): title for id_, title in found}

    def rename(
        self, principal: Principal, document_id: DocumentId, title: str
    ) -> Document:
        """Give a document another title."""
        clean = _clean_title(title)
        with self._database.write() as connection:
            mine = is_own(principal) & (_document.id == document_id)
            statement = update(schema.document).where(mine)
            self._must_match(connection, statement.values(**self._now(title=clean)))
            index_title(connection, document_id, clean)
            retitle(connection, document_id, clean)
        return self.get(principal, document_id)

    def delete(self, principal: Principal, document_id: DocumentId) -> None:
        """Take a document away; it can be brought back until it is purged."""
        mine = is_own(principal) & (_document.id == document_id)
        deleted = self._now(deleted_at=self._database.now())
        with self._database.write() as connection:
            self._must_match(
                connection, update(schema.document).where(mine).values(**deleted)
            )

    def restore(self, principal: Principal, document_id: DocumentId) -> Document:
        """Bring a deleted document back.

        Raises:
            TooManyDocuments: The person has as many others as one may have.
        """
        mine = (_document.owner_id == principal.owner_id) & (
            _document.id == document_id
        )
        statement = update(schema.document).where(mine)
        with self._database.write() as connection:
            self._allowed.document(connection, principal, size_bytes=0)
            self._must_match(connection, statement.values(**self._now(deleted_at=None)))
        return self.get(principal, document_id)

    def deleted(self, principal: Principal) -> list[Document]:
        """Return a person's documents in the trash, the one deleted last first."""
        query = select(schema.document).where(
            _document.owner_id == principal.owner_id, _document.deleted_at.is_not(None)
        )
        newest = query.order_by(_document.deleted_at.desc(), _document.id)
        with self._database.read() as connection:
            return [document_of(row) for row in connection.execute(newest).mappings()]

    def deleted_count(self, principal: Principal) -> int:
        """Return how many documents are in a person's trash."""
        query = select(func.count()).where(
            _document.owner_id == principal.owner_id, _document.deleted_at.is_not(None)
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    @for_installation("upkeep purges what was deleted long ago")
    def deleted_before(self, age: timedelta) -> list[DocumentId]:
        """Return documents that were deleted at least this long ago."""
        before = self._database.now() - age
        query = select(_document.id).where(_document.deleted_at <= before)
        with self._database.read() as connection:
            return [DocumentId(id_) for id_ in connection.scalars(query)]

    @for_installation("upkeep purges what was deleted long ago")
    def purge(
        self, document_id: DocumentId, *, deleted_for: timedelta = timedelta()
    ) -> bool:
        """Delete a deleted document's rows for good; its events stay counted,
        and its jobs are remembered.

        False when it has not been deleted (for so long), or while a job of it has not
        ended.
        """
        before = self._database.now() - deleted_for
        return self._purge(document_id, _document.deleted_at <= before)

    def _purge(self, document_id: DocumentId, condition: ColumnElement[bool]) -> bool:
        gone = and_(_document.id == document_id, condition, ~is_worked_on(_document.id))
        with self._database.write() as connection:
            lock(connection, [document_id])
            if connection.scalars(select(_document.id).where(gone)).first():
                end_promises(connection, document_id)
            result = connection.execute(delete(schema.document).where(gone))
            if result.rowcount:
                drop_text(connection, document_id)
        return result.rowcount == 1

    def purge_own(self, principal: Principal, document_id: DocumentId) -> None:
        """Delete a document of this person's trash for good.

        Raises:
            NotFound: It is not in their trash.
            InvalidRequest: A job of it is still being stopped.
        """
        mine = _document.owner_id == principal.owner_id
        if self._purge(document_id, mine & _document.deleted_at.is_not(None)):
            return
        document = self._found(
            select(schema.document).where(
                _document.owner_id == principal.owner_id,
                _document.id == document_id,
                _document.deleted_at.is_not(None),
            )
        )
        raise InvalidRequest(
            f"“{document.title}” is still being worked on. Try again in a moment."
        )

    @for_installation("a worker says how the preparation went")
    def set_state(
        self,
        document_id: DocumentId,
        state: DocumentState,
        *,
        error: LecternError | None = None,
    ) -> None:
        """Say what can be done with a document now, and why not more."""
        self._update(document_id, **_state_values(state, error))

    def set_own_state(
        self,
        principal: Principal,
        document_id: DocumentId,
        state: DocumentState,
        *,
        error: LecternError | None = None,
    ) -> None:
        """Say so of a document of this person: prepared anew, or stopped by them.

        Raises:
            NotFound: There is none.
        """
        mine = update(schema.document).where(
            is_own(principal), _document.id == document_id
        )
        values = self._now(**_state_values(state, error))
        with self._database.write() as connection:
            self._must_match(connection, mine.values(**values))

    @for_installation("a worker has the text of the document")
    def publish(
        self,
        document_id: DocumentId,
        *,
        text: DocumentText,
        blocks_blob: BlobHash,
        stats: TextStats,
        instead_of: BlobHash | None = None,
        connection: Connection | None = None,
    ) -> Document:
        """Make a version of a document readable, searchable and counted.

        The same blocks again are the same version: doing it twice changes nothing.
        With ``instead_of`` nothing is done when others than these are read by now.
        """
        with self._database.joined(connection) as joined:
            before = self._locked(joined, document_id)
            if instead_of not in (None, before.blocks_blob):
                return before
            is_same = before.blocks_blob == blocks_blob
            version = before.version if is_same else before.version + 1
            joined.execute(
                update(schema.document)
                .where(_document.id == document_id)
                .values(
                    **self._now(
                        state=DocumentState.READY,
                        error_code=None,
                        error_message=None,
                        version=version,
                        revision=before.revision + (not is_same),
                        page_count=text.page_count,
                        block_count=len(text.blocks),
                        spoken_chars=stats.spoken_chars,
                        word_count=stats.word_count,
                        language=text.language,
                        blocks_blob=blocks_blob,
                    )
                )
            )
            if not is_same:
                self._publish_new(joined, before, text, stats)
            return self._locked(joined, document_id)

    def _publish_new(
        self,
        connection: Connection,
        document: Document,
        text: DocumentText,
        stats: TextStats,
    ) -> None:
        body = "\n".join(block.shown for block in text.blocks)
        index_text(connection, document.id, title=document.title, body=body)
        links = schema.block_audio.c
        connection.execute(
            delete(schema.block_audio).where(
                links.document_id == document.id,
                links.block_index >= len(text.blocks),
            )
        )
        version = document.version + 1
        self._outbox.append(
            EventKind.DOCUMENT_READ,
            DocumentRead(
                document_id=document.id,
                version=version,
                pages=text.page_count,
                blocks=len(text.blocks),
                words=stats.word_count,
                chars=stats.spoken_chars,
            ),
            principal=document.principal,
            event_id=f"read:{document.id}:{version}",
            connection=connection,
        )

    @for_installation("a worker keeps what it made of the document")
    def put_artifact(
        self,
        document_id: DocumentId,
        name: str,
        blob: BlobHash,
        metadata: Mapping[str, Any] | None = None,
        *,
        connection: Connection | None = None,
    ) -> Artifact:
        """Keep what a step made, in place of what it made before."""
        made = Artifact(name, blob, dict(metadata or {}), self._database.now())
        row = {"document_id": document_id, **asdict(made)}
        with self._database.joined(connection) as joined:
            self._locked(joined, document_id)
            insert_or_update(joined, schema.artifact, [row], by=["document_id", "name"])
        return made

    @for_installation("a worker looks for what it made before")
    def artifact(self, document_id: DocumentId, name: str) -> Artifact | None:
        """Return what a step made of a document, if it has."""
        query = select(schema.artifact).where(
            _artifact.document_id == document_id, _artifact.name == name
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        return Artifact(row["name"], row["blob"], row["metadata"], row["created_at"])

    def own_artifact(
        self, principal: Principal, document_id: DocumentId, name: str
    ) -> Artifact | None:
        """Return what a step made of a document of this person, if it has."""
        mine = (
            select(_document.id)
            .where(is_own(principal), _document.id == document_id)
            .exists()
        )
        with self._database.read() as connection:
            if not connection.scalar(select(mine)):
                return None
        return self.artifact(document_id, name)

    @for_installation("a worker looks for what it made before")
    def artifacts(self, document_id: DocumentId) -> dict[str, Artifact]:
        """Return all that was made of a document, by name."""
        query = select(schema.artifact).where(_artifact.document_id == document_id)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return {
            row["name"]: Artifact(
                row["name"], row["blob"], row["metadata"], row["created_at"]
            )
            for row in rows
        }

    @for_installation("the command line converts a file")
    def policy(self, document_id: DocumentId) -> Policy:
        """Return the choices of what is spoken, where they differ from default."""
        return self.find(document_id).policy

    def set_policy(
        self, principal: Principal, document_id: DocumentId, policy: Policy
    ) -> Document:
        """Change what is spoken. Audio made under the old choices is set aside."""
        with self._database.write() as connection:
            before = self._locked(connection, document_id)
            if before.owner_id != principal.owner_id or before.deleted_at:
                raise _no_such_document()
            if before.policy != policy:
                self._update(
                    document_id,
                    connection=connection,
                    policy=_policy_json(policy),
                    revision=before.revision + 1,
                )
        return self.get(principal, document_id)

    def set_spoken_chars(
        self, principal: Principal, document_id: DocumentId, spoken_chars: int
    ) -> None:
        """Say how much is spoken now, after a change of policy."""
        mine = update(schema.document).where(
            is_own(principal), _document.id == document_id
        )
        with self._database.write() as connection:
            values = self._now(spoken_chars=spoken_chars)
            self._must_match(connection, mine.values(**values))

    def set_voice(
        self, principal: Principal, document_id: DocumentId, voice_id: str | None
    ) -> Document:
        """Choose the voice of a document; None goes back to its language's.

        Whom it is shared with chooses for themselves alone.

        Raises:
            NotFound: They may not read it.
        """
        document = self.readable(principal, document_id)
        if document.is_shared:
            mine = update(schema.document_guest).where(
                _guest.owner_id == principal.owner_id,
                _guest.document_id == document_id,
            )
            with self._database.write() as connection:
                connection.execute(mine.values(voice_id=voice_id))
        else:
            own = update(schema.document).where(
                is_own(principal), _document.id == document_id
            )
            with self._database.write() as connection:
                values = self._now(voice_id=voice_id)
                self._must_match(connection, own.values(**values))
        return self.readable(principal, document_id)

    def _update(
        self,
        document_id: DocumentId,
        *,
        connection: Connection | None = None,
        **values: Any,
    ) -> None:
        statement = update(schema.document).where(_document.id == document_id)
        with self._database.joined(connection) as joined:
            self._must_match(joined, statement.values(**self._now(**values)))

    def _now(self, **values: Any) -> dict[str, Any]:
        return {"updated_at": self._database.now(), **values}

    def _locked(self, connection: Connection, document_id: DocumentId) -> Document:
        query = select(schema.document).where(_document.id == document_id)
        row = connection.execute(query.with_for_update()).mappings().first()
        if row is None:
            raise _no_such_document()
        return document_of(row)

    def _must_match(self, connection: Connection, statement: Update) -> None:
        if connection.execute(statement).rowcount != 1:
            raise _no_such_document()

    def _first(self, query: Any) -> Document | None:
        with self._database.read() as connection:
            row = connection.execute(query.limit(1)).mappings().first()
        return None if row is None else document_of(row)

    def _found(self, query: Any) -> Document:
        document = self._first(query)
        if document is None:
            raise _no_such_document()
        return document


def _state_values(state: DocumentState, error: LecternError | None) -> dict[str, Any]:
    return {
        "state": state,
        "error_code": error.code if error else None,
        "error_message": error.message if error else None,
    }


def _no_such_document() -> NotFound:
    return NotFound("There is no such document. It may have been deleted.")


def _clean_title(title: str) -> str:
    clean = clean_title(title)
    if not clean:
        raise InvalidRequest("A title needs at least one character.")
    return clean


def _policy_json(policy: Policy) -> dict[str, str]:
    return {str(kind): str(speaking) for kind, speaking in policy.items()}


def _policy_of(stored: Mapping[str, str]) -> Policy:
    return {_KINDS[name]: Speaking(value) for name, value in stored.items()}


def _row_of(document: Document) -> dict[str, Any]:
    values = {name: getattr(document, name) for name in COLUMNS}
    return values | {"policy": _policy_json(document.policy)}


def document_of(row: Mapping[Any, Any], *, snippet: str = "") -> Document:
    """Return a row of the table as a document."""
    values = dict(row)
    values["format"] = Format(values["format"])
    values["state"] = DocumentState(values["state"])
    values["policy"] = _policy_of(values["policy"])
    return Document(**values, snippet=snippet)
