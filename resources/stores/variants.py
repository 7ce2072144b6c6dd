"""Speech variants: who is making them, where they are, and who may hear them.

A variant belongs to nobody. Blocks link to it, many to one, and it lives as long as
a block does. Making one is claimed first, so that two requests share one synthesis.
"""

import json
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    select,
    update,
)

from lectern.accounts.people import Principal
from lectern.documents.pages import BlockKind
from lectern.ids import (
    NO_DOCUMENT,
    BlobHash,
    BlockId,
    DocumentId,
    OwnerId,
    VariantKey,
)
from lectern.speech.timing import WordTime
from lectern.speech.variants import Outcome
from lectern.usage.events import EventKind, Requested, Synthesised
from resources.stores import schema
from resources.stores.catalog import Document
from resources.stores.claims import free_tokens
from resources.stores.clearing import delete_where
from resources.stores.database import Database
from resources.stores.ledger import Ledger
from resources.stores.merging import MergeCase
from resources.stores.outbox import Outbox
from resources.stores.ownership import (
    for_installation,
    is_heard_by,
    is_own,
    is_readable,
    is_shared_sound,
    some_documents,
)
from resources.stores.portions import portions
from resources.stores.retention import keep, unreachable
from resources.stores.served import served_events
from resources.stores.speech_charges import Costs, charge, give_back, hold_for
from resources.stores.speech_days import SpeechDays, Taken
from resources.stores.upsert import insert_or_update

SERVED_KEPT = timedelta(days=7)
"""How long a sound stays that no block links to, after it was asked for last."""

KEYS_AT_ONCE = 2000
"""Variants that one look for unreachable ones is at."""

_variant = schema.variant.c
_claim = schema.claim.c
_link = schema.block_audio.c


