"""Nobody reaches what is somebody else's: asked of every method of every store.

The methods are found by looking at the classes, so a new one is asked too. It takes the
principal first, or says that it acts for the installation; what it is called with is
looked up by the names of its parameters, and a name that is not known here fails.
"""

import inspect
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from lectern.accounts.people import LOCAL, Principal
from lectern.accounts.tokens import Scope
from lectern.documents.filters import Filter, Rule
from lectern.documents.pages import BlockKind
from lectern.documents.spoken import Speaking
from lectern.errors import InvalidRequest, NotFound, TookTooLong
from lectern.ids import OwnerId
from lectern.jobs.batches import Task
from lectern.jobs.history import JobFilter
from lectern.jobs.states import DocumentState, JobKind, JobStep
from lectern.speech.custom_voices import Visibility, mix_of
from resources.services import Services
from resources.stores import schema
from resources.stores.cursors import Cursor
from resources.stores.jobs_history import Page
from resources.stores.statistics import StatisticsReader
from resources.stores.voices import VoiceDraft
from tests.support.stores import (
    OTHER,
    VOICE,
    add_document,
    link_to,
    made,
    settings_in,
    voice,
)

A, B = LOCAL, OTHER
C, D = Principal(OwnerId("a-third")), Principal(OwnerId("a-fourth"))

FILE = "lectern.sqlite3"
FILTER = Filter("Words", (Rule("colour", "color"),))

NOBODYS = {
    "settings": "no store",
    "database": "connections",
    "blobs": "bytes by their hash; who may ask for them is told by what names them",
    "outbox": "events, written with what they record and read by upkeep alone",
    "people": "who there is, for the sign-in; operators manage them",
    "sessions": "begun and told by a secret, which none of its methods gives away",
    "limits": "what people may do; looked up for whoever acts, set by operators",
    "daily": "what is used up of a day, counted by whoever acts",
    "allowed": "asks both for a store, within its transaction",
    "playing": "how long listeners wait, counted and of nobody in particular",
    "rates": "how often something is done, by whoever does it",
    "page_cache": "recognised pages by their picture; read by workers alone",
}
"""Fields of ``Services`` that hold nothing of one person."""

ASKED_ELSEWHERE = {
    "Ledger": "accounts of one's own, whatever is named; see test_store_ledger.py",
}
"""Stores whose methods are only looked at here."""

BY_SECRET = {
    "Tokens.told_by": "whoever shows a token is known by it",
    "VoiceLinks.accept": "a link is for whoever holds it",
    "DocumentShares.accept": "a link is for whoever holds it",
    "JobHistory.pasts": "how long such steps take, whose they were it does not tell",
    "Leases.renew": "a lease is held by its token",
    "Leases.release": "a lease is held by its token",
    "Leases.require": "a lease is held by its token",
}
"""Methods that ask for a secret, not for who somebody is."""

MAKES_OWN = {
    "Catalog.add": "a document of one's own",
    "Preferences.put": "a choice of one's own",
    "Tokens.make": "a token of one's own",
    "Uploads.begin": "an upload of one's own",
    "Voices.add": "a voice of one's own",
    "JobViews.save": "a view of one's own",
}
"""Methods that need nothing of anybody and make something of one's own."""


IS_A_LIST = {
    "Filters.reorder": "names all of one's own, and these are not among them",
}
"""Methods that are told of things together; those of others are wrong among them."""


@dataclass(frozen=True)
class World:
    """What A has, as arguments by the names of parameters."""

    arguments: dict[str, Any]
    for_one: dict[str, dict[str, Any]]  # where a method needs another of the kind


@dataclass(frozen=True)
class Filled:
    """Stores that hold it, and a copy to go back to."""

    services: Services
    world: World
    folder: Path
    aside: Path


