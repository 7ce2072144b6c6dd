"""``lectern people``: whoever has the machine decides who may come in.

There are no default accounts: the first operator is made here.
"""

from datetime import datetime

from lectern.accounts.people import LOCAL, Person, Role
from lectern.settings import Settings
from resources import passwords
from resources.accounts import Accounts
from resources.services import Services

SINGLE = (
    "Nobody signs in yet: set LECTERN_ACCOUNTS__MODE=multi and start Lectern again."
)


def add(
    settings: Settings,
    email: str,
    *,
    role: Role,
    name: str,
    password: str | None,
    takes_library: bool,
) -> list[str]:
    """Add somebody; return what to tell: a link to choose a password, unless given one.

    The first operator takes over the library that was made without sign-in.

    Raises:
        InvalidRequest: This is no e-mail address.
        NameTaken: Somebody has it already.
        WeakPassword: The password is weak.
    """
    services = Services.open(settings)
    accounts = services.accounts()
    kept = None
    if password is not None:
        passwords.require_good(password, email=email)
        kept = passwords.hashed(password)
    adopts = takes_library and role is Role.OPERATOR and not services.people.has_any()
    person = services.people.add(
        email,
        role=role,
        name=name,
        password_hash=kept,
        owner_id=LOCAL.owner_id if adopts else None,
    )
    lines = [
        f"{person.email} is {'an operator' if role is Role.OPERATOR else 'a user'}."
    ]
    if adopts:
        lines.append("What was put in without sign-in is theirs.")
    if kept is None:
        lines += ["They choose a password here, once:", _link(accounts, person)]
    if settings.accounts.is_single:
        lines.append(SINGLE)
    services.close()
    return lines


def reset(settings: Settings, email: str) -> list[str]:
    """Return a link by which somebody chooses a new password."""
    services = Services.open(settings)
    person = services.people.by_email(email)
    link = _link(services.accounts(), person)
    services.close()
    return [f"{person.email} chooses a new password here, once:", link]


def _link(accounts: Accounts, person: Person) -> str:
    return accounts.reset(LOCAL, person.owner_id)


def disable(settings: Settings, email: str) -> list[str]:
    """Keep somebody out, at once."""
    services = Services.open(settings)
    person = services.people.by_email(email)
    services.people.disable(LOCAL, person.owner_id)
    services.close()
    return [f"{person.email} is signed out everywhere and cannot come in."]


def enable(settings: Settings, email: str) -> list[str]:
    """Let somebody in again."""
    services = Services.open(settings)
    person = services.people.by_email(email)
    services.people.enable(LOCAL, person.owner_id)
    services.close()
    return [f"{person.email} can come in again."]


def set_role(settings: Settings, email: str, role: Role) -> list[str]:
    """Make somebody an operator, or a user again."""
    services = Services.open(settings)
    person = services.people.by_email(email)
    services.people.set_role(LOCAL, person.owner_id, role)
    services.close()
    return [
        f"{person.email} is {'an operator' if role is Role.OPERATOR else 'a user'}."
    ]


def listed(settings: Settings) -> list[str]:
    """Return a line for each person."""
    services = Services.open(settings)
    people = services.people.list(LOCAL)
    services.close()
    if not people:
        return ["There is nobody yet. Add one: lectern people add EMAIL --operator"]
    now = datetime.now().astimezone()
    return [_line(person, now) for person in people]


def _line(person: Person, now: datetime) -> str:
    state = "" if person.is_in(now) else "  kept out"
    seen = f"{person.seen_at:%Y-%m-%d}" if person.seen_at else "never"
    who = person.email or f"guest {person.owner_id[:8]}"
    return f"{who:<40}{person.role:<10}seen {seen}{state}"
