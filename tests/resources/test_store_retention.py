"""What is pinned, open, worked on or just used stays, also if it was planned to go."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import update

from lectern.accounts.people import LOCAL
from lectern.errors import LeaseLost, LeaseTaken, NotFound
from lectern.ids import DocumentId, JobId
from lectern.jobs.states import JobKind
from lectern.operations.retention import Kind, Plan
from lectern.settings_retention import Keeping, Retention
from resources.retaining import Retaining
from resources.services import Services
from resources.stores import schema
from resources.stores.catalog import Document
from resources.stores.cursors import Cursor
from resources.stores.exports import EXPORT
from resources.stores.holds import lock
from tests.support.stores import (
    OTHER,
    VOICE,
    Clock,
    add_document,
    key_of,
    link_to,
    settings_in,
    voice,
)

DAY = 86_400.0
EXPORT_ID = "e" * 32
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where nothing waits for a disk: the machine of states writes much."""


def retaining(services: Services, **rules: object) -> Retaining:
    """Return retention under these rules and no others."""
    unbound = dict.fromkeys(("export_days", "export_bytes", "log_days", "log_bytes"))
    return Retaining(
        services.database,
        services.blobs,
        services.joblog,
        Retention.model_validate(unbound | rules),
    )


def add_export(
    services: Services, document: Document, export_id: str = EXPORT_ID, *, size: int = 9
) -> None:
    """Put an export there as if it had been made."""
    services.catalog.put_artifact(
        document.id,
        f"{EXPORT}{export_id}",
        services.blobs.put(export_id.encode()),
        {"name": "book.m4b", "media_type": "audio/mp4", "size_bytes": size},
    )


def listen(services: Services, document: Document) -> None:
    """Have somebody be in a document just now."""
    here = Cursor(0, 0, True, 1.0, VOICE, "reader", 1)
    services.cursors.put(LOCAL, document.id, here)


def ids(planned: Plan) -> list[str]:
    """Return what is planned to go."""
    return [deletion.item.id for deletion in planned.deletions]


def finish(services: Services, job_id: JobId) -> None:
    """End a job well."""
    services.jobs.start(job_id, run_id="run")
    services.jobs.finish(job_id)


def test_as_it_stands_nothing_but_old_exports_and_logs_go(
    timed: Services, clock: Clock
) -> None:
    document = add_document(timed, "hello")
    voice(timed, document, link_to("hello"))
    timed.catalog.put_artifact(document.id, "cover", timed.blobs.put(b"cover"))
    add_export(timed, document)
    clock.pass_(1000 * DAY)

    planned = timed.retaining().plan()
    retained = timed.retaining().carry_out(planned)

    assert ids(planned) == [f"{document.id}/{EXPORT}{EXPORT_ID}"]
    assert retained.deleted == {Kind.EXPORT: 1}
    assert timed.catalog.get(LOCAL, document.id) == document
    assert timed.variants.existing([key_of("hello")])


def test_an_export_that_is_downloaded_is_used(timed: Services, clock: Clock) -> None:
    document = add_document(timed, "hello")
    add_export(timed, document)
    clock.pass_(100 * DAY)
    timed.exports.note_use(LOCAL, EXPORT_ID)
    clock.pass_(100 * DAY)

    assert ids(retaining(timed, export_days=150).plan()) == []
    clock.pass_(100 * DAY)
    add_export(timed, document)  # made anew
    assert ids(retaining(timed, export_days=150).plan()) == []


