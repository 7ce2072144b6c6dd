"""The ledger: nobody spends what is not there, and nothing is charged twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from lectern.accounts.allowances import Allowance
from lectern.accounts.ledger import EntryKind
from lectern.accounts.people import Principal
from lectern.accounts.units import Unit
from lectern.errors import AllowanceUsedUp, StoreError
from lectern.ids import OwnerId
from lectern.settings import Settings
from resources.stores.database import Database
from resources.stores.ledger import HOLD_LASTS, Ledger
from resources.stores.ledger_checks import mismatches
from resources.stores.migrations import migrate
from tests.support.stores import Clock, settings_in

ANNA, BERT = Principal(OwnerId("anna")), Principal(OwnerId("bert"))
CHARS, PAGES, BYTES = Unit.TTS_CHARS, Unit.OCR_PAGES, Unit.STORAGE_BYTES
DAY = 86_400.0


class Books:
    """A ledger of a test's own, with a clock and plans that can be changed."""

    def __init__(self, settings: Settings) -> None:
        self.clock = Clock()
        self.plan: dict[Unit, Allowance] = {CHARS: Allowance(1000)}
        settings.root.mkdir(parents=True, exist_ok=True)
        self.database = Database(settings.database, clock=self.clock)
        migrate(self.database)
        self.ledger = Ledger(
            self.database, allowances=lambda _who, _connection: self.plan
        )

    def change_plan(self, **allowances: Allowance) -> None:
        """Give everybody other allowances, by the units' names."""
        self.plan = {Unit(name): value for name, value in allowances.items()}
        for who in (ANNA, BERT):
            self.ledger.look_again(who)

    def left(self, who: Principal = ANNA, unit: Unit = CHARS) -> int | None:
        """Return what is left of a unit."""
        return self.ledger.balances(who)[unit].left

    def use(self, amount: int, *, key: str, who: Principal = ANNA) -> None:
        """Reserve and settle an amount."""
        self.ledger.reserve(who, {CHARS: amount}, key=key)
        self.ledger.settle(who, {CHARS: amount}, key=key)


@pytest.fixture
def books(stored: Settings) -> Iterator[Books]:
    made = Books(stored)
    yield made
    assert mismatches(made.database) == []
    made.database.close()


def test_what_is_reserved_is_settled_with_what_was_really_made(books: Books) -> None:
    books.ledger.reserve(ANNA, {CHARS: 300}, key="job-1")
    assert books.left() == 700

    assert books.ledger.settle(ANNA, {CHARS: 250}, key="job-1", ref="a book")

    assert books.left() == 750
    newest = books.ledger.entries(ANNA)[0]
    assert (newest.kind, newest.delta, newest.ref) == (EntryKind.USE, -250, "a book")


def test_what_is_released_costs_nothing(books: Books) -> None:
    books.ledger.reserve(ANNA, {CHARS: 300}, key="job-1")

    assert books.ledger.release(ANNA, ["job-1"])
    assert not books.ledger.release(ANNA, ["job-1"])

    assert books.left() == 1000


def test_more_than_there_is_cannot_be_reserved(books: Books) -> None:
    books.ledger.reserve(ANNA, {CHARS: 900}, key="job-1")

    with pytest.raises(AllowanceUsedUp, match="100 characters left, 101 characters"):
        books.ledger.reserve(ANNA, {CHARS: 101}, key="job-2")

    assert books.left() == 100
    books.ledger.reserve(BERT, {CHARS: 1000}, key="job-2")  # has an account of his own


def test_of_several_units_all_are_reserved_or_none(books: Books) -> None:
    books.plan[PAGES] = Allowance(5)

    with pytest.raises(AllowanceUsedUp, match="recognised pages"):
        books.ledger.reserve(ANNA, {CHARS: 10, PAGES: 6}, key="job-1")

    assert (books.left(), books.left(unit=PAGES)) == (1000, 5)


def test_the_same_key_reserves_and_settles_once(books: Books) -> None:
    for _ in range(3):
        books.ledger.reserve(ANNA, {CHARS: 300}, key="job-1")
    assert books.left() == 700

    done = [books.ledger.settle(ANNA, {CHARS: 300}, key="job-1") for _ in range(3)]

    assert done == [True, False, False]
    assert books.left() == 700


def test_of_several_who_settle_at_once_one_does(books: Books) -> None:
    books.ledger.reserve(ANNA, {CHARS: 300}, key="job-1")

    with ThreadPoolExecutor(5) as pool:
        done = list(
            pool.map(
                lambda _: books.ledger.settle(ANNA, {CHARS: 300}, key="job-1"), range(5)
            )
        )

    assert sorted(done) == [False] * 4 + [True]
    assert books.left() == 700


