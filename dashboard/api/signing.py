"""Coming in and going out: sign-in, sign-up, guests, links, a forgotten password.

Forms that only our own pages may send (``middleware.SameOrigin``); the answer to a
good one is a cookie and the way on.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.account_pages import (
    Other,
    Page,
    email_field,
    name_field,
    new_password_field,
    page_answer,
    password_field,
)
from dashboard.api.answers import NO_STORE, blocking, principal_of, read_bytes, route
from dashboard.session_cookies import (
    cookie_name,
    is_secure,
    set_session_cookie,
    shown_secret,
)
from lectern.accounts.links import LinkKind, PersonLink
from lectern.accounts.people import Principal, Role
from lectern.accounts.sessions import Session, SignedIn
from lectern.errors import InputError, LecternError, SignInRefused, TooManyAttempts
from resources.accounts import Accounts, Browser

FORM_BYTES = 16 * 1024
FORM_FIELDS = 20
PARALLEL = 8
"""Forms that are looked at, at one time; so that checking passwords, which is slow on
purpose, leaves threads to everybody else."""

Form = dict[str, str]
Show = Callable[..., Page]
Result = TypeVar("Result")


def signing_route(
    path: str, handler: Callable[[Request], Awaitable[Response]], *methods: str
) -> BaseRoute:
    """Return a route that leads on where nobody signs in."""

    async def answer(request: Request) -> Response:
        if backend.current().settings.accounts.is_single:
            return RedirectResponse("/", 303, NO_STORE)
        return await handler(request)

    return route(path, answer, *(methods or ("GET", "POST")))


async def sign_in(request: Request) -> Response:
    """Show the page, and let in whoever fills it in rightly."""
    onward = safe_path(request.query_params.get("next", ""))
    if request.method == "GET":
        signed_in = signed_in_of(request)
        if signed_in is not None and signed_in.person.role is not Role.GUEST:
            return RedirectResponse(onward, 303, NO_STORE)
        return page_answer(_sign_in_page(request, onward))
    form = await _form(request)
    email, password = form.get("email", ""), form.get("password", "")
    browser = browser_of(request)
    try:
        begun = await _looked_at(lambda: _accounts().sign_in(email, password, browser))
    except LecternError as error:
        return _again(_sign_in_page(request, onward, email), error)
    return let_in(request, begun, onward)


def _sign_in_page(request: Request, onward: str, email: str = "") -> Page:
    accounts = backend.current().settings.accounts
    query = f"?next={quote(onward, safe='')}"
    links = []
    if accounts.sign_up == "open" and accounts.passwords:
        links.append((f"/sign-up{query}", "Make an account"))
    if accounts.mail and accounts.passwords:
        links.append(("/forgotten", "Forgotten your password?"))
    hint = (
        f"For {accounts.guest_days} days, without an e-mail address. Sign up in this "
        "time and keep what you put in."
    )
    has_guests = accounts.guests and signed_in_of(request) is None
    return Page(
        title="Sign in",
        lead=_lead(request),
        action=f"/sign-in{query}",
        button="Sign in",
        fields=(email_field(email), password_field()) if accounts.passwords else (),
        ways=tuple(
            (f"/sign-in/with/{name}{query}", f"Sign in with {provider.title or name}")
            for name, provider in accounts.oidc.items()
        ),
        others=(Other(f"/guest{query}", "Look around as a guest", hint),)
        if has_guests
        else (),
        links=tuple(links),
    )


def _lead(request: Request) -> str:
    if "ended" in request.query_params:
        return "You are not signed in here any more. Sign in to go on where you were."
    if "made" in request.query_params:
        return (
            "If nobody had this e-mail address here before, your account is ready. "
            "Sign in."
        )
    if "out" in request.query_params:
        return "You are signed out."
    if "gone" in request.query_params:
        return "Your account is deleted, with everything in it."
    return ""


async def sign_up(request: Request) -> Response:
    """Show the page, and make an account; with mail, once its address is confirmed."""
    settings = backend.current().settings.accounts
    if settings.sign_up != "open":
        return page_answer(_NO_SIGN_UP, status=404)
    onward = safe_path(request.query_params.get("next", ""))
    guest = guest_of(request)
    if request.method == "GET":
        return page_answer(_sign_up_page(onward, guest))
    form = await _form(request)
    browser = browser_of(request)
    email, name = form.get("email", ""), form.get("name", "")
    password = form.get("password", "")
    accounts = _accounts()
    try:
        if settings.mail:
            await _looked_at(
                lambda: accounts.ask_to_sign_up(email, browser=browser, guest=guest)
            )
            return page_answer(_MAIL_SENT)
        await _looked_at(
            lambda: accounts.sign_up(
                email, password, name=name, browser=browser, guest=guest
            )
        )
    except LecternError as error:
        return _again(_sign_up_page(onward, guest, email, name), error)
    address = f"/sign-in?made=1&next={quote(onward, safe='')}"
    return RedirectResponse(address, 303, NO_STORE)


_NO_SIGN_UP = Page(
    title="No sign-up",
    lead="Nobody can sign up here by themselves. Ask an operator to invite you.",
    links=(("/sign-in", "Sign in"),),
)
_MAIL_SENT = Page(
    title="Look into your mail",
    lead="We have sent you a link. It can be used once, and not for long.",
    links=(("/sign-in", "Sign in"),),
)


def _sign_up_page(
    onward: str, guest: Principal | None, email: str = "", name: str = ""
) -> Page:
    has_mail = backend.current().settings.accounts.mail
    query = f"?next={quote(onward, safe='')}"
    lead = "You keep everything that you put in as a guest." if guest else ""
    fields = (email_field(email), name_field(name), new_password_field())
    return Page(
        title="Keep your library" if guest else "Make an account",
        lead=lead,
        action=f"/sign-up{query}",
        button="Send me a link" if has_mail else "Make the account",
        fields=fields[:1] if has_mail else fields,
        links=((f"/sign-in{query}", "I have an account"),),
    )


async def guest(request: Request) -> Response:
    """Let somebody in without an account, at one press."""
    onward = safe_path(request.query_params.get("next", ""))
    if request.method == "GET" or signed_in_of(request) is not None:
        return RedirectResponse("/sign-in", 303, NO_STORE)
    browser = browser_of(request)
    try:
        begun = await _looked_at(lambda: _accounts().enter_as_guest(browser))
    except LecternError as error:
        return _again(_sign_in_page(request, onward), error)
    return let_in(request, begun, onward)


async def forgotten(request: Request) -> Response:
    """Send a link for a new password, where there is mail."""
    if not backend.current().settings.accounts.mail:
        return page_answer(_NO_MAIL, status=404)
    if request.method == "GET":
        return page_answer(_forgotten_page())
    form, browser = await _form(request), browser_of(request)
    email = form.get("email", "")
    try:
        await _looked_at(lambda: _accounts().ask_for_password(email, browser=browser))
    except LecternError as error:
        return _again(_forgotten_page(email), error)
    return page_answer(_RESET_SENT)


_NO_MAIL = Page(
    title="A new password",
    lead="Lectern sends no mail here. Ask an operator for a link.",
    links=(("/sign-in", "Sign in"),),
)
_RESET_SENT = Page(
    title="Look into your mail",
    lead="If this address has an account, a link to a new password is on its way.",
    links=(("/sign-in", "Sign in"),),
)


def _forgotten_page(email: str = "") -> Page:
    return Page(
        title="A new password",
        lead="We send you a link by which you choose one.",
        action="/forgotten",
        button="Send me a link",
        fields=(email_field(email),),
        links=(("/sign-in", "Sign in"),),
    )


async def welcome(request: Request) -> Response:
    """Show what a link allows, and do it."""
    key = request.query_params.get("key", "")
    accounts = _accounts()
    try:
        link = await blocking(accounts.links.told_by, key)
    except InputError as error:
        page = Page(title="This link is over", links=(("/sign-in", "Sign in"),))
        return page_answer(page, problem=error.message, status=error.http_status)
    if request.method == "GET":
        return page_answer(_welcome_page(link, key))
    form, browser = await _form(request), browser_of(request)
    email, name = form.get("email", ""), form.get("name", "")
    password = form.get("password", "")
    try:
        begun = await _looked_at(
            lambda: accounts.accept(
                key, email=email, password=password, name=name, browser=browser
            )
        )
    except LecternError as error:
        return _again(_welcome_page(link, key, email, name), error)
    return let_in(request, begun, "/")


def _welcome_page(link: PersonLink, key: str, email: str = "", name: str = "") -> Page:
    is_reset = link.kind is LinkKind.RESET
    fields = [new_password_field()]
    if not is_reset:
        bound = link.email is not None
        fields[:0] = [email_field(link.email or email, fixed=bound), name_field(name)]
    return Page(
        title="Choose a new password" if is_reset else "Welcome to Lectern",
        lead="You are signed out everywhere else then." if is_reset else "",
        action=f"/welcome?key={quote(key, safe='')}",
        button="Change it and sign in" if is_reset else "Make the account",
        fields=tuple(fields),
    )


_LEAVING = Page(
    title="Sign out?",
    others=(Other("/sign-out", "Sign out"),),
    links=(("/", "Back to Lectern"),),
)


async def sign_out(request: Request) -> Response:
    """End the session of this browser; a mere link only asks whether to."""
    signed_in = signed_in_of(request)
    if request.method == "GET" and signed_in is not None:
        return page_answer(_LEAVING)
    if signed_in is not None:
        sessions = backend.current().services.sessions
        principal = signed_in.person.principal
        await blocking(sessions.end, principal, signed_in.session.id)
    answer = RedirectResponse("/sign-in?out=1", 303, NO_STORE)
    answer.delete_cookie(
        cookie_name(request.scope), secure=is_secure(request.scope), httponly=True
    )
    return answer


def let_in(request: Request, begun: tuple[Session, str], onward: str) -> Response:
    """Return the way on, with the session that has begun."""
    answer = RedirectResponse(onward, 303, NO_STORE)
    set_session_cookie(answer, request.scope, begun[1])
    return answer


def _again(page: Page, error: LecternError) -> Response:
    """Return the page once more, with what was wrong."""
    status = error.http_status
    answer = page_answer(page, problem=error.message, status=status)
    if isinstance(error, TooManyAttempts):
        answer.headers["retry-after"] = str(round(error.retry_after_seconds))
    return answer


async def _looked_at(work: Callable[[], Result]) -> Result:
    return await anyio.to_thread.run_sync(work, limiter=_limiter())


async def _form(request: Request) -> Form:
    data = await read_bytes(request, limit_bytes=FORM_BYTES)
    try:
        pairs = parse_qsl(
            data.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS
        )
    except ValueError:
        raise SignInRefused("The form was not understood. Try again.") from None
    return dict(pairs)


def browser_of(request: Request) -> Browser:
    """Return where somebody comes in."""
    return Browser(
        device=request.headers.get("user-agent", ""),
        address=request.client.host if request.client else "",
        secret=shown_secret(request.scope),
    )


def _accounts() -> Accounts:
    return backend.current().services.accounts()


def signed_in_of(request: Request) -> SignedIn | None:
    """Return who is signed in in this browser, a guest among them; None for nobody."""
    found = request.state.signed_in
    return found if isinstance(found, SignedIn) else None


def guest_of(request: Request) -> Principal | None:
    """Return who is here as a guest; None for anybody else."""
    found = signed_in_of(request)
    is_guest = found is not None and found.person.role is Role.GUEST
    return found.person.principal if found is not None and is_guest else None


async def session(request: Request) -> Response:
    """Answer who is signed in; a page asks now and then whether it still is."""
    signed_in = signed_in_of(request)
    name = signed_in.person.shown_name if signed_in is not None else ""
    body = {"name": name, "role": principal_of(request).role}
    return JSONResponse(body, headers=NO_STORE)


def safe_path(path: str) -> str:
    """Return where to go on: a path of ours, and never another site's address."""
    parts = urlsplit(path)
    is_ours = path.startswith("/") and not parts.scheme and not parts.netloc
    is_plain = path.isprintable() and "\\" not in path and not path.startswith("//")
    return path if is_ours and is_plain else "/"


_limiters: dict[object, anyio.CapacityLimiter] = {}


def _limiter() -> anyio.CapacityLimiter:
    """Return the event loop's own limiter."""
    token = anyio.lowlevel.current_token()
    return _limiters.setdefault(token, anyio.CapacityLimiter(PARALLEL))


ROUTES: list[BaseRoute] = [
    signing_route("/sign-in", sign_in),
    signing_route("/sign-up", sign_up),
    signing_route("/guest", guest),
    signing_route("/welcome", welcome),
    signing_route("/forgotten", forgotten),
    signing_route("/sign-out", sign_out),
    route("/api/session", session),
]