@pytest.mark.parametrize("hold", ["pin", "export pin", "lease", "job", "use"])
def test_whoever_comes_between_plan_and_deletion_wins(
    timed: Services, clock: Clock, hold: str
) -> None:
    document = add_document(timed, "hello")
    voice(timed, document, link_to("hello"))
    add_export(timed, document)
    clock.pass_(100 * DAY)
    rules = retaining(
        timed, export_days=1, audio_days=1, source_days=1, takes_sources=True
    )
    planned = rules.plan()
    assert len(planned.deletions) == 3
    clock.pass_(1)
    begin: dict[str, Callable[[], object]] = {
        "pin": lambda: timed.pins.pin(LOCAL, document.id),
        "export pin": lambda: timed.pins.pin(LOCAL, document.id, export_id=EXPORT_ID),
        "lease": lambda: timed.leases.take(LOCAL, document.id, "editor"),
        "job": lambda: timed.jobs.create(
            LOCAL, document_id=document.id, kind=JobKind.RENDER
        ),
        "use": lambda: (
            listen(timed, document),
            timed.exports.note_use(LOCAL, EXPORT_ID),
        ),
    }
    begin[hold]()

    retained = rules.carry_out(planned)

    # A pinned export holds its document, and none of the sounds, which are made again.
    lost = {Kind.AUDIO: 1} if hold == "export pin" else {}
    assert retained.deleted == lost
    assert timed.catalog.get(LOCAL, document.id).id == document.id
    assert timed.exports.get(LOCAL, EXPORT_ID).name == "book.m4b"
    assert bool(timed.variants.existing([key_of("hello")])) == (not lost)


def test_sounds_go_by_oldest_use_and_are_unheard_of_afterwards(
    timed: Services, clock: Clock
) -> None:
    old, new = add_document(timed, "old"), add_document(timed, "new")
    voice(timed, old, link_to("old words"))
    voice(timed, new, link_to("new words"))
    clock.pass_(10 * DAY)
    listen(timed, old)
    clock.pass_(1 * DAY)
    listen(timed, new)
    clock.pass_(1 * DAY)
    rules = retaining(timed, audio_bytes=100)

    retained = rules.carry_out(rules.plan())

    assert retained.deleted == {Kind.AUDIO: 1}
    assert not timed.variants.existing([key_of("old words")])
    assert timed.variants.keys_of(old.principal, old.id, VOICE) == {}
    assert timed.variants.existing([key_of("new words")])
    again = timed.variants.claim(key_of("old words"), "again", 60)
    assert again is not None
    assert again.token == 2


def test_a_sound_that_a_pinned_document_shares_is_kept(
    timed: Services, clock: Clock
) -> None:
    one, other = add_document(timed, "x"), add_document(timed, "y")
    voice(timed, one, link_to("shared"))
    timed.variants.link(LOCAL, other, voice_id=VOICE, links=[link_to("shared")])
    timed.pins.pin(LOCAL, other.id)
    clock.pass_(10 * DAY)

    planned = retaining(timed, audio_days=1, audio_bytes=0).plan()

    assert ids(planned) == []
    assert "pinned" in planned.cannot[0].message


def test_documents_go_to_the_trash_where_a_plan_says_so(
    timed: Services, clock: Clock
) -> None:
    document = add_document(timed, "mine")
    theirs = add_document(timed, "theirs", principal=OTHER)
    clock.pass_(8 * DAY)
    guest = Keeping(source_days=7, takes_sources=True)
    rules = retaining(timed, people={OTHER.owner_id: guest})

    retained = rules.carry_out(rules.plan())

    assert retained.deleted == {Kind.SOURCE: 1}
    assert timed.catalog.get(LOCAL, document.id)
    with pytest.raises(NotFound):
        timed.catalog.get(OTHER, theirs.id)
    assert timed.catalog.restore(OTHER, theirs.id).title == theirs.title


def test_the_rules_are_those_of_each_persons_plan(
    timed: Services, clock: Clock
) -> None:
    mine = add_document(timed, "mine")
    theirs = add_document(timed, "theirs", principal=OTHER)
    clock.pass_(8 * DAY)
    plans = {"guest": Keeping(source_days=7, takes_sources=True)}
    asked: list[str] = []

    def plan_name(owner_id: str) -> str:
        asked.append(owner_id)
        return "guest" if owner_id == OTHER.owner_id else "full"

    rules = Retaining(
        timed.database,
        timed.blobs,
        timed.joblog,
        Retention(plans=plans),
        plan_name=plan_name,
    )

    assert ids(rules.plan()) == [theirs.id]
    assert sorted(asked) == sorted({mine.owner_id, theirs.owner_id})


