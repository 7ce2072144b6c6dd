"""Coming in as somebody whom a provider, or the web server in front, knows."""

from contextlib import suppress

from sqlalchemy import Connection

from lectern.accounts.elsewhere import Elsewhere, Known
from lectern.accounts.people import Principal, Role, checked_email
from lectern.accounts.sessions import Method, Session
from lectern.errors import (
    InvalidRequest,
    NameTaken,
    NotFound,
    SignInRefused,
)
from lectern.ids import OwnerId
from resources.accounts import Browser
from resources.services import Services
from resources.stores.identities import Identities


class AccountsElsewhere:
    """What finds, makes and connects the people whom others know."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._people = services.people
        self._sessions = services.sessions
        self.identities = Identities(services.database)

    def come_in(
        self,
        known: Known,
        rules: Elsewhere,
        *,
        method: Method,
        browser: Browser,
        guest: Principal | None = None,
    ) -> tuple[Session, str]:
        """Let somebody in; return the session and its text.

        Who was never here gets an account where that is allowed. A guest who signs in
        so for the first time stays who they are, with all they have.

        Raises:
            SignInRefused: They are not let in; the message says why.
        """
        if not known.is_wanted(rules):
            raise SignInRefused(
                "You are signed in there, but in none of the groups that are let in "
                "here. Ask an operator."
            )
        try:
            owner_id = self._owner(known, rules, guest)
        except NameTaken:  # two came in at once as the same person
            owner_id = self._owner(known, rules, None)
        self._take_role(owner_id, known, rules)
        try:
            return self._sessions.begin(
                owner_id,
                method=method,
                device=browser.device,
                address=browser.address,
                instead_of=browser.secret,
            )
        except NotFound:
            raise SignInRefused("You may not come in here. Ask an operator.") from None

    def connect(self, principal: Principal, known: Known, rules: Elsewhere) -> None:
        """Let somebody who is signed in also come in by another way from now on.

        Raises:
            SignInRefused: Nobody of theirs is let in.
            NameTaken: That way leads to another account.
        """
        if not known.is_wanted(rules):
            raise SignInRefused("You are in none of the groups that are let in here.")
        with self._database.write() as connection:
            self.identities.add(connection, principal, known.issuer, known.subject)

    def disconnect(self, principal: Principal, issuer: str) -> None:
        """Take a way in away, unless it is the only one.

        Raises:
            NotFound: They are not connected there.
            InvalidRequest: They could not come in any more.
        """
        person = self._people.get(principal.owner_id)
        if not person.has_password and len(self.identities.list(principal)) < 2:
            raise InvalidRequest(
                "This is your only way in. Choose a password first, by a link from an "
                "operator or from your mail."
            )
        self.identities.remove(principal, issuer)

    def _owner(
        self, known: Known, rules: Elsewhere, guest: Principal | None
    ) -> OwnerId:
        with self._database.write() as connection:
            owner_id = self.identities.owner(
                known.issuer, known.subject, connection=connection
            )
            if owner_id is not None:
                return owner_id
            if not rules.new_people:
                raise SignInRefused(
                    "You are signed in there, but have no account here. Ask an "
                    "operator to invite you, then connect the two under Settings."
                )
            principal = self._new(connection, known, guest)
            self.identities.add(connection, principal, known.issuer, known.subject)
            return principal.owner_id

    def _new(
        self, connection: Connection, known: Known, guest: Principal | None
    ) -> Principal:
        email = _email(known)
        if email is not None and self._people.credentials(email) is not None:
            raise SignInRefused(
                f"Somebody here has the e-mail address {email} already. If that is "
                "you, sign in with your password and connect the two under Settings."
            )
        if guest is None:
            added = self._people.add(email, name=known.name, connection=connection)
            return added.principal
        self._people.settle_guest(
            connection, guest, email, name=known.name, password_hash=None
        )
        self._sessions.end_all(guest, connection=connection)
        return guest

    def _take_role(self, owner_id: OwnerId, known: Known, rules: Elsewhere) -> None:
        """Follow the provider's groups, where they decide; the last operator stays."""
        if not rules.operator_groups:
            return
        role = Role.OPERATOR if known.is_operator(rules) else Role.USER
        if self._people.get(owner_id).role is role:
            return
        with suppress(InvalidRequest), self._database.write() as connection:
            if role is not Role.OPERATOR:
                self._people.require_other_operator(connection, owner_id)
            self._people.change(connection, owner_id, role=role)


def _email(known: Known) -> str | None:
    """Return the address that was confirmed elsewhere, if it is one."""
    if known.email is None:
        return None
    try:
        return checked_email(known.email)
    except InvalidRequest:
        return None
