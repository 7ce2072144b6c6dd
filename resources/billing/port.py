"""What every way of paying offers. The usual one sells nothing."""

from abc import ABC, abstractmethod
from collections.abc import Collection

from lectern.accounts.people import Principal
from lectern.errors import NotFound

NOTHING_SOLD = "Nothing is sold here. Ask whoever runs this Lectern for another plan."


class BillingPort(ABC):
    """Sells plans."""

    @abstractmethod
    def plans(self) -> Collection[str]:
        """Return the plans that can be bought."""

    @abstractmethod
    def checkout(self, principal: Principal, plan: str, *, back_to: str) -> str:
        """Return the address at which somebody pays for a plan.

        Raises:
            NotFound: It is not sold here.
            EngineError: Whoever takes the money does not answer.
        """

    @abstractmethod
    def portal(self, principal: Principal, *, back_to: str) -> str:
        """Return the address at which somebody ends or changes what they pay for.

        Raises:
            NotFound: They pay for nothing.
            EngineError: Whoever takes the money does not answer.
        """

    @abstractmethod
    def take_notice(self, payload: bytes, signature: str) -> bool:
        """Take note that something was paid, changed or ended; False when known.

        Raises:
            NotFound: No notices are taken.
            InvalidRequest: It was not signed by whoever takes the money.
            EngineError: What it is about could not be fetched; it is sent again.
        """


class NoBilling(BillingPort):
    """Sells nothing."""

    def plans(self) -> Collection[str]:
        """Return none."""
        return ()

    def checkout(self, principal: Principal, plan: str, *, back_to: str) -> str:
        """Refuse."""
        raise NotFound(NOTHING_SOLD)

    def portal(self, principal: Principal, *, back_to: str) -> str:
        """Refuse."""
        raise NotFound(NOTHING_SOLD)

    def take_notice(self, payload: bytes, signature: str) -> bool:
        """Refuse."""
        raise NotFound(NOTHING_SOLD)
