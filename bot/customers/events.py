"""What customers do, as events of one form from every source: the base of features, counters and training.

An event happened `at` and is known in this form since `created_at`. It is never changed: a correction is a further revision of the same
(source, key), and the older row gets `superseded_at`. What was known at a moment t are the rows with
`created_at < t`, `superseded_at` empty or >= t, not `withdrawn`; so a late correction cannot leak into the past.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What happened; beside each what `amount_minor`, `value` and `ref` mean there."""

    ORDER_PLACED = "order_placed"  # amount: the total; value: 1 with a coupon, else 0; ref: the order's number
    ORDER_CANCELLED = "order_cancelled"  # ref: the order's number
    ITEM_BOUGHT = "item_bought"  # value: quantity; amount: of the line; ref: the SKU
    DELIVERY_LATE = "delivery_late"  # promised and not there, or reported delayed or stuck; ref: the order's number
    RETURN_REQUESTED = "return_requested"  # amount: the refund; ref: the order's number
    CONTACT = "contact"  # with customer service; value: its lowest sentiment, -1 to 1, where known; ref: the topic
    CSAT = "csat"  # value: 1 to 5
    MEMBERSHIP_STARTED = "membership_started"  # ref: the tier
    MEMBERSHIP_ENDED = "membership_ended"  # cancelled, or not renewed; ref: the tier
    VISIT = "visit"  # ref: the page


class Event(msgspec.Struct, frozen=True):
    """One event as a source tells it; money in minor units. `created_at` None: known from the moment it is stored."""

    source: str
    key: str
    customer_id: str  # customers.id
    kind: Kind
    at: datetime
    created_at: datetime | None = None
    amount_minor: int | None = None
    currency: str | None = None
    value: float | None = None
    ref: str | None = None
    withdrawn: bool = False
