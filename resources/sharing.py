"""Sharing documents with people: found by their address, and called by their name."""

from collections.abc import Collection
from datetime import datetime

from lectern.accounts.people import LOCAL, Principal, Role
from lectern.errors import InvalidRequest, NotFound
from lectern.ids import DocumentId, OwnerId
from resources.services import Services
from resources.stores.sharing import DocumentShare

NO_ACCOUNTS = (
    "This installation has one user and no accounts, so there is nobody to share with."
)
NOBODY = "Nobody signs in here with this address. Ask them to sign up, or send a link."
GUESTS_SHARE_NOTHING = "Guests cannot share. Sign up to keep your library and share it."


def require_sharing(services: Services, principal: Principal) -> None:
    """Refuse where nothing can be shared.

    Raises:
        InvalidRequest: There are no accounts, or a guest asks.
    """
    if services.settings.accounts.is_single:
        raise InvalidRequest(NO_ACCOUNTS)
    if principal.role is Role.GUEST:
        raise InvalidRequest(GUESTS_SHARE_NOTHING)


def make_link(
    services: Services,
    principal: Principal,
    document_id: DocumentId,
    *,
    expires_at: datetime | None = None,
) -> tuple[DocumentShare, str]:
    """Make a link to a document; return it and its token, once.

    Raises:
        InvalidRequest: Nothing can be shared here, or not by them.
        NotFound: There is no such document of this person.
        LimitReached: It has as many shares as a document may have.
    """
    services.catalog.get(principal, document_id)
    require_sharing(services, principal)
    return services.shares.make_link(principal, document_id, expires_at=expires_at)


def share_with(
    services: Services,
    principal: Principal,
    document_id: DocumentId,
    *,
    email: str,
    expires_at: datetime | None = None,
) -> DocumentShare:
    """Let the person with this address read a document.

    Raises:
        InvalidRequest: Nothing can be shared here, or not by them, or not with them.
        NotFound: There is no such document of this person, or nobody of this address.
        LimitReached: It has as many shares as a document may have.
    """
    services.catalog.get(principal, document_id)
    require_sharing(services, principal)
    try:
        person = services.people.by_email(email)
    except NotFound:
        raise NotFound(NOBODY) from None
    if not person.is_in(services.database.now()):
        raise NotFound(NOBODY)
    return services.shares.let_in(
        principal,
        document_id,
        person.principal,
        named=person.email or person.shown_name,
        expires_at=expires_at,
    )


def names_of(services: Services, owner_ids: Collection[OwnerId]) -> dict[OwnerId, str]:
    """Return what people are called where others see them."""
    names: dict[OwnerId, str] = {}
    for owner_id in set(owner_ids):
        try:
            names[owner_id] = services.people.get(owner_id).shown_name
        except NotFound:
            is_local = owner_id == LOCAL.owner_id
            names[owner_id] = "this installation" if is_local else "somebody"
    return names
