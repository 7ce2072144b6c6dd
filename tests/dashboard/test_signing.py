"""Strangers come in by what they know, and learn nothing of others."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from argon2 import PasswordHasher

from dashboard import backend
from dashboard.api.signing import safe_path
from dashboard.backend import Backend
from lectern.accounts.attempts import PER_ACCOUNT
from lectern.accounts.people import LOCAL, Role
from lectern.accounts.rates import Rate, Rates
from lectern.errors import TooManyAttempts
from resources import mailing, passwords
from resources.accounts import Accounts
from tests.support.accounts import add_person, cookie_of, with_accounts
from tests.support.stores import add_document

GOOD = "a lamp beside the harbour"
ANNA = "anna@example.org"


@pytest.fixture
def many(here: Backend) -> Iterator[Backend]:
    """Have everybody sign in; anybody may sign up, or come as a guest."""
    return in_force(here, sign_up="open", guests=True)


def in_force(here: Backend, **choices: object) -> Backend:
    """Install a backend with accounts."""
    settings = with_accounts(here.settings, **choices)
    accounts = Accounts(here.services)
    accounts._settings = settings
    here.services.__dict__["_accounts"] = accounts
    changed = Backend(settings, here.services, here.orchestrator)
    backend.install(changed)
    return changed


def post(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    """Send a form as our own page does."""
    return client.post(path, data=form or {"": ""})


def sign_up(client: httpx.Client, email: str = ANNA, password: str = GOOD) -> None:
    """Make an account, and sign in."""
    post(client, "/sign-up", email=email, password=password, name="Anna")
    answer = post(client, "/sign-in", email=email, password=password)
    assert answer.status_code == 303, answer.text


def is_in(client: httpx.Client) -> bool:
    """Whether the client's cookie opens anything."""
    return client.get("/api/voices").status_code == 200


def test_somebody_signs_up_signs_in_and_out(client, many):
    assert "Make an account" in client.get("/sign-in").text

    sign_up(client)

    assert is_in(client)
    assert client.get("/api/session").json() == {"name": "Anna", "role": "user"}
    assert client.get("/sign-in").headers["location"] == "/"
    kept = dict(client.cookies)
    assert "Sign out?" in client.get("/sign-out").text
    assert is_in(client)
    answer = post(client, "/sign-out")
    assert answer.headers["location"] == "/sign-in?out=1"
    assert not is_in(client)
    client.cookies = kept
    assert not is_in(client)


def test_the_cookie_is_for_this_host_alone_and_for_no_script(client, many):
    post(client, "/sign-up", email=ANNA, password=GOOD)
    plain = post(client, "/sign-in", email=ANNA, password=GOOD)
    strict = client.post(
        "/sign-in",
        data={"email": ANNA, "password": GOOD},
        headers={"x-forwarded-proto": "https"},
    )

    assert plain.headers["set-cookie"].startswith("lectern=")
    assert strict.headers["set-cookie"].startswith("__Host-lectern=")
    for answer in (plain, strict):
        parts = set(answer.headers["set-cookie"].lower().split("; ")[1:])
        assert {"httponly", "samesite=lax", "path=/", "max-age=2592000"} <= parts
        assert "domain" not in answer.headers["set-cookie"].lower()
    assert "Secure" in strict.headers["set-cookie"]


def test_signing_in_takes_the_session_before_away(client, many):
    post(client, "/guest")
    before = dict(client.cookies)
    add_person(many.services, "anna")
    sign_up(client, "berta@example.org")

    client.cookies = before
    assert not is_in(client)


