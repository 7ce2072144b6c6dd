"""Coming in: by a password, as a guest, by a link; and what people change of theirs.

Nothing here tells whether an address has an account: not in words, and not in time.
Every change that lets somebody in, or keeps them out, ends the sessions it must end in
the same transaction.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from lectern.accounts.attempts import (
    GUESTS_PER_ADDRESS,
    MAILS_PER_ACCOUNT,
    PER_ACCOUNT,
    SIGN_UPS_PER_ADDRESS,
    account_key,
    address_key,
)
from lectern.accounts.links import LinkKind, PersonLink, address_of
from lectern.accounts.people import LOCAL, Person, Principal, Role, checked_email
from lectern.accounts.sessions import Method, Session
from lectern.errors import InvalidRequest, NameTaken, NotFound, SignInRefused
from lectern.ids import OwnerId
from lectern.settings import Settings
from resources import mailing, passwords
from resources.services import Services
from resources.stores.attempts import Attempts
from resources.stores.people import require_operator
from resources.stores.person_links import PersonLinks

REFUSED = (
    "That did not work: the e-mail address and the password do not belong together, or "
    "nobody may come in with them."
)


@dataclass(frozen=True, slots=True)
class Browser:
    """Where somebody comes in."""

    device: str = ""  # what it says of itself
    address: str = ""  # its network address
    secret: str | None = None  # of the session it has, which ends


class Accounts:
    """What people do with their accounts, and operators with those of others."""

    def __init__(self, services: Services) -> None:
        self._settings: Settings = services.settings
        self._database = services.database
        self.people = services.people
        self.sessions = services.sessions
        self.links = PersonLinks(services.database)
        self.attempts = Attempts(services.database)

    # -- coming in

    def sign_in(
        self, email: str, password: str, browser: Browser
    ) -> tuple[Session, str]:
        """Let somebody in by their password; return the session and its text.

        Raises:
            SignInRefused: Whatever is wrong, in the same words after the same time.
            TooManyAttempts: With this e-mail address.
        """
        if not self._settings.accounts.passwords:
            raise SignInRefused("Nobody comes in by a password here.")
        key = account_key("sign in", email)
        self.attempts.count(key, PER_ACCOUNT)
        found = self.people.credentials(email)
        owner_id, kept = found if found is not None else (None, None)
        if not passwords.matches(kept, password) or owner_id is None:
            raise SignInRefused(REFUSED)
        if kept is not None and passwords.is_outdated(kept):
            with self._database.write() as connection:
                again = passwords.hashed(password)
                self.people.change(connection, owner_id, password_hash=again)
        begun = self._begin(owner_id, Method.PASSWORD, browser)
        self.attempts.forget(key)
        return begun

    def _begin(
        self, owner_id: OwnerId, method: Method, browser: Browser
    ) -> tuple[Session, str]:
        try:
            return self.sessions.begin(
                owner_id,
                method=method,
                device=browser.device,
                address=browser.address,
                instead_of=browser.secret,
            )
        except NotFound:
            raise SignInRefused(REFUSED) from None

    def enter_as_guest(self, browser: Browser) -> tuple[Session, str]:
        """Let somebody in without an e-mail address, for some days.

        Raises:
            InvalidRequest: There are no guests here.
            TooManyAttempts: Too many came from there.
        """
        accounts = self._settings.accounts
        if not accounts.guests:
            raise InvalidRequest("Guests are not let in here. Sign in.")
        self.attempts.count(address_key("guest", browser.address), GUESTS_PER_ADDRESS)
        guest = self.people.add_guest(lasts=timedelta(days=accounts.guest_days))
        return self._begin(guest.owner_id, Method.GUEST, browser)

    def sign_up(
        self,
        email: str,
        password: str,
        *,
        name: str = "",
        browser: Browser,
        guest: Principal | None = None,
    ) -> None:
        """Make an account, or nothing: to whoever asks, both look alike.

        ``guest`` is who asks as a guest: they stay who they are, with all they have.

        Raises:
            InvalidRequest: Nobody signs up here, or this is no e-mail address.
            WeakPassword: The password is weak.
            TooManyAttempts: Too often from there.
        """
        self._require_open()
        self.attempts.count(
            address_key("sign up", browser.address), SIGN_UPS_PER_ADDRESS
        )
        clean = checked_email(email)
        passwords.require_good(password, email=clean)
        kept = passwords.hashed(password)
        try:
            if guest is None:
                self.people.add(clean, name=name, password_hash=kept)
                return
            with self._database.write() as connection:
                self.people.settle_guest(
                    connection, guest, clean, name=name, password_hash=kept
                )
                self.sessions.end_all(guest, connection=connection)
        except NameTaken:
            return

    def ask_to_sign_up(
        self, email: str, *, browser: Browser, guest: Principal | None = None
    ) -> None:
        """Send a link by which the owner of an address can make an account.

        Whoever has one is told so by the same mail.

        Raises:
            InvalidRequest: Nobody signs up here, or this is no e-mail address.
            TooManyAttempts: Too often for this address, or from there.
        """
        self._require_open()
        clean = checked_email(email)
        self._count_mail("sign up", clean, browser)
        mailing.in_background(lambda: self._send_sign_up(clean, guest))

    def _send_sign_up(self, email: str, guest: Principal | None) -> None:
        if self.people.credentials(email) is not None:
            mailing.send(self._settings, email, mailing.have_account(self._address))
            return
        _, secret = self.links.make(
            guest or LOCAL,
            LinkKind.CONFIRMATION,
            lasts=timedelta(hours=self._settings.accounts.reset_hours),
            owner_id=guest.owner_id if guest is not None else None,
            email=email,
        )
        link = address_of(secret, self._address)
        mailing.send(self._settings, email, mailing.confirm(link))

    def ask_for_password(self, email: str, *, browser: Browser) -> None:
        """Send a link for a new password to who has this address, if anybody has.

        Raises:
            InvalidRequest: This is no e-mail address.
            TooManyAttempts: Too often for this address, or from there.
        """
        clean = checked_email(email)
        self._count_mail("reset", clean, browser)
        mailing.in_background(lambda: self._send_reset(clean))

    def _send_reset(self, email: str) -> None:
        try:
            person = self.people.by_email(email)
        except NotFound:
            return
        if person.disabled_at is None and person.email is not None:
            link = self._reset_link(person, made_by=person.principal)
            mailing.send(self._settings, person.email, mailing.reset(link))

    def _count_mail(self, what: str, email: str, browser: Browser) -> None:
        self.attempts.count(address_key(what, browser.address), SIGN_UPS_PER_ADDRESS)
        self.attempts.count(account_key(what, email), MAILS_PER_ACCOUNT)

    def accept(
        self, secret: str, *, email: str, password: str, name: str, browser: Browser
    ) -> tuple[Session, str]:
        """Do what a link allows, and let whoever has it in.

        Raises:
            LinkOver: It was used, or is too old.
            WeakPassword: The password is weak; the link stays good.
            NameTaken: Somebody has this e-mail address.
        """
        link = self.links.told_by(secret)
        clean = checked_email(link.email or email or self._email_of(link))
        passwords.require_good(password, email=clean)
        kept = passwords.hashed(password)
        with self._database.write() as connection:
            self.links.use(connection, secret)
            owner_id = self._settle(connection, link, clean, name, kept)
        return self._begin(owner_id, Method.LINK, browser)

    def _settle(
        self,
        connection: Connection,
        link: PersonLink,
        email: str,
        name: str,
        password_hash: str,
    ) -> OwnerId:
        if link.owner_id is None:
            return self.people.add(
                email,
                role=link.role,
                name=name,
                password_hash=password_hash,
                connection=connection,
            ).owner_id
        principal = Principal(link.owner_id)
        if link.kind is LinkKind.RESET:
            self.people.change(connection, link.owner_id, password_hash=password_hash)
        else:
            self.people.settle_guest(
                connection, principal, email, name=name, password_hash=password_hash
            )
        self.sessions.end_all(principal, connection=connection)
        return link.owner_id

    def _email_of(self, link: PersonLink) -> str:
        if link.owner_id is None:
            return ""
        return self.people.get(link.owner_id).email or ""

    def _require_open(self) -> None:
        accounts = self._settings.accounts
        if accounts.sign_up != "open" or not accounts.passwords:
            raise InvalidRequest(
                "Nobody can sign up here by themselves. Ask an operator to invite you."
            )

    # -- one's own account

    def change_password(
        self, principal: Principal, old: str, new: str, *, keep: str | None
    ) -> None:
        """Change one's own password, and sign out everywhere but in session ``keep``.

        Raises:
            SignInRefused: The old one is another.
            WeakPassword: The new one is weak.
            TooManyAttempts: Too many wrong ones.
        """
        person = self.people.get(principal.owner_id)
        email = person.email or ""
        self.require_password(principal, old)
        passwords.require_good(new, email=email)
        kept = passwords.hashed(new)
        with self._database.write() as connection:
            self.people.change(connection, principal.owner_id, password_hash=kept)
            self.sessions.end_all(principal, keep=keep, connection=connection)

    def change_email(self, principal: Principal, email: str, password: str) -> None:
        """Change one's own e-mail address.

        Raises:
            SignInRefused: The password is another.
            InvalidRequest: This is no e-mail address.
            NameTaken: Somebody has it already.
        """
        self.require_password(principal, password)
        self.people.set_email(principal.owner_id, email)

    def require_password(self, principal: Principal, password: str) -> None:
        """Make sure that whoever sits there knows the password.

        Raises:
            SignInRefused: They do not.
            TooManyAttempts: Too many wrong ones.
        """
        key = account_key("password", principal.owner_id)
        self.attempts.count(key, PER_ACCOUNT)
        if not passwords.matches(self.people.password_of(principal), password):
            raise SignInRefused("That is not your present password.")
        self.attempts.forget(key)

    # -- by operators

    def invite(
        self, principal: Principal, *, email: str = "", role: Role = Role.USER
    ) -> str:
        """Make an invitation; return its link. Sent by mail too, where there is one.

        Raises:
            NotFound: Whoever asks is no operator.
            InvalidRequest: This is no e-mail address, or nobody may sign up.
            NameTaken: Somebody has it already.
        """
        require_operator(principal)
        if self._settings.accounts.sign_up == "closed":
            raise InvalidRequest(
                "Nobody can sign up here (LECTERN_ACCOUNTS__SIGN_UP=closed). Add "
                "people by “lectern people add”."
            )
        clean = checked_email(email) if email.strip() else None
        if clean and self.people.credentials(clean) is not None:
            raise NameTaken("Somebody has this e-mail address already.")
        lasts = timedelta(days=self._settings.accounts.invitation_days)
        _, secret = self.links.make(
            principal, LinkKind.INVITATION, lasts=lasts, email=clean, role=role
        )
        link = address_of(secret, self._address)
        if clean and mailing.is_set(self._settings):
            mailing.send(self._settings, clean, mailing.invitation(link))
        return link

    def reset(self, principal: Principal, owner_id: OwnerId) -> str:
        """Make a link by which somebody chooses a new password; return it.

        Raises:
            NotFound: Whoever asks is no operator, or there is nobody of this id.
        """
        require_operator(principal)
        return self._reset_link(self.people.get(owner_id), made_by=principal)

    def _reset_link(self, person: Person, *, made_by: Principal) -> str:
        if person.email is None:
            raise InvalidRequest("A guest has no password.")
        lasts = timedelta(hours=self._settings.accounts.reset_hours)
        _, secret = self.links.make(
            made_by, LinkKind.RESET, lasts=lasts, owner_id=person.owner_id
        )
        return address_of(secret, self._address)

    @property
    def _address(self) -> str:
        return self._settings.public_address
