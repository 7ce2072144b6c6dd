"""The pages before the app, as plain HTML: they work without any script.

Password managers know such pages, and nothing of Streamlit's is sent to strangers.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2
from starlette.responses import HTMLResponse

from dashboard.components.files import static_version
from lectern.accounts.passwords import SHORTEST_CHARS

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in."""

    name: str
    label: str
    kind: str  # of the input
    autocomplete: str
    value: str = ""
    hint: str = ""
    required: bool = True
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Other:
    """Another button, which asks for nothing."""

    action: str
    button: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page."""

    title: str
    action: str = ""
    button: str = ""
    lead: str = ""
    fields: tuple[Field, ...] = ()
    ways: tuple[tuple[str, str], ...] = ()  # out of here, each as a button
    others: tuple[Other, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def email_field(value: str = "", *, fixed: bool = False) -> Field:
    """Return the field for an e-mail address."""
    return Field("email", "E-mail address", "email", "username", value, fixed=fixed)


def password_field() -> Field:
    """Return the field for a password one has."""
    return Field("password", "Password", "password", "current-password")


def new_password_field() -> Field:
    """Return the field for a password one chooses."""
    hint = f"At least {SHORTEST_CHARS} characters; a few unrelated words do well."
    return Field("password", "Password", "password", "new-password", hint=hint)


def name_field(value: str = "") -> Field:
    """Return the field for what one is called."""
    return Field("name", "Name (optional)", "text", "name", value, required=False)


def page_answer(page: Page, *, problem: str = "", status: int = 200) -> HTMLResponse:
    """Return a page, with what went wrong on the one before."""
    html = _template().render(
        page=page, problem=problem, assets=f"/assets/{static_version()}"
    )
    headers = {
        "cache-control": "no-store",
        "content-security-policy": CONTENT_SECURITY_POLICY,
    }
    return HTMLResponse(html, status, headers)


@cache
def _template() -> jinja2.Template:
    folder = Path(__file__).with_name("templates")
    loader = jinja2.FileSystemLoader(folder)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("account.html")
