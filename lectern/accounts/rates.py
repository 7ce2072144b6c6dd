"""How fast somebody may ask: the generic cell rate algorithm (GCRA, ITU-T I.371).

A rate lets `count` elements through in so many seconds, on average, and `burst` of them
at once after a rest. All there is to keep is one number: when the last one let through
is worked off. What is asked for costs as many elements as it has (files, blocks,
documents), however many requests it comes in.
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

UNITS = {"s": 1, "min": 60, "h": 3600, "day": 86_400}
FORM = re.compile(r"(\d+)/(s|min|h|day)(?: burst (\d+))?")
LEAP_US = 7 * 86_400 * 1_000_000
"""Further in the future than any work goes; a clock has leapt back: begun anew."""


class RateClass(StrEnum):
    """What is asked for; the value is stored."""

    LOGIN = "login"
    UPLOAD = "upload"
    DOCUMENT = "document"
    SPEECH = "speech"
    EXPORT = "export"
    API = "api"


class Pace(StrEnum):
    """How fast somebody may go, beside others; the value is stored."""

    USUAL = "usual"
    GUEST = "guest"
    IN_DEBT = "in_debt"  # has used more than there was


SLOWED: dict[Pace, int] = {Pace.USUAL: 1, Pace.GUEST: 5, Pace.IN_DEBT: 10}
"""By how much each is slower."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many elements in so many seconds, and so many of them at once."""

    count: int
    seconds: int
    burst: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read ``6/min`` or ``6/min burst 5``.

        Raises:
            ValueError: It is not of that form.
        """
        found = FORM.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is no rate. Write it as 6/min, or 6/h burst 3.")
        count = int(found[1])
        burst = int(found[3] or count)
        if not count or not burst:
            raise ValueError(f"{text!r} lets nothing through.")
        return cls(count, UNITS[found[2]], burst)

    def __str__(self) -> str:
        unit = next(name for name, one in UNITS.items() if one == self.seconds)
        return f"{self.count}/{unit} burst {self.burst}"

    @property
    def interval_us(self) -> int:
        """Return the microseconds in which one element is worked off."""
        return max(1, self.seconds * 1_000_000 // self.count)

    @property
    def burst_us(self) -> int:
        """Return how long a whole burst takes to be worked off."""
        return self.burst * self.interval_us

    def slowed(self, factor: int) -> "SlowedRate":
        """Return what is left of it for whoever goes slower."""
        return SlowedRate(self.interval_us * factor, max(1, self.burst // factor))


@dataclass(frozen=True, slots=True)
class SlowedRate:
    """A rate as it is reckoned with."""

    interval_us: int
    burst: int

    @property
    def burst_us(self) -> int:
        """Return how long a whole burst takes to be worked off."""
        return self.burst * self.interval_us

    def needed_us(self, cost: int) -> int:
        """Return how much must be free. What costs more than a whole burst needs
        that, and is then worked off for longer."""
        return min(cost, self.burst) * self.interval_us

    def taken(self, free_at_us: int, now_us: int, cost: int) -> int | None:
        """Return when all is worked off if this is let through; None when not."""
        start = self.start(free_at_us, now_us)
        if start + self.needed_us(cost) > now_us + self.burst_us:
            return None
        return start + cost * self.interval_us

    def start(self, free_at_us: int, now_us: int) -> int:
        """Return from when on new work counts."""
        has_leapt = free_at_us > now_us + LEAP_US + self.burst_us
        return now_us if has_leapt else max(free_at_us, now_us)

    def wait_us(self, free_at_us: int, now_us: int, cost: int) -> int:
        """Return how long it is until this would be let through."""
        start = self.start(free_at_us, now_us)
        return max(0, start + self.needed_us(cost) - self.burst_us - now_us)


def network_of(address: str) -> str:
    """Return what an address is counted as: the /64 that one person has of IPv6, the
    address itself of IPv4 (also when written as IPv6). What is none is itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _rate_of(value: Any) -> Any:
    return Rate.parse(value) if isinstance(value, str) else value


RateText = Annotated[Rate, BeforeValidator(_rate_of), PlainSerializer(str)]


class Rates(BaseModel):
    """How fast people may ask, `6/min burst 5`; one person alone is never slowed down.

    Guests go a fifth as fast, and whoever has used more than there was a tenth.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    """Whether anybody is slowed down."""
    login: RateText = Rate(10, 60, 10)
    """Attempts to sign in or up, of one network address (a /64 of IPv6)."""
    upload: RateText = Rate(30, 60, 60)
    """Files."""
    document: RateText = Rate(20, 60, 20)
    """Pasted texts, web addresses, and documents that a batch is begun for."""
    speech: RateText = Rate(300, 60, 300)
    """Blocks of text that programs have spoken."""
    export: RateText = Rate(12, 3600, 6)
    """Exports."""
    api: RateText = Rate(600, 60, 200)
    """Requests of programs, and requests that change something."""

    def of(self, kind: RateClass, pace: Pace = Pace.USUAL) -> SlowedRate:
        """Return the rate of a class, for whoever goes at this pace."""
        rate: Rate = getattr(self, kind.value)
        return rate.slowed(SLOWED[pace])
