"""Nobody reaches what is somebody else's: asked of every route that the app has.

The routes are taken from the app itself, so a new one is asked too: it names in
``ASKS`` how it is asked for a thing of A, or in ``NOBODYS`` why there is none to ask
for. B, a guest and somebody signed out ask, and then A.
"""

import ast
import inspect
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from dashboard import backend, server
from lectern.accounts.people import Principal, Role
from lectern.accounts.rates import Rates
from lectern.accounts.tokens import Scope
from lectern.documents.filters import Filter, Rule
from lectern.ids import new_document_id, new_job_id, new_upload_id
from lectern.jobs.states import JobKind
from lectern.settings import Settings
from resources.services import Services
from tests.support.accounts import add_person, cookie_of, with_accounts
from tests.support.library import ready_document, voice_block
from tests.support.voices import add_voice, clip, with_blend

FILE = "lectern.sqlite3"
VOICE = "espeak:en-gb"
CONSENT = {"statement": "I read this myself and agree.", "on": "2026-03-01"}


@dataclass(frozen=True)
class Things:
    """What one person has, by id."""

    document: str
    upload: str
    export: str
    sound: str
    bookmark: str
    job: str
    filter: str
    share: str
    voice: str
    gone_voice: str
    link: str
    clip: str
    lent: str  # a document of a third person, shared with this one
    borrowed: str  # a voice likewise
    token: str  # of a link

    @property
    def ids(self) -> list[str]:
        return [getattr(self, one.name) for one in fields(self)]


NOTHING = Things(
    document=new_document_id(),
    upload=new_upload_id(),
    export="0" * 32,
    sound="0" * 64,
    bookmark="1" * 32,
    job=new_job_id(),
    filter="a" * 32,
    share="2" * 32,
    voice="3" * 32,
    gone_voice="4" * 32,
    link="5" * 32,
    clip="6" * 64,
    lent="7" * 32,
    borrowed="8" * 32,
    token="9" * 32,
)
"""Ids of the same look that lead nowhere."""


@dataclass(frozen=True)
class Ask:
    """One request for a thing."""

    path: str
    json: Any = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    is_stream: bool = False


def _of_document(tail: str, **more: Any) -> Callable[[Things], Ask]:
    return lambda things: Ask(f"/api/documents/{things.document}/{tail}", **more)


def _of_voice(tail: str = "", **more: Any) -> Callable[[Things], Ask]:
    return lambda things: Ask(f"/api/voices/{things.voice}{tail}", **more)


def _reference(things: Things) -> Any:
    recipe = {"kind": "reference", "clip": things.clip, "transcript": "Boats."}
    return {
        "name": "Clip",
        "engine": "blend",
        "language": "en",
        "recipe": recipe | {"consent": CONSENT},
    }


FILTER = {"name": "Words", "rules": [{"find": "colour", "replace": "color"}]}
SAYING = {"words": "mill", "say": "house"}
CURSOR = {"session": "s", "sequence": 1, "block": 0, "voice": VOICE}

