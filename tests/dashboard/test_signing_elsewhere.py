"""People come in as whom a provider, or the web server in front, knows them."""

import base64
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey

from dashboard import backend
from dashboard.api.signing_elsewhere import COOKIE
from dashboard.backend import Backend
from lectern.accounts.elsewhere import Known, OidcProvider, ProxySignIn
from lectern.accounts.people import Role
from lectern.errors import NameTaken, SignInRefused, SignInUnavailable
from resources.oidc import Flow, Metadata, OidcClient
from resources.passwords import hashed
from tests.support.accounts import add_person, cookie_of, with_accounts
from tests.support.oidc_provider import Provider, provider
from tests.support.product import free_port
from tests.support.stores import add_document

SECRET = "only the web server knows"
ANNA = {"email": "anna@example.org", "email_verified": True, "name": "Anna"}


@pytest.fixture(scope="module")
def work() -> Iterator[Provider]:
    """Run one provider for all."""
    with provider() as running:
        yield running


def in_force(here: Backend, **accounts: object) -> Backend:
    """Install a backend that lets people in so."""
    settings = with_accounts(here.settings, **accounts)
    object.__setattr__(here.services, "settings", settings)
    changed = Backend(settings, here.services, here.orchestrator)
    backend.install(changed)
    return changed


@pytest.fixture
def many(here: Backend, served: str, work: Provider) -> Backend:
    """Let people of the provider in."""
    return with_provider(here, served, work)


def with_provider(
    here: Backend, served: str, work: Provider, **rules: object
) -> Backend:
    known = OidcProvider(
        issuer=work.issuer, client_id="lectern", client_secret="s3", **rules
    )
    return in_force(here, oidc={"office": known}, public_address=served, guests=True)


def come_in(
    client: httpx.Client, work: Provider, subject: str, query: str = ""
) -> httpx.Response:
    """Go there and come back, as a browser does."""
    led = client.get(f"/sign-in/with/office{query}")
    assert led.status_code == 303, led.text
    _, answer = work.sign_in(led.headers["location"], subject)
    return client.get("/sign-in/with/office/back", params=answer)


def test_the_sign_in_page_leads_there_and_not_by_a_form(client, many):
    page = client.get("/sign-in?next=/stats").text

    assert 'href="/sign-in/with/office?next=%2Fstats"' in page
    assert "Sign in with office" in page


def test_somebody_new_gets_an_account_and_comes_back_to_the_same(client, many, work):
    work.know("anna", **ANNA)

    answer = come_in(client, work, "anna", "?next=/stats")

    assert answer.headers["location"] == "/stats"
    person = many.services.people.by_email("anna@example.org")
    assert (person.name, person.role, person.has_password) == ("Anna", Role.USER, False)
    client.cookies.clear()
    come_in(client, work, "anna")
    people = many.services.people.list(
        add_person(many.services, "op", role=Role.OPERATOR).principal
    )
    assert [one.owner_id for one in people if one.email == "anna@example.org"] == [
        person.owner_id
    ]


def test_an_address_that_is_not_confirmed_is_not_believed(client, many, work):
    add_person(many.services, "boss", role=Role.OPERATOR)
    work.know("mallory", email="boss@example.org", name="Boss")

    come_in(client, work, "mallory")

    session = next(iter(client.cookies.values()))
    signed_in = many.services.sessions.told_by(session)
    assert signed_in is not None
    assert signed_in.person.email is None
    assert signed_in.person.role is Role.USER


def test_a_confirmed_address_that_is_somebodys_finds_nobody(client, many, work):
    add_person(many.services, "berta")
    work.know("berta", email="berta@example.org", email_verified=True)

    answer = come_in(client, work, "berta")

    assert answer.status_code == 401
    assert "connect the two" in answer.text
    assert client.get("/api/voices").status_code == 401


def test_who_is_signed_in_connects_another_way_in(client, many, work):
    carla = add_person(many.services, "carla")
    with many.services.database.write() as connection:
        kept = hashed("a lamp beside the harbour")
        many.services.people.change(connection, carla.owner_id, password_hash=kept)
    client.cookies.update(cookie_of(many.services, carla))
    work.know("carla-at-work", **ANNA)

    come_in(client, work, "carla-at-work", "?connect=1&next=/settings")
    client.cookies.clear()
    come_in(client, work, "carla-at-work")

    session = next(iter(client.cookies.values()))
    signed_in = many.services.sessions.told_by(session)
    assert signed_in is not None
    assert signed_in.person.owner_id == carla.owner_id
    elsewhere = many.services.accounts_elsewhere()
    other = add_person(many.services, "other")
    with pytest.raises(NameTaken):
        elsewhere.connect(
            other.principal,
            Known(work.issuer, "carla-at-work"),
            many.settings.accounts.oidc["office"],
        )
    elsewhere.disconnect(carla.principal, work.issuer)
    assert elsewhere.identities.list(carla.principal) == []