@dataclass(frozen=True, slots=True)
class Variant:
    """One sound, with the times of its words."""

    key: VariantKey
    blob: BlobHash
    words_json: str  # read when asked for: most callers want only the sound
    duration_ms: int
    engine: str
    voice_id: str
    chars: int
    size_bytes: int
    created_at: datetime

    @property
    def words(self) -> tuple[WordTime, ...]:
        """Return when each word is heard, in order."""
        return tuple(WordTime(*word) for word in json.loads(self.words_json))


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one variant, until it expires and somebody takes it."""

    key: VariantKey
    holder: str
    token: int  # rises with every claim of this key
    expires_at: datetime
    held_for: OwnerId | None = None  # on whose account its cost is set aside
    day: Taken | None = None  # and what was taken of somebody's day


@dataclass(frozen=True, slots=True)
class Link:
    """“This block sounds like that variant.”"""

    block_index: int
    block_id: BlockId
    block_kind: BlockKind
    key: VariantKey
    chars: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Completion:
    """One claimed variant, made, its blob already durable."""

    claim: Claim
    link: Link
    blob: BlobHash
    size_bytes: int
    words: tuple[WordTime, ...]
    engine: str
    elapsed_ms: int
    outcome: Outcome = Outcome.SYNTHESISED  # or LOST: there was a row without audio
    price_micros: int = 0  # paid to an engine elsewhere


class Variants:
    """The tables of variants, claims and links."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        ledger: Ledger,
        days: SpeechDays,
        *,
        served_kept: timedelta = SERVED_KEPT,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._ledger = ledger
        self._days = days
        self._served_kept = served_kept

    @for_installation("a worker looks for sounds by what they are made from")
    def find(self, keys: Iterable[VariantKey]) -> dict[VariantKey, Variant]:
        """Return those of the variants that exist."""
        found: dict[VariantKey, Variant] = {}
        with self._database.read() as connection:
            for some in portions(keys):
                query = select(schema.variant).where(_variant.key.in_(some))
                for row in connection.execute(query).mappings():
                    found[row["key"]] = _variant_of(row)
        return found

    @for_installation("a worker looks for sounds by what they are made from")
    def existing(self, keys: Iterable[VariantKey]) -> set[VariantKey]:
        """Return the keys of those of the variants that exist."""
        found: set[VariantKey] = set()
        with self._database.read() as connection:
            for some in portions(keys):
                query = select(_variant.key).where(_variant.key.in_(some))
                found.update(VariantKey(key) for key in connection.scalars(query))
        return found

    @for_installation("a worker makes a sound; nobody owns it")
    def claim(self, key: VariantKey, holder: str, lease_seconds: float) -> Claim | None:
        """Claim one variant; None while somebody else makes it or when it exists.

        A claim for a variant whose audio was lost needs ``forget`` first.
        """
        return next(iter(self.claim_many([key], holder, lease_seconds)), None)

    @for_installation("a worker makes a sound; nobody owns it")
    def claim_many(
        self,
        keys: Collection[VariantKey],
        holder: str,
        lease_seconds: float,
        *,
        costs: Costs | None = None,
    ) -> list[Claim]:
        """Claim as many of the variants as are free, in one transaction.

        With ``costs`` what they may take is set aside in it.

        Raises:
            AllowanceUsedUp: There is not so much left; nothing was claimed.
            DailyLimitReached: Of today; the same.
        """
        now = self._database.now()
        expires_at = now + timedelta(seconds=lease_seconds)
        mine = f"{holder}/{uuid.uuid4().hex[:12]}"
        claims: list[Claim] = []
        with self._database.write() as connection:
            for some in portions(keys):
                tokens = free_tokens(connection, some, now)
                claims += [Claim(k, mine, t, expires_at) for k, t in tokens.items()]
            rows = [
                {
                    "key": c.key,
                    "holder": mine,
                    "token": c.token,
                    "expires_at": expires_at,
                }
                for c in claims
            ]
            insert_or_update(connection, schema.claim, rows, by=["key"])
            if costs is not None and claims:
                claims = hold_for(self._ledger, connection, costs, claims)
                claims = self._days.take(connection, costs, claims)
        return claims

    @for_installation("a worker waits for what another one makes")
    def claimed(self, keys: Iterable[VariantKey]) -> set[VariantKey]:
        """Return those of the variants that somebody is making now."""
        now = self._database.now()
        live: set[VariantKey] = set()
        with self._database.read() as connection:
            for some in portions(keys):
                query = select(_claim.key).where(_claim.key.in_(some))
                live |= {
                    VariantKey(key)
                    for key in connection.scalars(query.where(_claim.expires_at > now))
                }
        return live

    @for_installation("a worker makes a sound; nobody owns it")
    def renew(self, claims: Collection[Claim], lease_seconds: float) -> set[VariantKey]:
        """Put off the expiry of claims; return the keys that are still held."""
        expires_at = self._database.now() + timedelta(seconds=lease_seconds)
        held: set[VariantKey] = set()
        with self._database.write() as connection:
            for claim in claims:
                statement = update(schema.claim).where(_is(claim))
                result = connection.execute(statement.values(expires_at=expires_at))
                held |= {claim.key} if result.rowcount else set()
        return held

    @for_installation("a worker makes a sound; nobody owns it")
    def release(self, claims: Collection[Claim]) -> None:
        """Give claims up, so that others need not wait for their expiry.

        The row stays with its token: a later claim gets a higher one.
        """
        now = self._database.now()
        with self._database.write() as connection:
            for claim in claims:
                statement = update(schema.claim).where(_is(claim))
                connection.execute(statement.values(holder="", expires_at=now))
            give_back(self._ledger, connection, claims)
            self._days.give_back(connection, claims)

    @for_installation("a worker has made sounds on behalf of a person")
    def complete(
        self,
        principal: Principal,
        document: Document,
        *,
        voice_id: str,
        completions: Sequence[Completion],
    ) -> set[VariantKey]:
        """Make variants exist, link their blocks, charge and record it, all at once.

        Returns the keys that were accepted. A claim that somebody else has taken
        over meanwhile is refused: theirs is the one that counts. Where there is no
        document (``NO_DOCUMENT``) nothing is linked, and the sound is kept for a time.
        """
        now = self._database.now()
        with self._database.write() as connection:
            taken = _take(connection, [c.claim for c in completions])
            accepted = [c for c in completions if c.claim.key in taken]
            rows = [self._new_row(principal, document, voice_id, c) for c in accepted]
            insert_or_update(connection, schema.variant, rows, by=["key"])
            refused = [c for c in completions if c.claim.key not in taken]
            charge(
                self._ledger,
                connection,
                principal,
                document.id,
                made=accepted,
                refused=refused,
                at=now,
            )
            self._days.settle(connection, principal, made=accepted, refused=refused)
            self._outbox.extend(
                EventKind.SYNTHESISED,
                [_synthesised(document, voice_id, c) for c in accepted],
                principal=principal,
                at=now,
                connection=connection,
            )
            if document.id == NO_DOCUMENT:
                made = {c.link: c.outcome for c in accepted}
                self._outbox.extend(
                    EventKind.SERVED,
                    served_events(voice_id, made),
                    principal=principal,
                    at=now,
                    connection=connection,
                )
                return {c.claim.key for c in accepted}
            self._write_links(
                connection, document, voice_id, [c.link for c in accepted]
            )
            self._outbox.extend(
                EventKind.REQUESTED,
                [
                    _requested(document, voice_id, c.link, c.outcome, flip=False)
                    for c in accepted
                ],
                principal=principal,
                at=now,
                connection=connection,
            )
        return {c.claim.key for c in accepted}

    @for_installation("a worker has found sounds on behalf of a person")
    def link(
        self,
        principal: Principal,
        document: Document,
        *,
        voice_id: str,
        links: Sequence[Link],
        joined: Collection[VariantKey] = (),
    ) -> dict[Outcome, int]:
        """Link blocks to variants that exist, and record how each was met.

        ``joined`` names the keys that were waited for because somebody else was
        making them; the others are told apart by who already links to them.
        Links whose variant does not exist are left out. Where there is no document
        (``NO_DOCUMENT``) they are only counted as served.
        """
        if document.id == NO_DOCUMENT:
            return self._count_served(principal, voice_id, links, joined)
        counts: Counter[Outcome] = Counter()
        waited_for = set(joined)
        with self._database.write() as connection:
            case = MergeCase(
                connection, principal, document.id, [link.key for link in links]
            )
            present = [link for link in links if case.exists(link.key)]
            events = []
            for link in present:
                outcome, flip = case.met(
                    link.key, link.block_id, is_joined=link.key in waited_for
                )
                counts[outcome] += 1
                events.append(_requested(document, voice_id, link, outcome, flip=flip))
            case.keep_legacy_owners()
            self._write_links(connection, document, voice_id, present)
            self._outbox.extend(
                EventKind.REQUESTED, events, principal=principal, connection=connection
            )
        return dict(counts)

    def _count_served(
        self,
        principal: Principal,
        voice_id: str,
        links: Sequence[Link],
        joined: Collection[VariantKey],
    ) -> dict[Outcome, int]:
        """Count sounds as given to a program, and keep them for a while longer."""
        until = self._database.now() + self._served_kept
        with self._database.write() as connection:
            known = keep(connection, {link.key for link in links}, until=until)
            met = {
                link: Outcome.JOINED if link.key in joined else Outcome.REPLAYED
                for link in links
                if link.key in known
            }
            self._outbox.extend(
                EventKind.SERVED,
                served_events(voice_id, met),
                principal=principal,
                connection=connection,
            )
        return dict(Counter(met.values()))

    def keys_of(
        self, principal: Principal, document_id: DocumentId, voice_id: str
    ) -> dict[int, tuple[VariantKey, int]]:
        """Return key and duration in ms by block index, as the document is now.

        Nothing of a document that this person may not read.
        """
        current = (
            select(_link.block_index, _link.key, _link.duration_ms)
            .join(schema.document, schema.document.c.id == _link.document_id)
            .where(_link.document_id == document_id, _link.voice_id == voice_id)
            .where(_link.revision == schema.document.c.revision)
            .where(is_readable(principal, self._database.now()))
            .order_by(_link.block_index)
        )
        with self._database.read() as connection:
            return {
                index: (VariantKey(key), duration_ms)
                for index, key, duration_ms in connection.execute(current)
            }

    def links_after(
        self, principal: Principal, document_id: DocumentId, voice_id: str, after: int
    ) -> list[tuple[int, int, VariantKey, int]]:
        """Return (sequence, block index, key, duration in ms) of newer links.

        Ascending by sequence, of the document as it is now; ``after`` 0 is all.
        Nothing of a document that this person may not read.
        """
        query = (
            select(_link.sequence, _link.block_index, _link.key, _link.duration_ms)
            .join(schema.document, schema.document.c.id == _link.document_id)
            .where(_link.document_id == document_id, _link.sequence > after)
            .where(_link.voice_id == voice_id)
            .where(_link.revision == schema.document.c.revision)
            .where(is_readable(principal, self._database.now()))
            .order_by(_link.sequence)
        )
        with self._database.read() as connection:
            return [
                (sequence, index, VariantKey(key), duration_ms)
                for sequence, index, key, duration_ms in connection.execute(query)
            ]

    def owns(self, principal: Principal, key: VariantKey) -> bool:
        """Tell whether a document that this person may read has a block that sounds so.

        Own ones count until they are purged, shared ones while they are shared.
        """
        with self._database.read() as connection:
            return self._may_hear(connection, principal, key)

    def find_own(self, principal: Principal, key: VariantKey) -> Variant | None:
        """Return a variant that exists and that this person may hear (see ``owns``)."""
        with self._database.read() as connection:
            if not self._may_hear(connection, principal, key):
                return None
            query = select(schema.variant).where(_variant.key == key)
            row = connection.execute(query).mappings().first()
        return None if row is None else _variant_of(row)

    def _may_hear(
        self, connection: Connection, principal: Principal, key: VariantKey
    ) -> bool:
        some = some_documents(connection, key)
        return is_heard_by(
            connection, principal.owner_id, key, some
        ) or is_shared_sound(connection, principal, key, some, now=self._database.now())

    def places(
        self, principal: Principal, keys: Collection[VariantKey]
    ) -> dict[VariantKey, tuple[DocumentId, int]]:
        """Return one block of this person's documents for each key, to show."""
        query = (
            select(_link.key, _link.document_id, _link.block_index)
            .join(schema.document, schema.document.c.id == _link.document_id)
            .where(is_own(principal))
            .where(_link.revision == schema.document.c.revision)
            .where(_link.key.in_(list(keys)))
        )
        with self._database.read() as connection:
            return {
                VariantKey(key): (DocumentId(document_id), index)
                for key, document_id, index in connection.execute(query)
            }

    @for_installation("a worker found that a sound is lost")
    def forget(self, key: VariantKey, blob: BlobHash) -> bool:
        """Drop a variant whose blob is lost, so that it can be claimed again."""
        lost = and_(_variant.key == key, _variant.blob == blob)
        with self._database.write() as connection:
            token = connection.execute(
                select(_variant.token).where(lost)
            ).scalar_one_or_none()
            if token is None:
                return False
            connection.execute(delete(schema.variant).where(lost))
            row = {
                "key": key,
                "holder": "",
                "token": token,
                "expires_at": self._database.now(),
            }
            insert_or_update(connection, schema.claim, [row], by=["key"])
        return True

    @for_installation("upkeep sweeps what no block leads to")
    def unreachable(
        self, *, older_than: timedelta = timedelta(), keys_at_once: int = KEYS_AT_ONCE
    ) -> Iterator[list[VariantKey]]:
        """Yield variants of this age to which no block links any more, some at a time.

        Those that are to be kept until a later day are none of them. Each look is at
        a few thousand variants, in the order of their keys: looking at all of them
        together takes minutes in a large library, and as long a transaction.
        """
        condition = self.is_unreachable(older_than)
        first: str = ""
        while True:
            ahead = select(_variant.key).where(_variant.key > first)
            ahead = ahead.order_by(_variant.key).limit(keys_at_once)
            with self._database.read() as connection:
                looked_at = connection.scalars(ahead).all()
                if not looked_at:
                    return
                between = _variant.key.between(looked_at[0], looked_at[-1])
                query = select(_variant.key).where(between, condition)
                found = [VariantKey(key) for key in connection.scalars(query)]
            if found:
                yield found
            first = looked_at[-1]

    @for_installation("upkeep looks whether every sound is there")
    def all_blobs(self) -> Iterator[tuple[VariantKey, BlobHash]]:
        """Yield the key and the blob of every variant, in the order of the keys."""
        first: str = ""
        while True:
            query = select(_variant.key, _variant.blob).where(_variant.key > first)
            query = query.order_by(_variant.key).limit(KEYS_AT_ONCE)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            yield from ((VariantKey(key), BlobHash(name)) for key, name in rows)
            first = rows[-1][0]

    @for_installation("upkeep sweeps what no block leads to")
    def is_unreachable(self, older_than: timedelta) -> ColumnElement[bool]:
        """Return the condition by which variants of this age are unreachable."""
        now = self._database.now()
        return and_(unreachable(now), _variant.created_at <= now - older_than)

    @for_installation("upkeep sweeps what no block leads to")
    def delete_unreachable(self, keys: Collection[VariantKey]) -> int:
        """Delete those of the variants that are still without a block."""
        now = self._database.now()
        deleted = 0
        for some in portions(keys):
            statement = delete(schema.variant).where(_variant.key.in_(some))
            with self._database.write() as connection:
                deleted += connection.execute(
                    statement.where(unreachable(now))
                ).rowcount
        return deleted

    @for_installation("upkeep sweeps what no block leads to")
    def drop_old_claims(self, older_than: timedelta) -> int:
        """Forget claims that ended long ago without a result."""
        before = self._database.now() - older_than
        return delete_where(self._database, schema.claim, _claim.expires_at < before)

    def _new_row(
        self, principal: Principal, document: Document, voice_id: str, made: Completion
    ) -> dict[str, Any]:
        return {
            "key": made.claim.key,
            "blob": made.blob,
            "words": _words_json(made.words),
            "duration_ms": made.link.duration_ms,
            "engine": made.engine,
            "voice_id": voice_id,
            "chars": made.link.chars,
            "size_bytes": made.size_bytes,
            "token": made.claim.token,
            "first_owner_id": principal.owner_id,
            "first_document_id": document.id,
            "legacy_block_id": made.link.block_id,
            "created_at": self._database.now(),
            "kept_until": (
                self._database.now() + self._served_kept
                if document.id == NO_DOCUMENT
                else None
            ),
        }

    def _write_links(
        self,
        connection: Connection,
        document: Document,
        voice_id: str,
        links: Sequence[Link],
    ) -> None:
        new = _unlinked(connection, document, voice_id, links)
        if not new:
            return
        now = self._database.now()
        first = _next_sequence(connection, document.id)
        rows = [
            {
                "document_id": document.id,
                "voice_id": voice_id,
                "block_index": link.block_index,
                "block_id": link.block_id,
                "revision": document.revision,
                "key": link.key,
                "duration_ms": link.duration_ms,
                "sequence": sequence,
                "linked_at": now,
            }
            for sequence, link in enumerate(new, start=first)
        ]
        identity = ["document_id", "voice_id", "block_index"]
        insert_or_update(connection, schema.block_audio, rows, by=identity)


