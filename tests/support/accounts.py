"""People who sign in, for tests of an installation with accounts."""

from lectern.accounts.people import Person, Role
from lectern.accounts.sessions import Method
from lectern.settings import Settings
from resources.services import Services


def with_accounts(settings: Settings, **accounts: object) -> Settings:
    """Return the settings of an installation where everybody signs in."""
    chosen = settings.accounts.model_copy(update={"mode": "multi", **accounts})
    return settings.model_copy(update={"accounts": chosen})


def add_person(services: Services, name: str, *, role: Role = Role.USER) -> Person:
    """Add somebody of this name, without a password."""
    return services.people.add(f"{name}@example.org", role=role, name=name.title())


def cookie_of(services: Services, person: Person) -> dict[str, str]:
    """Sign somebody in; return the cookies that their browser then sends."""
    _, secret = services.sessions.begin(person.owner_id, method=Method.PASSWORD)
    return {"lectern": secret}