def test_many_at_once_never_reserve_more_than_there_is(books: Books) -> None:
    def reserve(number: int) -> bool:
        with suppress(AllowanceUsedUp):
            books.ledger.reserve(ANNA, {CHARS: 30}, key=f"job-{number}")
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        granted = sum(pool.map(reserve, range(60)))

    assert granted == 1000 // 30
    assert books.left() == 1000 % 30


def test_an_overrun_is_charged_and_refuses_what_comes_next(books: Books) -> None:
    books.ledger.reserve(ANNA, {CHARS: 900}, key="job-1")
    books.ledger.settle(ANNA, {CHARS: 1200}, key="job-1")

    assert books.ledger.is_below_floor(ANNA)
    assert not books.ledger.is_below_floor(BERT)
    with pytest.raises(AllowanceUsedUp, match="heard as before"):
        books.ledger.reserve(ANNA, {CHARS: 1}, key="job-2")

    books.ledger.grant(ANNA, CHARS, 500, key="gift", reason="sorry")

    assert not books.ledger.is_below_floor(ANNA)
    assert books.left() == 300


def test_without_a_bound_nothing_is_held_and_use_is_written_down(books: Books) -> None:
    books.change_plan()
    books.ledger.reserve(ANNA, {CHARS: 10**9}, key="job-1")
    books.ledger.settle(ANNA, {CHARS: 10**9}, key="job-1")

    balance = books.ledger.balances(ANNA)[CHARS]
    assert (balance.left, balance.held, balance.balance) == (None, 0, -(10**9))
    assert not books.ledger.is_below_floor(ANNA)

    books.change_plan(tts_chars=Allowance(40))

    assert books.left() == 40  # what was used without a bound counts for nothing


def test_what_a_dead_process_held_is_free_when_it_is_needed(books: Books) -> None:
    books.ledger.reserve(ANNA, {CHARS: 900}, key="dead")
    books.clock.pass_(HOLD_LASTS.total_seconds() + 1)

    books.ledger.reserve(ANNA, {CHARS: 1000}, key="alive")
    books.ledger.settle(ANNA, {CHARS: 5}, key="dead")  # it was only slow

    assert books.ledger.is_below_floor(ANNA) is False
    assert books.ledger.balances(ANNA)[CHARS].held == 1000


def test_upkeep_frees_what_was_held_for_too_long(books: Books) -> None:
    books.ledger.reserve(ANNA, {CHARS: 900}, key="dead")
    books.ledger.reserve(BERT, {CHARS: 1}, key="long", lasts=timedelta(days=9))
    books.clock.pass_(DAY)

    assert books.ledger.expire_holds() == 1

    assert (books.left(ANNA), books.left(BERT)) == (1000, 999)


def test_each_month_is_granted_once_and_what_is_left_is_gone(books: Books) -> None:
    books.use(400, key="march")
    books.clock.pass_(31 * DAY)
    assert [books.left(), books.left()] == [1000, 1000]

    kinds = [entry.kind.value for entry in books.ledger.entries(ANNA)]
    assert kinds == ["grant", "expire", "use", "grant"]


def test_a_plan_may_let_some_of_a_month_be_kept(books: Books) -> None:
    books.change_plan(tts_chars=Allowance(1000, rollover=250))
    assert books.left() == 1000
    books.clock.pass_(31 * DAY)
    assert books.left() == 1250
    books.clock.pass_(31 * DAY)
    assert books.left() == 1250  # and no more than that

    books.use(1100, key="may")  # the month first, then what was kept
    books.clock.pass_(31 * DAY)

    assert books.left() == 1150


def test_debt_is_paid_by_the_next_month(books: Books) -> None:
    books.ledger.settle(ANNA, {CHARS: 1300}, key="overrun")
    books.clock.pass_(31 * DAY)

    assert books.left() == 700


def test_a_grant_that_runs_out_is_used_before_one_that_does_not(books: Books) -> None:
    soon = books.clock.now + timedelta(days=2)
    books.ledger.grant(ANNA, CHARS, 500, key="g1", reason="kept")
    books.ledger.grant(ANNA, CHARS, 100, key="g2", reason="trial", expires_at=soon)
    assert not books.ledger.grant(ANNA, CHARS, 500, key="g1", reason="kept")
    assert books.left() == 1600

    books.use(70, key="a")
    books.clock.pass_(3 * DAY)

    assert books.left() == 1500


def test_a_larger_plan_gives_its_share_of_the_month_at_once(books: Books) -> None:
    assert books.left() == 1000
    books.clock.now = books.clock.now.replace(day=16, hour=12, minute=0)  # half-way

    books.change_plan(tts_chars=Allowance(3000))
    assert books.left() == 2000
    books.change_plan(tts_chars=Allowance(1000))
    assert books.left() == 2000  # nothing is taken back,
    books.change_plan(tts_chars=Allowance(3000))
    assert books.left() == 2000  # and nothing is given twice

    books.clock.pass_(20 * DAY)
    assert books.left() == 3000


