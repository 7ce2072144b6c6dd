"""Filters are kept in their order, in every version, for their owner alone."""

import threading
from dataclasses import replace

import pytest

from lectern.accounts.limits import Limits
from lectern.accounts.people import LOCAL
from lectern.documents.filters import Filter, Rule, RuleKind
from lectern.errors import BadPattern, InvalidRequest, LimitReached, NotFound
from resources.services import Services
from resources.stores import filters as filters_store
from resources.stores.filters import Filters
from tests.support.stores import OTHER, add_document

RULE = Rule("Nguyễn", "win")
NAMES = Filter("Names", (RULE,))


def test_filters_for_all_documents_come_before_a_documents_own(services: Services):
    document, another = add_document(services), add_document(services)
    own = services.filters.add(LOCAL, NAMES, document_id=document.id)
    general = services.filters.add(LOCAL, Filter("Everywhere"))
    services.filters.add(LOCAL, Filter("Elsewhere"), document_id=another.id)

    bearing = services.filters.bearing_on(LOCAL, document.id)

    assert [kept.id for kept in bearing] == [general.id, own.id]
    assert bearing[1].filter == NAMES
    assert services.filters.all(LOCAL) == [general]
    assert services.filters.all(LOCAL, document.id) == [own]


def test_filters_stand_in_the_order_they_are_put_in(services: Services):
    made = [services.filters.add(LOCAL, Filter(name)).id for name in "abc"]

    services.filters.reorder(LOCAL, [made[2], made[0], made[1]])

    assert [kept.filter.name for kept in services.filters.all(LOCAL)] == [*"cab"]
    for wrong in ([], made[:2], [*made, made[0]], [*made[:2], "x" * 32]):
        with pytest.raises(InvalidRequest):
            services.filters.reorder(LOCAL, wrong)


def test_every_change_is_a_version_and_older_ones_come_back(services: Services):
    kept = services.filters.add(LOCAL, NAMES)
    off = services.filters.change(LOCAL, kept.id, replace(NAMES, is_enabled=False))
    same = services.filters.change(LOCAL, kept.id, off.filter)
    other = services.filters.change(LOCAL, kept.id, Filter("Other"))

    assert [kept.version, off.version, same.version, other.version] == [1, 2, 2, 3]
    back = services.filters.restore(LOCAL, kept.id, 1)
    assert (back.version, back.filter) == (4, NAMES)
    found = services.filters.versions(LOCAL, kept.id)
    assert [(v.version, v.filter.name) for v in found] == [
        (4, "Names"),
        (3, "Other"),
        (2, "Names"),
        (1, "Names"),
    ]
    with pytest.raises(NotFound):
        services.filters.restore(LOCAL, kept.id, 9)


def test_only_the_newest_versions_are_kept(
    services: Services, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(filters_store, "KEPT_VERSIONS", 3)
    kept = services.filters.add(LOCAL, NAMES)
    for number in range(5):
        services.filters.change(LOCAL, kept.id, Filter(f"{number}"))

    versions = services.filters.versions(LOCAL, kept.id)
    assert [v.version for v in versions] == [6, 5, 4]


def test_a_change_of_what_was_changed_meanwhile_is_refused(services: Services):
    kept = services.filters.add(LOCAL, NAMES)
    services.filters.change(LOCAL, kept.id, Filter("Other"), version=1)

    with pytest.raises(InvalidRequest, match="changed meanwhile"):
        services.filters.change(LOCAL, kept.id, NAMES, version=1)


def test_saying_a_word_otherwise_twice_leaves_one_rule(services: Services):
    for said in ("win", "n'win"):
        rule = Rule("Nguyễn", said)
        services.filters.add_rule(LOCAL, rule, name="Pronunciations")
    services.filters.add_rule(LOCAL, Rule("Bach", "bar"), name="Pronunciations")

    (kept,) = services.filters.all(LOCAL)
    assert [rule.replacement for rule in kept.filter.rules] == ["n'win", "bar"]


def test_nobody_sees_or_changes_the_filters_of_another(services: Services):
    document = add_document(services)
    kept = services.filters.add(LOCAL, NAMES, document_id=document.id)

    assert services.filters.all(OTHER, document.id) == []
    assert services.filters.bearing_on(OTHER, document.id) == []
    for ask in (
        lambda: services.filters.get(OTHER, kept.id),
        lambda: services.filters.change(OTHER, kept.id, Filter("mine")),
        lambda: services.filters.versions(OTHER, kept.id),
        lambda: services.filters.restore(OTHER, kept.id, 1),
        lambda: services.filters.delete(OTHER, kept.id),
        lambda: services.filters.add(OTHER, NAMES, document_id=document.id),
    ):
        with pytest.raises(NotFound):
            ask()
    with pytest.raises(InvalidRequest):
        services.filters.reorder(OTHER, [kept.id], document_id=document.id)
    assert services.filters.get(LOCAL, kept.id) == kept


def test_what_cannot_be_used_is_not_kept(services: Services):
    wrong = Filter("Wrong", (Rule("(?<=a)b", kind=RuleKind.PATTERN),))

    with pytest.raises(BadPattern):
        services.filters.add(LOCAL, wrong)
    assert services.filters.all(LOCAL) == []


def test_a_deleted_filter_is_gone_and_a_purged_documents_too(services: Services):
    document = add_document(services)
    kept = services.filters.add(LOCAL, NAMES)
    own = services.filters.add(LOCAL, NAMES, document_id=document.id)

    services.filters.delete(LOCAL, kept.id)
    services.catalog.delete(LOCAL, document.id)
    services.catalog.purge(document.id)

    for gone in (kept, own):
        with pytest.raises(NotFound):
            services.filters.get(LOCAL, gone.id)


def test_limits_hold_when_many_ask_at_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(filters_store, "MOST_RULES", 5)
    store = Filters(services.database, lambda _: Limits(filters=3, filter_rules=2))
    with pytest.raises(LimitReached):
        store.add(LOCAL, Filter("large", (RULE,) * 3))
    refused: list[LimitReached] = []

    def ask(number: int) -> None:
        try:
            store.add(LOCAL, Filter(f"{number}", (RULE,) * 2))
        except LimitReached as error:
            refused.append(error)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(store.all(LOCAL)), len(refused)) == (2, 4)  # of five rules in all
    store.add(LOCAL, Filter("empty"))
    with pytest.raises(LimitReached, match="may have 3"):
        store.add(LOCAL, Filter("one more"))
    (first, *_) = store.all(LOCAL)
    with pytest.raises(LimitReached):
        store.change(LOCAL, first.id, Filter("large", (RULE,) * 3))
