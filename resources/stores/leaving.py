"""People who are over: expired guests, and whoever deleted their account.

Whoever leaves becomes a guest that has expired: out at once, without a name. Upkeep
then removes what they had, once nothing works on it any more. What is counted stays
(usage events, the ledger, the audit of limits), under an id that names nobody.
"""

from sqlalchemy import Table, delete, select, update

from lectern.accounts.people import Principal, Role
from lectern.ids import DocumentId, OwnerId, UploadId
from resources.services import Services
from resources.stores import schema, schema_accounts

KEPT = {
    "outbox",
    "ledger_account",
    "ledger_credit",
    "ledger_entry",
    "ledger_hold",
    "limits_audit",
    "voice",  # once deleted, it goes when nobody has sounds of it any more
}
"""Tables that are counted by, never deleted from, or that upkeep deletes from."""

_person = schema_accounts.person.c


def leave(services: Services, principal: Principal) -> None:
    """Let somebody be over from now on.

    Raises:
        InvalidRequest: Nobody would be left to operate.
        NotFound: There is no such person.
    """
    people = services.people
    with services.database.write() as connection:
        people.require_other_operator(connection, principal.owner_id)
        people.change(
            connection,
            principal.owner_id,
            role=Role.GUEST,
            email=None,
            email_key=None,
            name="",
            password_hash=None,
            expires_at=services.database.now(),
        )
        for table in (
            schema_accounts.session,
            schema_accounts.identity,
            schema_accounts.person_link,
            schema.api_token,
        ):
            theirs = table.c.owner_id == principal.owner_id
            connection.execute(delete(table).where(theirs))


def remove_leavers(services: Services) -> int:
    """Remove people who are over, with all they had; return how many are gone.

    Whose work still runs is asked to stop, and removed the next time.
    """
    query = select(_person.owner_id).where(
        _person.role == Role.GUEST, _person.expires_at <= services.database.now()
    )
    with services.database.read() as connection:
        leavers = [Principal(OwnerId(id_)) for id_ in connection.scalars(query)]
    return sum(_remove(services, principal) for principal in leavers)


def _remove(services: Services, principal: Principal) -> bool:
    for job in services.jobs.active(principal):
        services.jobs.cancel(principal, job.id)
    for document in services.catalog.documents(principal):
        services.catalog.delete(principal, document.id)
    for document_id in _ids(services, principal, schema.document):
        services.catalog.purge(DocumentId(document_id))
    for upload_id in _ids(services, principal, schema.upload):
        services.uploads.drop(UploadId(upload_id))
    if _ids(services, principal, schema.document):
        return False
    _delete_rows(services, principal)
    return True


def _ids(services: Services, principal: Principal, table: Table) -> list[str]:
    query = select(table.c.id).where(table.c.owner_id == principal.owner_id)
    with services.database.read() as connection:
        return list(connection.scalars(query))


def _delete_rows(services: Services, principal: Principal) -> None:
    voice = schema.voice.c
    theirs = (voice.owner_id == principal.owner_id) & voice.deleted_at.is_(None)
    gone = (
        update(schema.voice)
        .where(theirs)
        .values(
            deleted_at=services.database.now(),
            slug="deleted " + voice.id,
            audio_blob=None,
            tensor_blob=None,
        )
    )
    with services.database.write() as connection:
        connection.execute(gone)
        for table in reversed(schema.metadata.sorted_tables):
            if "owner_id" in table.c and table.name not in KEPT:
                theirs = table.c.owner_id == principal.owner_id
                connection.execute(delete(table).where(theirs))