def test_a_guest_keeps_the_library(client, many, work):
    client.post("/guest")
    guest = many.services.sessions.told_by(client.cookies["lectern"])
    assert guest is not None
    document = add_document(many.services, principal=guest.person.principal)
    work.know("gast", name="Gast")

    come_in(client, work, "gast")

    signed_in = many.services.sessions.told_by(client.cookies["lectern"])
    assert signed_in is not None
    assert signed_in.person.owner_id == guest.person.owner_id
    assert signed_in.person.role is Role.USER
    assert many.services.catalog.get(signed_in.person.principal, document.id)


def test_only_wanted_groups_come_in_and_operators_are_made(client, here, served, work):
    many = with_provider(
        here, served, work, groups=["readers"], operator_groups=["admins"]
    )
    work.know("nobody", name="N")
    work.know("chief", name="C", groups=["readers", "admins"])

    assert come_in(client, work, "nobody").status_code == 401
    come_in(client, work, "chief")

    chief = many.services.sessions.told_by(client.cookies["lectern"])
    assert chief is not None
    assert chief.person.role is Role.OPERATOR
    # The only operator stays one, whatever the provider says.
    work.know("chief", name="C", groups=["readers"])
    come_in(client, work, "chief")
    assert many.services.people.get(chief.person.owner_id).role is Role.OPERATOR


def test_nobody_new_comes_in_where_that_is_not_wanted(client, here, served, work):
    with_provider(here, served, work, new_people=False)
    work.know("dora", name="Dora")

    answer = come_in(client, work, "dora")

    assert answer.status_code == 401
    assert "Ask an operator to invite you" in " ".join(answer.text.split())


def test_who_is_disabled_does_not_come_in(client, many, work):
    work.know("emil", name="Emil")
    come_in(client, work, "emil")
    emil = many.services.sessions.told_by(client.cookies["lectern"])
    operator = add_person(many.services, "op", role=Role.OPERATOR)
    assert emil is not None
    many.services.people.disable(operator.principal, emil.person.owner_id)

    assert come_in(client, work, "emil").status_code == 401


@pytest.mark.parametrize("spoil", ["state", "code", "cookie", "twice", "denied"])
def test_what_is_not_of_this_browser_lets_nobody_in(client, many, work, spoil):
    led = client.get("/sign-in/with/office")
    _, answer = work.sign_in(led.headers["location"], "anna")
    if spoil == "cookie":
        client.cookies.clear()
    elif spoil == "twice":
        client.get("/sign-in/with/office/back", params=answer)
        client.cookies.clear()
    elif spoil == "denied":
        answer = {"error": "access_denied", "state": answer["state"]}
    else:
        answer[spoil] = "x" * 43

    refused = client.get("/sign-in/with/office/back", params=answer)

    assert refused.status_code == 401, refused.text
    assert "lectern" not in client.cookies


def test_the_code_is_bound_to_a_secret_that_only_the_browser_has(client, many, work):
    led = client.get("/sign-in/with/office")

    query = httpx.URL(led.headers["location"]).params
    text = client.cookies[COOKIE]
    flow = Flow.model_validate_json(base64.urlsafe_b64decode(text))
    assert query["code_challenge_method"] == "S256"
    assert query["code_challenge"] == create_s256_code_challenge(flow.verifier)
    assert query["nonce"] == flow.nonce
    assert flow.verifier not in led.headers["location"]
    assert "HttpOnly" in led.headers["set-cookie"]


def test_nothing_leads_to_another_site(client, many, work):
    answer = come_in(client, work, "anna", "?next=//evil.example")

    assert answer.headers["location"] == "/"
    assert client.get("/sign-in/with/nobody").status_code == 404
    assert urlsplit(client.get("/sign-in/with/office").headers["location"]).netloc


KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"})
FLOW = Flow(provider="work", state="s", nonce="n", verifier="v", onward="/")
CLAIMS = {
    "iss": "https://id.example.org",
    "aud": "lectern",
    "sub": "anna",
    "nonce": "n",
}


class Fixed(OidcClient):
    """A client whose provider's keys are known."""

    def _discovered(self) -> Metadata:
        keys = {"keys": [KEY.as_dict(private=False)]}
        return Metadata("", "", None, keys, (), time.monotonic())