def test_a_gauge_is_a_level_and_no_monthly_amount(books: Books) -> None:
    books.change_plan(storage_bytes=Allowance(1000))
    books.ledger.settle(ANNA, {BYTES: 900}, key="upload")
    with pytest.raises(AllowanceUsedUp, match="storage"):
        books.ledger.reserve(ANNA, {BYTES: 101}, key="export")
    books.clock.pass_(40 * DAY)
    assert books.left(unit=BYTES) == 100

    assert books.ledger.correct(
        ANNA, {BYTES: 600}, key="read", kind=EntryKind.ADJUST, reason="deleted"
    )

    assert books.left(unit=BYTES) == 700


@pytest.mark.parametrize(
    "change", ["UPDATE ledger_entry SET delta = 0", "DELETE FROM ledger_entry"]
)
def test_no_entry_is_ever_changed(books: Books, change: str) -> None:
    books.use(1, key="a")

    with pytest.raises(StoreError, match="never changed"), books.database.write() as it:
        it.execute(text(change))

    assert books.left() == 999


def test_what_does_not_add_up_is_found(books: Books) -> None:
    books.use(10, key="a")
    wrong = "UPDATE ledger_account SET balance = balance + {0}, held = held + {0}"
    with books.database.write() as connection:
        connection.execute(text(wrong.format(1)))

    found = {one.what for one in mismatches(books.database)}

    with books.database.write() as connection:
        connection.execute(text(wrong.format(-1)))
    assert found == {"balance", "held"}


class LedgerMachine(RuleBasedStateMachine):
    """Two people reserve, settle, release, repeat themselves, and let time go by.

    Whatever the order, the books balance, and nobody reserves more than there is.
    """

    books: Books

    def __init__(self) -> None:
        super().__init__()
        self.number = LedgerMachine.started = getattr(LedgerMachine, "started", 0) + 1
        self.who = Principal(OwnerId(f"person-{self.number}"))
        self.open: dict[str, int] = {}
        self.count = 0

    @rule(amount=st.integers(0, 700))
    def reserve(self, amount: int) -> None:
        left = self.books.left(self.who)
        assert left is not None
        self.count += 1
        key = f"work-{self.count}"
        try:
            self.books.ledger.reserve(self.who, {CHARS: amount}, key=key)
        except AllowanceUsedUp:
            assert amount > left
            return
        now = self.books.ledger.balances(self.who)[CHARS]
        assert not amount or now.balance - now.held >= (now.floor or 0)
        self.open[key] = amount

    @rule(more=st.integers(-300, 300), times=st.integers(1, 2))
    def settle(self, more: int, times: int) -> None:
        if self.open:
            key, amount = self.open.popitem()
            used = max(0, amount + more)
            done = [
                self.books.ledger.settle(self.who, {CHARS: used}, key=key)
                for _ in range(times)
            ]
            assert done[1:] == [False] * (times - 1)

    @rule()
    def release(self) -> None:
        if self.open:
            key, _amount = self.open.popitem()
            self.books.ledger.release(self.who, [key])
            assert not self.books.ledger.release(self.who, [key])

    @rule(amount=st.integers(1, 400), days=st.none() | st.integers(0, 20))
    def grant(self, amount: int, days: int | None) -> None:
        self.count += 1
        ends = None if days is None else self.books.clock.now + timedelta(days=days)
        key = f"gift-{self.count}"
        for _ in range(2):
            self.books.ledger.grant(
                self.who, CHARS, amount, key=key, reason="", expires_at=ends
            )

    @rule(days=st.floats(0, 25))
    def wait(self, days: float) -> None:
        self.books.clock.pass_(days * DAY)

    @rule(
        amount=st.sampled_from([0, 100, 1000, 5000]), rollover=st.sampled_from([0, 50])
    )
    def change_plan(self, amount: int, rollover: int) -> None:
        self.books.plan = {CHARS: Allowance(amount, rollover)}
        self.books.ledger.look_again(self.who)

    @rule()
    def tidy(self) -> None:
        self.books.ledger.expire_holds()

    @invariant()
    def the_books_balance(self) -> None:
        assert mismatches(self.books.database) == []


def _run_machine(settings: Settings, *, examples: int) -> None:
    LedgerMachine.books = Books(settings)
    run_state_machine_as_test(
        LedgerMachine,
        settings=hypothesis_settings(max_examples=examples, stateful_step_count=20),
    )
    LedgerMachine.books.database.close()


def test_the_books_balance_in_any_order(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    _run_machine(settings_in(tmp_path_factory.mktemp("ledger")), examples=10)


@pytest.mark.drill
@pytest.mark.timeout(1200)
def test_the_books_balance_in_very_many_orders(stored: Settings) -> None:
    _run_machine(stored, examples=500)
