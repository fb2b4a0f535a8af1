"""What one customer has done and been through, as it truly went; `rows` shows of it what is known at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.shop.sample.catalogue import Item
from bot.shop.sample.people import Carrier, Person, Place


@dataclass(frozen=True)
class Habits:
    """What drives a customer's behaviour. None of it is stored; it shows only in what they do."""

    orders_per_day: float
    visits_per_day: float
    contacts_per_day: float
    trouble: float  # probability that a delivery goes wrong
    patience: float  # how kindly service is rated, about 0
    returning: float  # probability that a delivered line is returned
    discounts: float  # probability that an order waits for a coupon
    favourites: tuple[str, ...]
    fades_at: datetime | None = None  # from here on all of it becomes rarer
    fades_to: float = 1.0

    def activity(self, at: datetime) -> float:
        return self.fades_to if self.fades_at and at >= self.fades_at else 1.0


@dataclass(frozen=True)
class Line:
    item: Item
    quantity: int
    price_minor: int  # of one, as paid: a coupon's discount is taken off


@dataclass(frozen=True)
class Step:
    at: datetime
    code: str
    place: Place


@dataclass(frozen=True)
class Purchase:
    """An order and its whole course, that of its future included."""

    placed_at: datetime
    promised_at: datetime
    lines: list[Line]
    payment_method: str
    payment: str = "paid"  # or pending or failed: then it is never shipped
    coupon_month: str = ""
    cancelled_at: datetime | None = None
    carrier: Carrier | None = None
    steps: list[Step] = field(default_factory=list)  # oldest first; none when it is never shipped

    @property
    def delivered_at(self) -> datetime | None:
        return self.steps[-1].at if self.steps and self.steps[-1].code == "delivered" else None

    @property
    def total_minor(self) -> int:
        return sum(line.price_minor * line.quantity for line in self.lines)

    def late_at(self, at: datetime) -> bool:
        """Say whether it was, by then, later than promised."""
        arrived = self.delivered_at
        return bool(self.steps) and self.promised_at < at and (arrived is None or arrived > self.promised_at)


@dataclass(frozen=True)
class SentBack:
    purchase: Purchase
    position: int  # of the line, from 1
    kind: str
    reason: str
    requested_at: datetime
    rejected: bool = False

    def status_at(self, at: datetime) -> str:
        age = at - self.requested_at
        for days, status in ((1, "requested"), (3, "approved"), (7, "received")):
            if age < timedelta(days=days):
                return status
        return "rejected" if self.rejected else "refunded"


@dataclass(frozen=True)
class Visit:
    at: datetime
    page: str
    sku: str | None = None


@dataclass(frozen=True)
class Contacted:
    at: datetime
    topic: str
    channel: str
    csat: int | None
    resolved: bool


@dataclass
class Member:
    tier: str
    started_at: datetime
    cancelled_at: datetime | None = None
    expired_at: datetime | None = None

    def active_at(self, at: datetime) -> bool:
        ends = [end for end in (self.cancelled_at, self.expired_at) if end]
        return self.started_at <= at and all(end > at for end in ends)


@dataclass
class History:
    person: Person
    registered_at: datetime
    purchases: list[Purchase] = field(default_factory=list)
    returns: list[SentBack] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    contacts: list[Contacted] = field(default_factory=list)
    member: Member | None = None
