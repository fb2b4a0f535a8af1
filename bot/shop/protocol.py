"""The company's back end as Yingda sees it: one Protocol, whatever stands behind it.

Reading methods return what there is; a thing that is not there, or not this customer's, raises NotFoundError. Changing methods take an
`EffectKey`: run twice with the same key they change the world once and return the same. They raise ConflictError with a
`reason` (a key of `Refusal`) when the company's rules forbid the change, and ServiceError when the back end does not answer.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol

import msgspec

from bot.effects import EffectKey
from bot.errors import ConflictError

Time = Annotated[datetime, msgspec.Meta(tz=True)]  # an answer whose time names no zone is refused when it is read


class OrderStatus(StrEnum):
    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class Refusal(StrEnum):
    """Why a change is not possible; each has its sentence in both languages (response `utter_refused_<value>`)."""

    ALREADY_SHIPPED = "already_shipped"
    ALREADY_CANCELLED = "already_cancelled"
    NOT_DELIVERED = "not_delivered"
    RETURN_PERIOD_OVER = "return_period_over"
    RETURN_OPEN = "return_open"
    INVOICE_ISSUED = "invoice_issued"
    NOT_PAID = "not_paid"
    NO_MEMBERSHIP = "no_membership"
    MEMBERSHIP_NOT_ACTIVE = "membership_not_active"
    PRICE_NOT_LOWER = "price_not_lower"
    PROTECTION_PERIOD_OVER = "protection_period_over"
    ALREADY_GRANTED = "already_granted"


class ShopRefusal(ConflictError):
    """The company's rules forbid the change; `reason` says which rule."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Money(msgspec.Struct, frozen=True):
    minor: int  # cents, fen
    currency: str


class Product(msgspec.Struct, frozen=True):
    sku: str
    name_zh: str
    name_en: str
    category: str
    price: Money

    def name(self, language: str) -> str:
        return self.name_zh if language == "zh" else self.name_en


class OrderLine(msgspec.Struct, frozen=True):
    id: str
    product: Product
    quantity: int
    price: Money
    return_status: str = ""  # of its newest return: requested, approved, received, refunded, rejected


class TrackingEvent(msgspec.Struct, frozen=True):
    at: Time
    code: str  # picked_up, in_transit, arrived_hub, out_for_delivery, delivered, delayed, exception
    city_zh: str = ""
    city_en: str = ""


class Shipment(msgspec.Struct, frozen=True):
    tracking_number: str
    order_number: str
    carrier: str
    status: str  # in_transit, out_for_delivery, delivered, exception
    events: list[TrackingEvent] = []  # newest first


class Order(msgspec.Struct, frozen=True):
    number: str
    customer_id: str
    status: OrderStatus
    payment_status: str  # pending, paid, failed, refunded
    payment_method: str
    total: Money
    lines: list[OrderLine]
    placed_at: Time
    promised_at: Time
    city: str = ""  # of the delivery address; never the whole address
    invoice_number: str = ""
    shipments: list[Shipment] = []


class Return(msgspec.Struct, frozen=True):
    number: str
    order_line_id: str
    kind: str
    reason: str
    status: str
    amount: Money
    requested_at: Time


class Invoice(msgspec.Struct, frozen=True):
    number: str
    order_number: str
    title: str
    tax_number: str
    amount: Money
    issued_at: Time


class Membership(msgspec.Struct, frozen=True):
    customer_id: str
    tier: str
    status: str  # active, cancelled, expired
    started_at: Time
    renews_at: Time
    price: Money


class Coupon(msgspec.Struct, frozen=True):
    code: str
    kind: str  # amount, percent, membership_months, price_protection
    value: int
    currency: str
    expires_at: Time


class Contact(msgspec.Struct, frozen=True):
    """How the company reaches a customer; shown masked at the desk until revealed."""

    customer_id: str
    name: str
    phone: str
    email: str
    address: str


class Shop(Protocol):
    """Everything that Yingda asks of a company's own systems. Customer ids are the company's own numbers (the JWT's `sub`)."""

    async def orders(self, customer_id: str, *, limit: int = 5) -> list[Order]:
        """Return the newest orders first, with shipments."""

    async def order(self, number: str, *, customer_id: str) -> Order:
        """Return the customer's order; NotFoundError when it does not exist or is somebody else's."""

    async def prove_order(self, number: str, *, phone_last4: str) -> Order:
        """Return the order whose receiver's phone ends so; NotFoundError says the same for a wrong number and wrong digits."""

    async def shipment(self, tracking_number: str, *, customer_id: str) -> Shipment: ...

    async def returns(self, customer_id: str, *, limit: int = 5) -> list[Return]: ...

    async def create_return(self, order_number: str, line_id: str, *, kind: str, reason: str, key: EffectKey) -> Return: ...

    async def cancel_order(self, number: str, *, key: EffectKey) -> Order: ...

    async def change_address(self, number: str, *, address: str, key: EffectKey) -> Order: ...

    async def issue_invoice(self, number: str, *, title: str, tax_number: str, key: EffectKey) -> Invoice: ...

    async def protect_price(self, number: str, *, key: EffectKey) -> Coupon:
        """Grant the difference as a coupon when a product's price fell within the protection period."""

    async def membership(self, customer_id: str) -> Membership: ...

    async def cancel_membership(self, customer_id: str, *, key: EffectKey) -> Membership: ...

    async def grant_offer(self, customer_id: str, *, kind: str, value: int, key: EffectKey) -> Coupon:
        """Grant a retention offer, once a customer: kind amount, percent or membership_months."""

    async def coupons(self, customer_id: str) -> list[Coupon]:
        """Return those that can still be used."""

    async def products(self, skus: list[str]) -> list[Product]:
        """Return the products in the order asked for, leaving out unknown ones."""

    async def search_products(self, text: str, *, limit: int = 3) -> list[Product]:
        """Return the best matches by name in either language or category, typing errors forgiven."""

    async def contact(self, customer_id: str) -> Contact: ...

    async def healthy(self) -> bool: ...

    async def close(self) -> None:
        """Give back the connections that this shop opened itself."""
