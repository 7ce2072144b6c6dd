"""How operators are told: a webhook, and mail by SMTP.

Addresses and passwords are secrets: a webhook's address is often all that is needed to
use it. Failures name the host and nothing else.
"""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from lectern.errors import EngineUnavailable
from lectern.operations.troubles import Notice, Turn
from lectern.settings import Notices

TIMEOUT_SECONDS = 10.0
TURNS = {Turn.BEGUN: "Trouble", Turn.LASTS: "Still", Turn.OVER: "Over"}


class Channel(Protocol):
    """A way to tell somebody."""

    name: str

    def send(self, notice: Notice, installation: str) -> None:
        """Tell it, or raise ``EngineUnavailable``."""
        ...


def channels(settings: Notices) -> list[Channel]:
    """Return every way that is set."""
    ways: list[Channel] = []
    if settings.webhook_url is not None:
        ways.append(Webhook(settings.webhook_url.get_secret_value()))
    if settings.email_to:
        ways.append(Mail(settings))
    return ways


class Webhook:
    """Posts JSON; ``text`` is what chat programs show, the rest is for programs."""

    name = "webhook"

    def __init__(self, address: str) -> None:
        self._address = address

    def send(self, notice: Notice, installation: str) -> None:
        """Post a notice.

        Raises:
            EngineUnavailable: It was not taken.
        """
        body = {
            "text": f"{_subject(notice, installation)}\n{_text(notice)}",
            "turn": notice.turn,
            "code": notice.trouble.code,
            "message": notice.trouble.message,
            "remedy": notice.trouble.remedy,
            "since": notice.since.isoformat(),
            "installation": installation,
        }
        host = urlsplit(self._address).hostname
        try:
            answer = httpx.post(self._address, json=body, timeout=TIMEOUT_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EngineUnavailable(
                f"The webhook at {host} cannot be reached ({type(error).__name__}). "
                "The notice is sent again in a while."
            ) from None
        if not answer.is_success:
            raise EngineUnavailable(
                f"The webhook at {host} answered {answer.status_code}. "
                "The notice is sent again in a while."
            )


class Mail:
    """Sends one mail a notice to all who are to know."""

    name = "email"

    def __init__(self, settings: Notices) -> None:
        self._settings = settings

    def send(self, notice: Notice, installation: str) -> None:
        """Hand a mail to the server.

        Raises:
            EngineUnavailable: The server did not take it for everybody.
        """
        settings = self._settings
        mail = EmailMessage()
        mail["Subject"] = _subject(notice, installation)
        mail["From"] = settings.email_from
        mail["To"] = ", ".join(settings.email_to)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain="lectern.invalid")
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(_text(notice))
        hand_over(settings, mail)


def hand_over(settings: Notices, mail: EmailMessage) -> None:
    """Hand a mail to the server.

    Raises:
        EngineUnavailable: The server did not take it for everybody.
    """
    try:
        with _connected(settings) as server:
            if settings.smtp_user:
                password = settings.smtp_password
                server.login(
                    settings.smtp_user,
                    password.get_secret_value() if password else "",
                )
            refused = server.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise EngineUnavailable(
            f"The mail server {settings.smtp_host} did not take the mail "
            f"({type(error).__name__}). The notice is sent again in a while."
        ) from None
    if refused:
        raise EngineUnavailable(
            f"The mail server {settings.smtp_host} refused {len(refused)} of the "
            "addresses. The notice is sent again in a while."
        )


def _connected(settings: Notices) -> smtplib.SMTP:
    where = (settings.smtp_host, settings.smtp_port)
    if settings.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(*where, timeout=TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(*where, timeout=TIMEOUT_SECONDS)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except (OSError, smtplib.SMTPException):
            server.close()
            raise
    return server


def _subject(notice: Notice, installation: str) -> str:
    return f"{TURNS[notice.turn]} at {installation}: {notice.trouble.message}"


def _text(notice: Notice) -> str:
    since = f"{notice.since:%d %B %Y, %H:%M} UTC"
    if notice.turn is Turn.OVER:
        return f"It had lasted since {since}. Nothing is left to do."
    return f"{notice.trouble.remedy}\nSince {since} (code {notice.trouble.code})."