def test_who_opens_a_document_while_it_is_deleted_finds_out(
    services: Services,
) -> None:
    """The deletion has the document locked: an editor waits, and is told."""
    document = add_document(services, "x")
    opened: list[object] = []

    def open_it() -> None:
        try:
            opened.append(services.leases.take(LOCAL, document.id, "editor"))
        except NotFound as error:
            opened.append(error)

    editor = threading.Thread(target=open_it)
    with services.database.write() as connection:
        lock(connection, [document.id])
        editor.start()
        connection.execute(
            update(schema.document).values(deleted_at=services.database.now())
        )
    editor.join()

    assert [type(one) for one in opened] == [NotFound]


def test_the_log_of_a_job_that_goes_on_is_kept(timed: Services, clock: Clock) -> None:
    document = add_document(timed, "x")
    job = timed.jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
    timed.joblog.append(job.id, "Speaking")
    clock.now += timedelta(days=10_000)  # a log's age is that of its file
    rules = retaining(timed, log_days=1)

    assert ids(rules.plan()) == []
    finish(timed, job.id)
    assert rules.carry_out(rules.plan()).deleted == {Kind.LOG: 1}


def test_one_editor_at_a_time_and_each_later_one_has_a_higher_token(
    timed: Services, clock: Clock
) -> None:
    document = add_document(timed, "x")
    first = timed.leases.take(LOCAL, document.id, "one", seconds=60)
    with pytest.raises(LeaseTaken):
        timed.leases.take(LOCAL, document.id, "two")
    clock.pass_(30)
    assert timed.leases.renew(first, seconds=60).token == first.token
    clock.pass_(61)
    late = timed.leases.renew(first, seconds=60)  # nobody took it meanwhile
    clock.pass_(61)
    second = timed.leases.take(LOCAL, document.id, "two", seconds=60)

    assert (first.token, late.token, second.token) == (1, 1, 2)
    with pytest.raises(LeaseLost):
        timed.leases.renew(first)
    with timed.database.write() as connection:
        timed.leases.require(connection, second)
        with pytest.raises(LeaseLost):
            timed.leases.require(connection, first)
    timed.leases.release(second)
    assert timed.leases.take(LOCAL, document.id, "one").token == 3


def test_a_lease_and_a_pin_are_had_on_ones_own_documents_alone(
    services: Services,
) -> None:
    document = add_document(services, "x")
    add_export(services, document)

    for ask in (
        lambda: services.leases.take(OTHER, document.id, "editor"),
        lambda: services.pins.pin(OTHER, document.id),
        lambda: services.pins.pin(LOCAL, document.id, export_id="f" * 32),
    ):
        with pytest.raises(NotFound):
            ask()
    services.pins.pin(LOCAL, document.id)
    services.pins.unpin(OTHER, document.id)
    assert services.pins.documents(LOCAL, [document.id]) == {document.id}
    assert services.pins.documents(OTHER, [document.id]) == set()