ASKS: dict[str, Callable[[Things], Ask]] = {
    "HEAD /api/uploads/{id}": lambda t: Ask(f"/api/uploads/{t.upload}"),
    "PUT /api/uploads/{id}": lambda t: Ask(
        f"/api/uploads/{t.upload}", content=b"x", headers={"upload-offset": "0"}
    ),
    "DELETE /api/uploads/{id}": lambda t: Ask(f"/api/uploads/{t.upload}"),
    "GET /api/documents/{id}/manifest": _of_document("manifest"),
    "PUT /api/documents/{id}/policy": _of_document("policy", json={"footnote": "skip"}),
    "GET /api/documents/{id}/original": _of_document("original"),
    "POST /api/documents/{id}/render": _of_document("render"),
    "GET /api/documents/{id}/audio.opus": _of_document("audio.opus"),
    "GET /api/documents/{id}/recognitions": _of_document("recognitions"),
    "POST /api/documents/{id}/recognitions": _of_document(
        "recognitions", json={"recogniser": "local"}
    ),
    "PUT /api/documents/{id}/text": _of_document("text", json={"recogniser": "local"}),
    "GET /api/documents/{id}/events": _of_document("events", is_stream=True),
    "GET /api/documents/{id}/exports": _of_document("exports"),
    "POST /api/documents/{id}/exports": _of_document("exports", json={"format": "m4b"}),
    "POST /api/documents/{id}/exports/quote": _of_document(
        "exports/quote", json={"format": "m4b"}
    ),
    "GET /api/exports/{id}": lambda t: Ask(f"/api/exports/{t.export}"),
    "DELETE /api/exports/{id}": lambda t: Ask(f"/api/exports/{t.export}"),
    "GET /api/documents/{id}/cursor": _of_document("cursor"),
    "POST /api/documents/{id}/cursor": _of_document("cursor", json=CURSOR),
    "GET /api/jobs/{id}/log": lambda t: Ask(f"/api/jobs/{t.job}/log"),
    "GET /api/filters/{id}": lambda t: Ask(f"/api/filters/{t.filter}"),
    "PUT /api/filters/{id}": lambda t: Ask(f"/api/filters/{t.filter}", json=FILTER),
    "DELETE /api/filters/{id}": lambda t: Ask(f"/api/filters/{t.filter}"),
    "POST /api/filters": lambda t: Ask(
        "/api/filters", json=FILTER | {"document": t.document}
    ),
    "POST /api/documents/{id}/sayings": _of_document("sayings", json=SAYING),
    "GET /api/audio/{key}.ogg": lambda t: Ask(f"/api/audio/{t.sound}.ogg"),
    "GET /api/audio/{key}.json": lambda t: Ask(f"/api/audio/{t.sound}.json"),
    "GET /api/documents/{id}/bookmarks": _of_document("bookmarks"),
    "POST /api/documents/{id}/bookmarks": _of_document("bookmarks", json={"block": 0}),
    "DELETE /api/bookmarks/{id}": lambda t: Ask(f"/api/bookmarks/{t.bookmark}"),
    "GET /api/documents/{id}/shares": _of_document("shares"),
    "POST /api/documents/{id}/shares": _of_document("shares", json={}),
    "DELETE /api/documents/{id}/shares/{share}": lambda t: Ask(
        f"/api/documents/{t.document}/shares/{t.share}"
    ),
    "DELETE /api/documents/{id}/guest": lambda t: Ask(f"/api/documents/{t.lent}/guest"),
    "GET /api/voices/preview.ogg": lambda t: Ask(
        f"/api/voices/preview.ogg?voice=custom:{t.voice}"
    ),
    "POST /api/voices/preview": lambda t: Ask(
        "/api/voices/preview", json=_reference(t)
    ),
    "PUT /api/voices/default": lambda t: Ask(
        "/api/voices/default", json={"language": "en", "voice": f"custom:{t.voice}"}
    ),
    "PUT /api/voices/favourite": lambda t: Ask(
        "/api/voices/favourite", json={"voice": f"custom:{t.voice}", "favourite": True}
    ),
    "POST /v1/audio/speech": lambda t: Ask(
        "/v1/audio/speech", json={"input": "Hello.", "voice": f"custom:{t.voice}"}
    ),
    "POST /api/voices": lambda t: Ask("/api/voices", json=_reference(t)),
    "GET /api/voices/clips/{clip}.wav": lambda t: Ask(
        f"/api/voices/clips/{t.clip}.wav"
    ),
    "PATCH /api/voices/{id}": _of_voice(json={"name": "Berta"}),
    "DELETE /api/voices/{id}": _of_voice(),
    "POST /api/voices/{id}/renew": _of_voice("/renew"),
    "POST /api/voices/{id}/restore": lambda t: Ask(
        f"/api/voices/{t.gone_voice}/restore"
    ),
    "PUT /api/voices/{id}/visibility": _of_voice(
        "/visibility", json={"visibility": "public"}
    ),
    "GET /api/voices/{id}/links": _of_voice("/links"),
    "POST /api/voices/{id}/links": _of_voice("/links"),
    "DELETE /api/voices/{id}/links/{link}": lambda t: Ask(
        f"/api/voices/{t.voice}/links/{t.link}"
    ),
    "DELETE /api/voices/{id}/guest": lambda t: Ask(f"/api/voices/{t.borrowed}/guest"),
    "GET /api/voices/{id}/archive": _of_voice("/archive"),
}
"""How each route is asked for a thing of somebody."""

LISTS = {
    "GET /api/voices",
    "GET /api/voices/engines",
    "GET /api/shared",
    "GET /api/filters",
    "GET /api/usage",
    "GET /api/usage/entries.csv",
    "GET /v1/audio/voices",
    "GET /v1/models",
}
"""Routes that list what there is for whoever asks."""