def public_methods(cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_"):
            yield f"{cls.__name__}.{name}", method


def store_classes() -> dict[str, type]:
    """Return the class of each store by its field of ``Services``."""
    by_name = {f.name: f.type for f in fields(Services) if f.name not in NOBODYS}
    return {
        name: kind if isinstance(kind, type) else _named(str(kind))
        for name, kind in by_name.items()
    }


def _named(name: str) -> type:
    import resources.services

    return vars(resources.services)[name]


def is_for_installation(method: Callable[..., Any]) -> bool:
    return bool(getattr(method, "__for_installation__", ""))


STORES = store_classes()
METHODS = {
    name: method
    for cls in STORES.values()
    for name, method in public_methods(cls)
    if not is_for_installation(method)
}
ASKED = sorted(METHODS.keys() - BY_SECRET.keys())
CALLED = [one for one in ASKED if one.partition(".")[0] not in ASKED_ELSEWHERE]


def test_every_method_takes_the_principal_first() -> None:
    for name in ASKED:
        _self, *parameters = inspect.signature(METHODS[name]).parameters.values()
        assert parameters, f"{name} acts for nobody: mark it @for_installation"
        assert parameters[0].name == "principal", f"{name} is to take it first"
        assert parameters[0].annotation is Principal, name
        assert parameters[0].default is inspect.Parameter.empty, name


def test_statistics_are_of_a_principal_too() -> None:
    everybodys = {"published", "check", "everybody"}
    for name, method in public_methods(StatisticsReader):
        if name.partition(".")[2] not in everybodys:
            assert list(inspect.signature(method).parameters)[1] == "principal", name


def test_the_lists_of_exceptions_name_methods_that_there_are() -> None:
    assert BY_SECRET.keys() | MAKES_OWN.keys() <= METHODS.keys()
    assert NOBODYS.keys() <= {field.name for field in fields(Services)}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Yield stores with one of everything that A can have."""
    folder = tmp_path_factory.mktemp("ownership")
    services = Services.open(settings_in(folder))
    world = fill(services)
    aside = tmp_path_factory.mktemp("aside")
    with sqlite3.connect(folder / FILE) as live, sqlite3.connect(aside / FILE) as kept:
        live.backup(kept)
    shutil.copytree(folder / "uploads", aside / "uploads")
    yield Filled(services, world, folder, aside)
    services.close()


@pytest.fixture
def opened(filled: Filled) -> Services:
    """Return the stores as they were filled, whatever was called before."""
    kept, live = (sqlite3.connect(at / FILE) for at in (filled.aside, filled.folder))
    kept.backup(live)
    for one in (kept, live):
        one.close()
    shutil.copytree(
        filled.aside / "uploads", filled.folder / "uploads", dirs_exist_ok=True
    )
    return filled.services


@pytest.mark.parametrize("name", CALLED)
def test_nobody_reaches_what_is_somebody_elses(
    name: str, opened: Services, filled: Filled
) -> None:
    before = rows(opened)
    result: Any = None
    try:
        result = call(opened, name, B, filled.world)
    except NotFound:
        pass
    except InvalidRequest:
        assert name in IS_A_LIST
    else:
        assert name in MAKES_OWN or is_empty(result), f"B got {result!r}"

    assert_untouched(before, rows(opened))


@pytest.mark.parametrize("name", CALLED)
def test_its_owner_reaches_it(name: str, opened: Services, filled: Filled) -> None:
    """Else the question above could not tell anything."""
    before = rows(opened)
    result = call(opened, name, A, filled.world)

    assert not is_empty(result) or rows(opened) != before


def call(services: Services, name: str, principal: Principal, world: World) -> Any:
    """Call a method on somebody's behalf, with what A has."""
    cls, _, method = name.partition(".")
    [store] = [field for field, kind in STORES.items() if kind.__name__ == cls]
    known = world.arguments | world.for_one.get(name, {})
    positional, named = [], {}
    for parameter in list(inspect.signature(METHODS[name]).parameters.values())[2:]:
        if parameter.name not in known:
            assert parameter.default is not inspect.Parameter.empty, (
                f"{name} takes “{parameter.name}”: say in fill() what A has of it"
            )
            continue
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            named |= known[parameter.name]
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            named[parameter.name] = known[parameter.name]
        else:
            positional.append(known[parameter.name])
    return getattr(getattr(services, store), method)(principal, *positional, **named)


def is_empty(result: Any) -> bool:
    if isinstance(result, Page):
        result = list(result.jobs)
    return result is None or result in (False, 0, "", [], {}, (), set())


def rows(services: Services) -> dict[str, set[tuple[Any, ...]]]:
    """Return every row of every table."""
    with services.database.read() as connection:
        return {
            table.name: {
                tuple(map(repr, row)) for row in connection.execute(select(table))
            }
            for table in schema.metadata.sorted_tables
            if table.name != "document_text"  # on SQLite a virtual one: search
        }


def assert_untouched(
    before: dict[str, set[tuple[Any, ...]]], after: dict[str, set[tuple[Any, ...]]]
) -> None:
    """Nothing that was there is changed, and what is new is B's."""
    for name, old in before.items():
        assert old <= after[name], f"B changed a row of {name}"
        columns = [column.name for column in schema.metadata.tables[name].columns]
        for row in after[name] - old:
            values = dict(zip(columns, row, strict=True))
            assert values.get("owner_id") == repr(str(B.owner_id)), (name, values)


def fill(services: Services) -> World:
    """Give A one of everything; return what a method may be called with."""
    document = add_document(services, "One.", "Two.", principal=A)
    second = add_document(services, "Second.", principal=A)
    gone = add_document(services, "Gone.", principal=A)
    services.catalog.delete(A, gone.id)
    link = link_to("One.", index=0)
    voice(services, document, link)
    artifact = services.blobs.put(b"a file")
    facts = {"name": "a.m4b", "media_type": "audio/mp4", "size_bytes": 6}
    services.catalog.put_artifact(document.id, f"export-{'e' * 32}", artifact, facts)
    job = services.jobs.create(A, document_id=document.id, kind=JobKind.PREPARE)
    ended = services.jobs.create(A, document_id=document.id, kind=JobKind.RENDER)
    services.jobs.cancel(A, ended.id)
    services.joblog.append(job.id, "A line.")
    done = services.jobs.create(A, document_id=document.id, kind=JobKind.VOICE)
    services.jobs.start(done.id, "run")
    services.jobs.describe(done.id, engine="espeak", voice_id=VOICE, machine="cpu")
    services.jobs.progress(done.id, step=JobStep.SPEAKING, done=1, total=1)
    services.jobs.finish(done.id)
    listening, _ = services.jobs.ensure_listener(
        A, document_id=document.id, parameters={}
    )
    services.jobs.start(listening.id, "run")
    services.jobs.fail(listening.id, TookTooLong("It took too long."))
    stopped = services.batches.begin(A, [Task(document.id, True, 9, 1)], name="Old")
    services.batches.cancel(A, stopped.id)
    batch = services.batches.begin(A, [Task(document.id, True, 4, 1)], name="All")
    upload = services.uploads.begin(A, "a.txt", 2)
    complete = services.uploads.begin(A, "b.txt", 2)
    services.uploads.advance(A, complete.id, offset=0, data=b"xy")
    bookmark = services.bookmarks.add(
        A, document.id, block_id=link.block_id, block_index=0
    )
    cursor = Cursor(0, 0, True, 1.0, VOICE, "s", 7)
    services.cursors.put(A, document.id, cursor)
    services.preferences.put(A, "look", "serif")
    kept_filter = services.filters.add(A, FILTER, document_id=document.id)
    services.filters.change(A, kept_filter.id, replace(FILTER, name="Newer"))
    view = services.job_views.save(A, "Mine", JobFilter())
    services.pins.pin(A, document.id)
    services.pins.pin(A, document.id, export_id="e" * 32)
    token, _ = services.tokens.make(A, name="t", scopes=frozenset(Scope))
    draft = VoiceDraft("Anna", "espeak", "1", "en", mix_of([("a", 1), ("b", 1)]))
    kept, lost = (
        services.voices.add(A, draft),
        services.voices.add(A, draft, rename=True),
    )
    services.voices.delete(A, lost.id)
    voice_link, _ = services.voice_links.make(A, kept.id)
    borrowed = services.voices.add(C, draft)
    services.voice_links.accept(A, services.voice_links.make(C, borrowed.id)[1])
    spoken = link_to("Two.", index=1)
    claim = services.variants.claim(spoken.key, "test", 60)
    assert claim is not None
    services.variants.complete(
        A, document, voice_id=kept.voice_id, completions=[made(services, claim, spoken)]
    )
    share, _ = services.shares.make_link(A, document.id)
    theirs = add_document(services, "Theirs.", principal=C)
    services.shares.let_in(C, theirs.id, A, named="a@example.org")
    arguments = {
        "document_id": document.id,
        "voices": {document.id: VOICE},
        "blob": document.blob,
        "title": "Mine now",
        "filename": "x.txt",
        "format": document.format,
        "size_bytes": 1,
        "state": DocumentState.PREPARING,
        "policy": {},
        "spoken_chars": 1,
        "voice_id": VOICE,
        "name": "look",
        "value": "sans",
        "key": link.key,
        "keys": [link.key],
        "after": 0,
        "kind": JobKind.PREPARE,
        "parameters": {"as": "asked"},
        "job_id": job.id,
        "batch_id": batch.id,
        "tasks": [Task(document.id, True, 4, 1)],
        "upload_id": upload.id,
        "offset": 0,
        "data": b"zz",
        "export_id": "e" * 32,
        "bookmark_id": bookmark.id,
        "block_id": link.block_id,
        "block_index": 1,
        "cursor": Cursor(1, 0, True, 1.0, VOICE, "s", 8),
        "token_id": token.id,
        "filter_id": kept_filter.id,
        "filter_ids": [kept_filter.id],
        "version": 1,
        "rule": FILTER.rules[0],
        "view_id": view.id,
        "among": [document.id],
        "holder": "an editor",
        "codes": [TookTooLong.code],
        "within": timedelta(days=1),
        "scopes": frozenset(Scope),
        "id_": kept.id,
        "link_id": voice_link.id,
        "visibility": Visibility.WORKSPACE,
        "values": {"name": "Berta"},
        "draft": draft,
        "share_id": share.id,
        "guest": D,
        "named": "d@example.org",
    }
    for_one: dict[str, dict[str, Any]] = {
        "Catalog.restore": {"document_id": gone.id},
        "Catalog.purge_own": {"document_id": gone.id},
        "Catalog.documents": {"state": None},
        "Catalog.own_artifact": {"name": f"export-{'e' * 32}"},
        "Catalog.set_policy": {"policy": {BlockKind.FOOTNOTE: Speaking.SKIP}},
        "Jobs.create": {"job_id": "j" * 36},
        "Jobs.reopen": {"job_id": ended.id},
        "Batches.resume": {"batch_id": stopped.id},
        "Batches.begin": {"name": "Mine", "voice_id": "another:voice"},
        "Uploads.begin": {"name": "c.txt", "size_bytes": 2},
        "Uploads.finish": {"upload_id": complete.id},
        "Voices.restore": {"id_": lost.id},
        "Voices.once_used": {"id_": kept.id},
        "VoiceLinks.leave": {"id_": borrowed.id},
        "Voices.add": {"draft": VoiceDraft("Cleo", "espeak", "1", "en", draft.recipe)},
        "DocumentShares.leave": {"document_id": theirs.id},
        "Pins.pin": {"document_id": second.id, "export_id": ""},
        "Tokens.make": {"name": "new"},
        "Filters.add": {"wanted": FILTER},
        "Filters.drop_rule": {"name": "Newer"},
        "Filters.change": {"wanted": FILTER, "version": None},
        "JobHistory.page": {"wanted": JobFilter(), "after": None},
        "JobHistory.steps": {"job_id": done.id},
        "JobViews.change": {"wanted": JobFilter(words="x")},
        "JobViews.save": {"wanted": JobFilter(), "name": "Another"},
    }
    return World(arguments, for_one)