class UpkeepOfStores(RuleBasedStateMachine):
    """People edit, pin, listen and work while a plan of any age is carried out."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(dir=MEMORY)
        self.clock = Clock()
        self.services = Services.open(
            settings_in(Path(self.folder.name)), clock=self.clock
        )
        self.documents: list[DocumentId] = []
        for number in range(3):
            document = add_document(self.services, f"text {number}")
            voice(self.services, document, link_to(f"sound {number}"))
            add_export(self.services, document, f"{number}" * 32)
            self.documents.append(document.id)
        self.pinned: set[int] = set()
        self.leased: set[int] = set()
        self.jobs: dict[int, JobId] = {}
        self.planned: tuple[Retaining, Plan] | None = None
        self.lost: list[str] = []

    def teardown(self) -> None:
        self.services.close()
        self.folder.cleanup()

    def is_there(self, n: int) -> bool:
        """Whether a document is not in the trash."""
        return self.services.catalog.find(self.documents[n]).deleted_at is None

    def in_use(self) -> set[int]:
        """Return the documents that are in use."""
        return self.pinned | self.leased | set(self.jobs)

    @rule(n=st.integers(0, 2))
    def pin(self, n: int) -> None:
        if self.is_there(n):
            self.services.pins.pin(LOCAL, self.documents[n])
            self.pinned.add(n)

    @rule(n=st.integers(0, 2))
    def unpin(self, n: int) -> None:
        self.services.pins.unpin(LOCAL, self.documents[n])
        self.pinned.discard(n)

    @rule(n=st.integers(0, 2))
    def edit(self, n: int) -> None:
        if self.is_there(n):
            self.services.leases.take(LOCAL, self.documents[n], "editor", seconds=1e9)
            self.leased.add(n)

    @rule(n=st.integers(0, 2))
    def close(self, n: int) -> None:
        if n in self.leased:
            held = self.services.leases.take(LOCAL, self.documents[n], "editor")
            self.services.leases.release(held)
            self.leased.discard(n)

    @rule(n=st.integers(0, 2))
    def work(self, n: int) -> None:
        if self.is_there(n) and n not in self.jobs:
            job = self.services.jobs.create(
                LOCAL, document_id=self.documents[n], kind=JobKind.RENDER
            )
            self.jobs[n] = job.id

    @rule(n=st.integers(0, 2))
    def end(self, n: int) -> None:
        if n in self.jobs:
            finish(self.services, self.jobs.pop(n))

    @rule(days=st.integers(1, 9))
    def wait(self, days: int) -> None:
        self.clock.pass_(days * DAY)

    @rule(
        audio=st.integers(0, 200),
        exports=st.integers(0, 20),
        sources=st.integers(0, 20),
    )
    def look(self, audio: int, exports: int, sources: int) -> None:
        rules = retaining(
            self.services,
            audio_bytes=audio,
            export_bytes=exports,
            source_bytes=sources,
            takes_sources=True,
        )
        self.planned = rules, rules.plan()

    @precondition(lambda self: self.planned is not None)
    @rule()
    def clean_up(self) -> None:
        assert self.planned is not None
        before = {n for n in self.in_use() if self.holds_all(n)}
        rules, planned = self.planned
        rules.carry_out(planned)
        self.planned = None
        self.lost += [f"document {n}" for n in before if not self.holds_all(n)]
        after = rules.plan()
        rules.carry_out(after)
        left = rules.plan()
        assert not left.deletions, "what was free is gone, and what was in use is told"
        self.lost += [f"document {n}" for n in before if not self.holds_all(n)]

    def holds_all(self, n: int) -> bool:
        """Whether a document has its text, sound and export."""
        exported = self.services.catalog.artifact(
            self.documents[n], f"{EXPORT}{str(n) * 32}"
        )
        sound = self.services.variants.existing([key_of(f"sound {n}")])
        return self.is_there(n) and exported is not None and bool(sound)

    @invariant()
    def nothing_in_use_was_deleted(self) -> None:
        assert self.lost == []


TestUpkeepOfStores = UpkeepOfStores.TestCase
TestUpkeepOfStores.settings = hypothesis_settings(
    max_examples=5, stateful_step_count=15
)


@pytest.mark.drill
def test_no_order_of_events_deletes_what_is_in_use() -> None:
    many = hypothesis_settings(max_examples=300, stateful_step_count=40)
    run_state_machine_as_test(UpkeepOfStores, settings=many)