def _take(connection: Connection, claims: Iterable[Claim]) -> set[VariantKey]:
    """End the claims that are still the newest; return their keys."""
    by_key = {claim.key: claim for claim in claims}
    taken: set[VariantKey] = set()
    for some in portions(by_key):
        query = select(_claim.key, _claim.holder, _claim.token).where(
            _claim.key.in_(some)
        )
        rows = connection.execute(query.order_by(_claim.key).with_for_update())
        held = {
            VariantKey(key)
            for key, holder, token in rows
            if (by_key[key].holder, by_key[key].token) == (holder, token)
        }
        connection.execute(delete(schema.claim).where(_claim.key.in_(held)))
        taken |= held
    return taken


def _is(claim: Claim) -> Any:
    return and_(
        _claim.key == claim.key,
        _claim.holder == claim.holder,
        _claim.token == claim.token,
    )


def _next_sequence(connection: Connection, document_id: DocumentId) -> int:
    # The row lock keeps two writers of one document apart (SQLite has but one).
    rows = schema.document.c
    connection.execute(select(rows.id).where(rows.id == document_id).with_for_update())
    query = select(func.max(_link.sequence)).where(_link.document_id == document_id)
    return int(connection.execute(query).scalar_one() or 0) + 1


def _unlinked(
    connection: Connection, document: Document, voice_id: str, links: Sequence[Link]
) -> list[Link]:
    """Return the links that say something new.

    One that stands already is left alone, and so is one made under a newer revision
    of the document: a worker that is late must not undo it.
    """
    standing: dict[int, tuple[int, VariantKey]] = {}
    for indices in portions(link.block_index for link in links):
        query = select(_link.block_index, _link.revision, _link.key).where(
            _link.document_id == document.id,
            _link.voice_id == voice_id,
            _link.block_index.in_(indices),
        )
        for index, revision, key in connection.execute(query):
            standing[index] = (revision, key)
    new: dict[int, Link] = {}
    for link in links:
        revision, key = standing.get(link.block_index, (-1, None))
        is_same = revision == document.revision and key == link.key
        if not is_same and revision <= document.revision:
            new[link.block_index] = link
    return list(new.values())


