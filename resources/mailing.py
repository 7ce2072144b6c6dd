"""Mail to people about their accounts, by the mail server that notices go by."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from lectern.errors import EngineUnavailable
from lectern.settings import Settings
from resources.notifying import hand_over

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says."""

    subject: str
    text: str


def is_set(settings: Settings) -> bool:
    """Whether people can be written to."""
    return settings.accounts.mail


def send(settings: Settings, email: str, letter: Letter) -> None:
    """Send a mail. One that the server does not take is logged; who misses it asks
    again."""
    in_background(lambda: _send(settings, email, letter))


def in_background(work: Callable[[], None]) -> None:
    """Do something on a thread of its own: how long it takes tells nobody anything."""
    threading.Thread(target=work, daemon=True).start()


def _send(settings: Settings, email: str, letter: Letter) -> None:
    mail = EmailMessage()
    mail["Subject"] = letter.subject
    mail["From"] = settings.notices.email_from
    mail["To"] = email
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain="lectern.invalid")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text)
    try:
        hand_over(settings.notices, mail)
    except EngineUnavailable as error:
        logger.warning("%s", error.message)


def invitation(link: str) -> Letter:
    """Return the mail to somebody who is invited."""
    return Letter(
        "You are invited to Lectern",
        "Somebody invites you to Lectern, which reads documents aloud. Choose a "
        f"password here:\n\n{link}\n\nThe link can be used once.",
    )


def confirm(link: str) -> Letter:
    """Return the mail to somebody who wants to sign up."""
    return Letter(
        "Sign up to Lectern",
        f"Choose a password here and your account is ready:\n\n{link}\n\nThe link can "
        "be used once. If you did not ask for it, do nothing: there is no account.",
    )


def have_account(address: str) -> Letter:
    """Return the mail to somebody who wants to sign up and has an account."""
    return Letter(
        "You have a Lectern account",
        "Somebody, probably you, wanted to sign up with this e-mail address, which has "
        f"an account already. Sign in here:\n\n{address}/sign-in\n\nThere you can ask "
        "for a new password, too.",
    )


def reset(link: str) -> Letter:
    """Return the mail to somebody who has forgotten their password."""
    return Letter(
        "A new password for Lectern",
        f"Choose a new password here:\n\n{link}\n\nThe link can be used once. If you "
        "did not ask for it, do nothing: your password stays as it is.",
    )