def signed(key: RSAKey = KEY, algorithm: str = "RS256", **changes: object) -> str:
    now = int(time.time())
    claims = {**CLAIMS, "iat": now, "exp": now + 300, **changes}
    header = {"alg": algorithm, "kid": "one"}
    return jwt.encode(header, {k: v for k, v in claims.items() if v is not None}, key)


def unsigned() -> str:
    def part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    now = int(time.time())
    return ".".join(
        (
            part('{"alg":"none","kid":"one"}'),
            part(str({**CLAIMS, "iat": now, "exp": now + 300}).replace("'", '"')),
            "",
        )
    )


@pytest.mark.parametrize(
    "token",
    [
        lambda: signed(OTHER_KEY),
        lambda: unsigned(),
        lambda: signed(nonce="another"),
        lambda: signed(nonce=None),
        lambda: signed(aud="another"),
        lambda: signed(aud=["lectern", "another"]),
        lambda: signed(iss="https://evil.example"),
        lambda: signed(exp=int(time.time()) - 3600),
        lambda: signed(exp=None),
        lambda: signed(sub=None),
        lambda: signed(sub=7),
        lambda: signed(sub=""),
        lambda: "no token",
        lambda: "",
    ],
)
def test_a_token_that_is_not_for_us_is_not_believed(token: Callable[[], str]):
    client = fixed_client()
    client._claims({"id_token": signed()}, FLOW)  # one that is

    with pytest.raises(SignInRefused):
        client._claims({"id_token": token()}, FLOW)


def fixed_client() -> Fixed:
    rules = OidcProvider(issuer="https://id.example.org", client_id="lectern")
    return Fixed("work", rules, redirect="https://lectern.example.org/back")


def test_a_provider_that_is_away_is_named():
    rules = OidcProvider(issuer=f"http://127.0.0.1:{free_port()}", client_id="lectern")
    client = OidcClient("work", rules, redirect="")

    with pytest.raises(SignInUnavailable, match="work cannot be reached"):
        client.begin("/")


def test_a_provider_of_another_name_is_refused(work):
    away = OidcProvider(
        issuer=work.issuer.replace("127.0.0.1", "localhost"), client_id="lectern"
    )

    class Elsewhere(OidcClient):
        def _json(self, address: str, headers: dict[str, str]) -> dict[str, object]:
            return {"issuer": "https://evil.example"}

    with pytest.raises(SignInUnavailable, match="calls itself"):
        Elsewhere("work", away, redirect="").begin("/")


# -- the web server in front

PROXY = ProxySignIn(secret=SECRET, operator_groups=["admins"])
SAID = {"x-lectern-proxy": SECRET, "x-forwarded-user": "frida"}


@pytest.fixture
def behind(here: Backend) -> Backend:
    """Let in whom the web server in front names."""
    return in_force(here, proxy=PROXY, passwords=False)


def test_whom_the_web_server_names_is_in_at_once(client, behind):
    answer = client.get(
        "/api/voices", headers={**SAID, "x-forwarded-groups": "a, admins"}
    )

    assert answer.status_code == 200
    assert "HttpOnly" in answer.headers["set-cookie"]
    frida = behind.services.sessions.told_by(client.cookies["lectern"])
    assert frida is not None
    assert frida.person.role is Role.OPERATOR
    again = client.get(
        "/api/voices", headers={**SAID, "x-forwarded-groups": "a, admins"}
    )
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-user": "frida"},
        {"x-forwarded-user": "frida", "x-lectern-proxy": "something else 16"},
        {"x-lectern-proxy": SECRET},
        {"x-lectern-proxy": SECRET, "x-forwarded-user": ""},
    ],
)
def test_nobody_is_believed_without_the_secret_or_the_name(client, behind, headers):
    assert client.get("/api/voices", headers=headers).status_code == 401


def test_the_secret_twice_is_not_the_web_servers(client, behind):
    twice = [*SAID.items(), ("x-lectern-proxy", SECRET)]

    assert client.get("/api/voices", headers=twice).status_code == 401


def test_a_cookie_alone_opens_nothing_once_signed_out_in_front(client, behind):
    client.get("/api/voices", headers=SAID)

    assert "lectern" in client.cookies
    assert client.get("/api/voices").status_code == 401


def test_another_name_in_the_same_browser_is_another_person(client, behind):
    client.get("/api/voices", headers=SAID)
    before = client.cookies["lectern"]

    client.get("/api/voices", headers={**SAID, "x-forwarded-user": "gerd"})

    assert client.cookies["lectern"] != before
    assert behind.services.sessions.told_by(before) is None


def test_a_password_opens_nothing_where_there_are_none(client, behind):
    answer = client.post("/sign-in", data={"email": "a@b.org", "password": "x" * 20})

    assert answer.status_code == 401
    assert "password" not in client.get("/sign-in").text