def _words_json(words: tuple[WordTime, ...]) -> str:
    rows = [[w.start_char, w.end_char, w.start_ms, w.end_ms] for w in words]
    return json.dumps(rows, separators=(",", ":"))


def _variant_of(row: Mapping[Any, Any]) -> Variant:
    return Variant(
        key=row["key"],
        blob=row["blob"],
        words_json=row["words"],
        duration_ms=row["duration_ms"],
        engine=row["engine"],
        voice_id=row["voice_id"],
        chars=row["chars"],
        size_bytes=row["size_bytes"],
        created_at=row["created_at"],
    )


def _synthesised(document: Document, voice_id: str, made: Completion) -> Synthesised:
    return Synthesised(
        document_id=document.id,
        variant=made.claim.key,
        chars=made.link.chars,
        words=len(made.words),
        audio_ms=made.link.duration_ms,
        voice=voice_id,
        engine=made.engine,
        elapsed_ms=made.elapsed_ms,
    )


def _requested(
    document: Document, voice_id: str, link: Link, outcome: Outcome, *, flip: bool
) -> Requested:
    return Requested(
        outcome=outcome,
        document_id=document.id,
        variant=link.key,
        voice=voice_id,
        block_kind=link.block_kind,
        chars=link.chars,
        audio_ms=link.duration_ms,
        legacy_owner_flip=flip,
    )