def test_a_stranger_learns_nothing_of_who_is_here(client, many):
    sign_up(client)
    client.cookies = {}
    chief = add_person(many.services, "chief", role=Role.OPERATOR)
    gone = add_person(many.services, "gone")
    many.services.people.disable(chief.principal, gone.owner_id)

    def told(email: str, password: str) -> tuple[int, str]:
        answer = post(client, "/sign-in", email=email, password=password)
        return answer.status_code, answer.text.replace(email, "")

    refusals = {
        told(ANNA, "wrong and wrong"),  # a wrong password
        told("nobody@example.org", GOOD),
        told("chief@example.org", GOOD),  # has no password yet
        told("gone@example.org", GOOD),  # is kept out
        told("no address", GOOD),
    }

    assert len(refusals) == 1
    assert refusals.pop()[0] == 401
    free = post(client, "/sign-up", email="new@example.org", password=GOOD)
    taken = post(client, "/sign-up", email=ANNA, password="another good one")
    assert free.headers["location"] == taken.headers["location"]
    assert post(client, "/sign-in", email=ANNA, password="another good one").is_error


def test_a_password_is_checked_for_nobody_too(client, many, monkeypatch):
    checked = []
    real = passwords.matches

    def noted(kept: str | None, password: str) -> bool:
        checked.append(kept)
        return real(kept, password)

    monkeypatch.setattr(passwords, "matches", noted)
    post(client, "/sign-in", email="nobody@example.org", password=GOOD)

    assert checked == [None]


def test_an_account_is_locked_after_five_wrong_passwords(client, many):
    sign_up(client)
    client.cookies = {}

    answers = [post(client, "/sign-in", email=ANNA, password="x") for _ in range(5)]
    locked = post(client, "/sign-in", email="ANNA@example.org", password=GOOD)

    assert {answer.status_code for answer in answers} == {401}
    assert locked.status_code == 429
    assert 0 < int(locked.headers["retry-after"]) <= 900


def test_an_address_of_nobody_is_locked_like_any_other(client, many):
    form = {"email": "nobody@example.org", "password": "x"}

    answers = [post(client, "/sign-in", **form).status_code for _ in range(6)]

    assert answers == [401] * 5 + [429]


