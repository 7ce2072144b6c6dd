"""The web server in front: its configuration, made from the settings.

Two servers are known. nginx is the one to choose: it counts requests by address, which
Caddy does not do without a plugin. What both refuse and pass on is said in
``docs/deploying.md`` and shown by ``tests/pipelines/test_proxies.py``.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from lectern.accounts.plans import plans_of
from lectern.errors import InvalidRequest
from lectern.settings import PIECE_BYTES, HostName, Settings

MIB = 1024**2
USUAL_BODY_BYTES = MIB
"""Most bytes of a request for which no more is said; the app itself takes less."""
TEXT_ESCAPED = 6
"""Bytes that one byte of a text may take in JSON, escaped."""
SPEECH_CHAR_BYTES = 12
"""Bytes that one character may take in JSON, escaped."""
ENVELOPE_BYTES = 64 * 1024
CLOSED_PATHS = "/metrics|/health(?:/|$)|/_stcore/(?:metrics|upload_file)"
"""What is for this installation alone: a pattern of paths, from their beginning."""
SIGN_IN_PATHS = (
    r"/sign-in|/sign-out|/assets/fonts/[\w.-]+"
    r"|/assets/[0-9a-f]+/(?:account\.css|icon\.png|leave\.js)"
)
"""What the app answers under the Dagster UI's name, so that operators can sign in."""
ASKED_HEADERS = ("X-Original-URI", "X-Original-Method")
"""What was asked for, told to the app when it is asked whether an operator asks."""
FORGED_HEADERS = (
    *ASKED_HEADERS,
    "Forwarded",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "Remote-User",
    "Remote-Email",
    "Remote-Groups",
)
"""What nobody outside may tell the app: who they are, and where they come from."""


class ProxyKind(StrEnum):
    """A web server for which a configuration can be made."""

    NGINX = "nginx"
    CADDY = "caddy"


TEMPLATES = {ProxyKind.NGINX: "nginx.conf", ProxyKind.CADDY: "Caddyfile"}


@dataclass(frozen=True, slots=True)
class Cap:
    """Most bytes of a request to some paths."""

    name: str
    path: str  # a pattern of whole paths
    limit_bytes: int
    is_streamed: bool = False  # handed on as it comes, and not gathered first
    has_token: bool = False  # of programs, which bring a token and no password


def caps(settings: Settings) -> list[Cap]:
    """Return every path that takes more than the usual, as the app takes it."""
    limits = settings.limits
    plans = plans_of(limits, settings.plans).values()
    most_bytes = max(plan.limits.text_bytes for plan in plans)
    text_bytes = most_bytes * TEXT_ESCAPED + ENVELOPE_BYTES
    speech_bytes = settings.api.input_chars * SPEECH_CHAR_BYTES + ENVELOPE_BYTES
    return [
        # A piece that is cut off is gone on with, so what came must not wait here.
        Cap("piece", "/api/uploads/[^/]+", PIECE_BYTES, is_streamed=True),
        Cap("text", "/api/texts", text_bytes),
        Cap("clip", "/api/voices/clips", limits.clip_bytes),
        Cap("archive", "/api/voices/archives", limits.voice_archive_bytes),
        Cap(
            "speech",
            "/v1/audio/speech",
            max(speech_bytes, USUAL_BODY_BYTES),
            has_token=True,
        ),
    ]


def proxy_configuration(settings: Settings, kind: ProxyKind) -> str:
    """Return the configuration of the web server in front.

    Raises:
        InvalidRequest: No public name is set, or it is no host name; or nothing says
            who may come in.
    """
    import jinja2

    proxy = settings.proxy
    is_single = settings.accounts.is_single
    if is_single and not (proxy.people_file or proxy.people_networks):
        raise InvalidRequest(
            "Nobody signs in to this Lectern, so the web server in front must know "
            "whom to let in. Set LECTERN_ACCOUNTS__MODE=multi to have everybody sign "
            "in, LECTERN_PROXY__PEOPLE_FILE to a file of passwords, or "
            "LECTERN_PROXY__PEOPLE_NETWORKS to the networks that you trust."
        )
    app = proxy.app_address or f"{_reachable(settings.host)}:{settings.port}"
    dagster = proxy.dagster_address or f"127.0.0.1:{settings.dagster_port}"
    loader = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    templates = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (no HTML; each value is checked by its setting)
    )
    return templates.get_template(TEMPLATES[kind]).render(
        proxy=proxy,
        names=public_names(settings),
        app=app,
        dagster=dagster,
        caps=caps(settings),
        usual_body_bytes=USUAL_BODY_BYTES,
        closed_paths=CLOSED_PATHS,
        operators_sign_in=not is_single and not proxy.operators_file,
        sign_in_paths=SIGN_IN_PATHS,
        asked_headers=ASKED_HEADERS,
        forged_headers=FORGED_HEADERS,
    )


def public_names(settings: Settings) -> tuple[str, ...]:
    """Return the host names under which people find the app.

    Raises:
        InvalidRequest: There is none, or one is no host name.
    """
    if not settings.trusted_hosts:
        raise InvalidRequest(
            "Lectern does not know its public name. Set it, for example "
            'LECTERN_TRUSTED_HOSTS=["lectern.example.org"].'
        )
    try:
        return tuple(
            TypeAdapter(HostName).validate_python(name)
            for name in settings.trusted_hosts
        )
    except ValidationError as error:
        wrong = error.errors()[0]["input"]
        raise InvalidRequest(
            f"{wrong!r} in LECTERN_TRUSTED_HOSTS is no host name. Write it as "
            "lectern.example.org."
        ) from error


def _reachable(host: str) -> str:
    """Return a host as an address, where it may stand before a port."""
    if host in ("0.0.0.0", "", "::"):  # noqa: S104  (compared, not bound)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