NOBODYS = {
    "/assets/": "files of the app",
    "/live": "whether it answers",
    "/ready": "whether it answers",
    "/health/deep": "of the installation",
    "POST /api/uploads": "begins one's own",
    "POST /api/texts": "adds one's own",
    "POST /api/addresses": "adds one's own",
    "POST /api/voices/archives": "adds one's own",
    "POST /api/voices/clips": "adds one's own",
    "POST /api/voices/accept": "a link is for whoever holds it",
    "POST /api/shared": "a link is for whoever holds it",
    "/sign-": "how one comes in and goes out",
    "/guest": "how one comes in",
    "/welcome": "how one comes in",
    "/forgotten": "how one comes in",
    "/api/billing/": "of one's own plan; notices prove who sends them",
    "/operator": "tells who is an operator",
    "GET /api/session": "tells who asks",
    "GET /shared": "where a link leads; what it carries stays in the browser",
    "/api/{path:path}": "answers what is not there",
    "/v1/{path:path}": "answers what is not there",
}
"""Routes, or beginnings of routes, that lead to nothing of anybody."""

REFUSALS = (400, 404, 422)
"""How an argument is answered that is not there; what a path names is 404."""
NEAREST = "The nearest are"
"""Begins a part of a message that is about the name that was asked for."""


def routes() -> Iterator[str]:
    for one in server.ROUTES:
        assert isinstance(one, Route)
        methods = set(one.methods or ())
        for method in sorted(methods - {"HEAD", "OPTIONS"} or methods):
            yield f"{method} {one.path}"


def is_nobodys(name: str) -> bool:
    path = name.partition(" ")[2]
    return any(name == one or path.startswith(one) for one in NOBODYS)


ROUTES = list(routes())


def test_every_route_is_asked_for_a_thing_of_somebody_or_has_none() -> None:
    unknown = [r for r in ROUTES if r not in ASKS | dict.fromkeys(LISTS)]

    assert [route for route in unknown if not is_nobodys(route)] == []
    assert ASKS.keys() | LISTS <= set(ROUTES)


@dataclass(frozen=True)
class Place:
    """An installation in which A has one of everything."""

    services: Services
    folder: Path
    aside: Path
    things: Things
    cookies: dict[str, dict[str, str]]  # by who asks
    secrets: dict[str, str]  # of API tokens


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Place]:
    folder, aside = (tmp_path_factory.mktemp(name) for name in ("live", "aside"))
    shutil.copy(migrated, folder)
    settings = Settings(_env_file=None, data_dir=folder, disk_reserve_bytes=0)
    settings = settings.model_copy(update={"rates": Rates(enabled=False)})
    opened = backend.open_backend(with_accounts(settings, guests=True))
    backend.install(opened)
    services = opened.services
    with_blend(services)
    a, b, c = (add_person(services, name) for name in ("anna", "bert", "cleo"))
    guest = add_person(services, "gast", role=Role.GUEST)
    people = {"A": a, "B": b, "guest": guest}
    secrets = {
        name: services.tokens.make(one.principal, name="t", scopes=tuple(Scope))[1]
        for name, one in people.items()
    }
    made = Place(
        services,
        folder,
        aside,
        things_of(services, a.principal, c.principal),
        {name: cookie_of(services, one) for name, one in people.items()},
        secrets,
    )
    with sqlite3.connect(folder / FILE) as live, sqlite3.connect(aside / FILE) as kept:
        live.backup(kept)
    shutil.copytree(folder / "uploads", aside / "uploads")
    yield made
    backend.install(None)
    opened.orchestrator.close()
    services.close()


def things_of(services: Services, owner: Principal, other: Principal) -> Things:
    """Give somebody one of everything."""
    document = ready_document(services, principal=owner)
    sound = voice_block(services, document, 0, voice_id=VOICE, sound=b"a sound")
    facts = {"name": "a.m4b", "media_type": "audio/mp4", "size_bytes": 6}
    facts |= {"duration_ms": 1, "request": {}}
    file = services.blobs.put(b"a file")
    for name in (f"export-{'e' * 32}", "document_audio"):
        services.catalog.put_artifact(document.id, name, file, facts)
    job = services.jobs.create(owner, document_id=document.id, kind=JobKind.PREPARE)
    kept_filter = services.filters.add(owner, Filter("Words", (Rule("a", "b"),)))
    bookmark = services.bookmarks.add(
        owner, document.id, block_id="0" * 36, block_index=0
    )
    share, token = services.shares.make_link(owner, document.id)
    kept, gone = (add_voice(services, n, principal=owner) for n in ("Ada", "Bea"))
    services.voices.delete(owner, gone.id)
    link, _ = services.voice_links.make(owner, kept.id)
    lent = ready_document(services, principal=other, title="Lent")
    services.shares.let_in(other, lent.id, owner, named="a@example.org")
    borrowed = add_voice(services, "Cleo", principal=other)
    services.voice_links.accept(owner, services.voice_links.make(other, borrowed.id)[1])
    recording, _ = services.voice_making().take_clip(owner, clip(2.0))
    return Things(
        document=document.id,
        upload=services.uploads.begin(owner, "a.txt", 2).id,
        export="e" * 32,
        sound=sound,
        bookmark=bookmark.id,
        job=job.id,
        filter=kept_filter.id,
        share=share.id,
        voice=kept.id,
        gone_voice=gone.id,
        link=link.id,
        clip=recording,
        lent=lent.id,
        borrowed=borrowed.id,
        token=token,
    )