def test_who_tries_too_fast_is_told_so_on_a_page(client, many):
    many.services.rates._rates = Rates(login=Rate(1, 86_400, 1))

    answers = [post(client, "/forgotten", email=ANNA) for _ in range(2)]

    assert answers[-1].status_code == 429
    assert 'role="alert"' in answers[-1].text
    assert int(answers[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "password",
    [
        "1234567",
        "password1",
        "aaaaaaaaaa",
        "anna@example.org",
        "lecternanna",
        "x" * 257,
    ],
)
def test_a_weak_password_is_refused_with_a_reason(client, many, password):
    answer = post(client, "/sign-up", email=ANNA, password=password)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert password not in answer.text or password in ANNA


def test_another_sites_form_signs_nobody_in(client, many, served):
    sign_up(client)
    client.cookies = {}
    form = {"email": ANNA, "password": GOOD}

    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}):
        answer = client.post("/sign-in", data=form, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_guest_who_signs_up_keeps_the_library(client, many):
    post(client, "/guest")
    [guest] = many.services.people.list(LOCAL)
    add_document(many.services, "A text.", principal=guest.principal)
    assert guest.role is Role.GUEST
    assert (guest.expires_at - guest.created_at).days == 7
    assert "keep everything" in client.get("/sign-up").text

    sign_up(client)

    anna = many.services.people.by_email(ANNA)
    assert (anna.owner_id, anna.role) == (guest.owner_id, Role.USER)
    assert anna.expires_at is None
    assert len(many.services.catalog.documents(anna.principal)) == 1


def test_a_guest_cannot_take_another_ones_address(client, many):
    sign_up(client)
    client.cookies = {}
    post(client, "/guest")

    post(client, "/sign-up", email=ANNA, password="another good one")

    [guest] = [p for p in many.services.people.list(LOCAL) if p.role is Role.GUEST]
    assert guest.email is None
    assert is_in(client)


def test_whoever_is_invited_comes_in_once(client, here):
    many = in_force(here)
    chief = add_person(many.services, "chief", role=Role.OPERATOR)
    link = many.services.accounts().invite(chief.principal, email=ANNA)
    path = link.removeprefix(many.settings.public_address)

    assert post(client, "/sign-up", email=ANNA, password=GOOD).status_code == 404
    assert "readonly" in client.get(path).text
    assert post(client, path, password="short").status_code == 422
    answer = post(client, path, email="evil@example.org", password=GOOD, name="Anna")

    assert answer.status_code == 303
    assert is_in(client)
    assert many.services.people.by_email(ANNA).name == "Anna"
    assert client.get(path).status_code == 410
    assert post(client, path, password=GOOD).status_code == 410


def test_a_new_password_by_link_ends_every_session(client, many):
    sign_up(client)
    before = dict(client.cookies)
    anna = many.services.people.by_email(ANNA)
    link = many.services.accounts().reset(LOCAL, anna.owner_id)
    path = link.removeprefix(many.settings.public_address)

    client.cookies = {}
    assert post(client, path, password="quite another one").status_code == 303
    client.cookies = before
    assert not is_in(client)
    assert post(client, "/sign-in", email=ANNA, password=GOOD).status_code == 401


def test_with_mail_an_address_is_confirmed_and_a_password_mended(
    client, here, monkeypatch
):
    many = in_force(here, sign_up="open", mail=True)
    sent: list[tuple[str, mailing.Letter]] = []
    monkeypatch.setattr(mailing, "in_background", lambda work: work())
    monkeypatch.setattr(mailing, "_send", lambda _, *mail: sent.append(mail))

    first = post(client, "/sign-up", email=ANNA)
    path = link_in(sent.pop())
    assert post(client, path, password=GOOD).status_code == 303
    second = post(client, "/sign-up", email=ANNA)
    assert sent.pop()[1].subject == "You have a Lectern account"
    known = post(client, "/forgotten", email=ANNA)
    reset = link_in(sent.pop())
    unknown = post(client, "/forgotten", email="nobody@example.org")

    assert (first.text, known.text) == (second.text, unknown.text)
    assert sent == []
    assert post(client, reset, password="quite another one").status_code == 303
    assert many.services.people.by_email(ANNA).has_password


def link_in(mail: tuple[str, mailing.Letter]) -> str:
    """Return the path of the link in a mail to Anna."""
    assert mail[0] == ANNA
    found = re.search(r"https?://[^/]+(/\S+)", mail[1].text)
    assert found is not None
    return found[1]


def test_without_accounts_nobody_signs_in(client, here):
    for path in ("/sign-in", "/sign-up", "/welcome?key=x", "/forgotten"):
        assert client.get(path).headers["location"] == "/"


@pytest.mark.parametrize(
    ("asked", "onward"),
    [
        ("/listen?document=7", "/listen?document=7"),
        *((evil, "/") for evil in ("//evil.example", "https://evil.example", "")),
        *(
            (evil, "/")
            for evil in ("/\\evil.example", "/\t/evil.example", "javascript:x")
        ),
    ],
)
def test_after_the_sign_in_nobody_is_led_elsewhere(asked, onward):
    assert safe_path(asked) == onward


def test_a_disabled_persons_cookie_opens_nothing(client, many):
    anna = add_person(many.services, "anna")
    client.cookies = cookie_of(many.services, anna)
    assert is_in(client)

    many.services.people.disable(LOCAL, anna.owner_id)

    assert not is_in(client)


def test_a_password_kept_by_weaker_parameters_is_kept_anew(client, many):
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    anna = many.services.people.add(ANNA, password_hash=weak)

    post(client, "/sign-in", email=ANNA, password=GOOD)

    assert is_in(client)
    kept = many.services.people.password_of(anna.principal)
    assert kept != weak
    assert passwords.matches(kept, GOOD)


def test_many_tries_at_once_are_counted_one_by_one(client, many):
    attempts = many.services.accounts().attempts

    def tried(_: int) -> bool:
        try:
            attempts.count("key", PER_ACCOUNT)
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(tried, range(40))) == PER_ACCOUNT.times


def test_how_the_installation_does_is_told_to_operators_alone(client, many):
    client.cookies = cookie_of(many.services, add_person(many.services, "anna"))
    assert client.get("/health/deep").status_code == 404

    chief = add_person(many.services, "chief", role=Role.OPERATOR)
    client.cookies = cookie_of(many.services, chief)
    assert client.get("/health/deep").status_code == 200
