"""What treating customers by their risk wins: those who were offered something against those held out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from bot.customers.events import Kind
from bot.customers.features import HORIZON
from bot.database.intelligence import customer_events, offers_made

# For a 95 % interval of a share (Wilson 1927).
Z = 1.96


class Group(msgspec.Struct, frozen=True):
    """Customers who were about to leave and heard an offer, and how many of them had not left a horizon later."""

    customers: int
    stayed: int

    @property
    def share(self) -> float | None:
        return self.stayed / self.customers if self.customers else None

    def interval(self) -> tuple[float, float]:
        """Return Wilson's interval of the share; (0, 1) for nobody."""
        if not self.customers:
            return 0.0, 1.0
        share, n = self.stayed / self.customers, self.customers
        middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
        return float(middle - half), float(middle + half)


class Effect(msgspec.Struct, frozen=True):
    treated: Group
    held_out: Group
    by_rule: dict[str, Group]
    waiting: int  # offers whose horizon is not over yet

    @property
    def difference(self) -> float | None:
        """Treated minus held out, in shares of customers who stayed; None while one of the groups is empty."""
        if self.treated.share is None or self.held_out.share is None:
            return None
        return self.treated.share - self.held_out.share


def effect_of_offers(connection: sa.Connection, now: datetime) -> Effect:
    """Compare by each customer's first offer; who ended a membership within the horizon after it has left."""
    first = _first_offers(connection)
    due = [row for row in first if row.created_at <= now - HORIZON]
    ended = _endings(connection, [row.customer_id for row in due])
    stayed = {
        row.customer_id: not any(row.created_at <= at < row.created_at + HORIZON for at in ended.get(row.customer_id, [])) for row in due
    }
    rules = sorted({row.rule for row in due if not row.held_out})
    return Effect(
        treated=_group([stayed[row.customer_id] for row in due if not row.held_out]),
        held_out=_group([stayed[row.customer_id] for row in due if row.held_out]),
        by_rule={rule: _group([stayed[row.customer_id] for row in due if not row.held_out and row.rule == rule]) for rule in rules},
        waiting=len(first) - len(due),
    )


def _first_offers(connection: sa.Connection) -> list[sa.Row[Any]]:
    rows = connection.execute(sa.select(offers_made).order_by(offers_made.c.created_at))
    first: dict[str, sa.Row[Any]] = {}
    for row in rows:
        first.setdefault(row.customer_id, row)
    return list(first.values())


def _endings(connection: sa.Connection, customer_ids: list[str]) -> dict[str, list[datetime]]:
    query = sa.select(customer_events.c.customer_id, customer_events.c.at).where(
        customer_events.c.kind == Kind.MEMBERSHIP_ENDED,
        customer_events.c.customer_id.in_(customer_ids),
        customer_events.c.superseded_at.is_(None),
        customer_events.c.withdrawn.is_(False),
    )
    found: dict[str, list[datetime]] = {}
    for row in connection.execute(query):
        found.setdefault(row.customer_id, []).append(row.at)
    return found


def _group(stayed: list[bool]) -> Group:
    return Group(len(stayed), sum(stayed))