@pytest.fixture
def fresh(place: Place) -> Place:
    """Return the installation as it was made, whatever was asked before."""
    kept, live = (sqlite3.connect(at / FILE) for at in (place.aside, place.folder))
    kept.backup(live)
    for one in (kept, live):
        one.close()
    shutil.copytree(
        place.aside / "uploads", place.folder / "uploads", dirs_exist_ok=True
    )
    return place


@dataclass(frozen=True)
class Answer:
    """What was answered, without the ids that were asked for."""

    status: int
    text: str


def ask(place: Place, served: str, who: str, route: str, things: Things) -> Answer:
    method = route.partition(" ")[0]
    wanted = ASKS[route](things)
    headers = {"origin": served, **wanted.headers}
    if wanted.path.startswith("/v1/") and who in place.secrets:
        headers["authorization"] = f"Bearer {place.secrets[who]}"
    with (
        httpx.Client(base_url=served, cookies=place.cookies.get(who, {})) as client,
        client.stream(
            method,
            wanted.path,
            json=wanted.json,
            content=wanted.content,
            headers=headers,
        ) as answer,
    ):
        is_endless = wanted.is_stream and answer.status_code == 200
        text = "" if is_endless else answer.read().decode(errors="replace")
    for id_ in things.ids:
        text = text.replace(id_, "…")
    return Answer(answer.status_code, text.partition(NEAREST)[0])


def expected(route: str) -> tuple[int, ...]:
    return (404,) if "{" in route else REFUSALS


@pytest.mark.parametrize("route", sorted(ASKS))
def test_a_thing_of_somebody_else_is_a_thing_that_is_not_there(
    place: Place, served: str, route: str
) -> None:
    for who in ("B", "guest"):
        answer = ask(place, served, who, route, place.things)
        assert answer.status in expected(route), (who, answer)
        assert answer == ask(place, served, who, route, NOTHING), who


@pytest.mark.parametrize("route", sorted(ASKS))
def test_whoever_is_signed_out_gets_nothing(
    place: Place, served: str, route: str
) -> None:
    answer = ask(place, served, "nobody", route, place.things)

    assert answer.status == 401
    assert answer == ask(place, served, "nobody", route, NOTHING)


@pytest.mark.parametrize("route", sorted(ASKS))
def test_its_owner_gets_it(fresh: Place, served: str, route: str) -> None:
    """Else the questions above could not tell anything."""
    answer = ask(fresh, served, "A", route, fresh.things)

    not_there = ask(fresh, served, "A", route, NOTHING)
    assert answer != not_there
    assert not_there.status in expected(route)


@pytest.mark.parametrize("route", sorted(LISTS))
def test_no_list_shows_what_is_somebody_elses(
    fresh: Place, served: str, route: str
) -> None:
    things = fresh.things
    for who in ("B", "guest"):
        headers = {"authorization": f"Bearer {fresh.secrets[who]}"}
        answer = httpx.get(
            f"{served}{route.partition(' ')[2]}",
            cookies=fresh.cookies[who],
            headers=headers,
        )
        assert answer.status_code == 200, answer.text
        assert [id_ for id_ in things.ids if id_ in answer.text] == []


LET_THROUGH = {
    # It decides whether a job that a person has made may have a run yet.
    "following.py: jobs.is_its_turn",
    # To the log of a job that was just queued again for its owner.
    "following.py: joblog.append",
}


def test_the_app_calls_nothing_that_acts_for_the_installation() -> None:
    """Such methods ask nobody's leave; a request must come by way of one that does."""
    marked = {
        (one.name, name)
        for one in fields(Services)
        for name, method in inspect.getmembers(_class_of(one.type))
        if getattr(method, "__for_installation__", "")
    }
    assert len(marked) > 30
    found = [
        f"{path.name}: {store}.{name}"
        for path in Path(server.__file__).parent.rglob("*.py")
        for store, name in called(ast.parse(path.read_text()))
        if (store, name) in marked
    ]

    assert sorted(found) == sorted(LET_THROUGH)


def _class_of(kind: Any) -> type:
    import resources.services

    return kind if isinstance(kind, type) else vars(resources.services)[str(kind)]


def called(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what a module names of stores: (“jobs”, “find”)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            if isinstance(owner, ast.Attribute):
                yield owner.attr, node.attr
            elif isinstance(owner, ast.Name):
                yield owner.id, node.attr
