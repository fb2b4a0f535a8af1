"""What to offer a member who wants to leave: by the risk and the customer's value, from the table in offers.yml."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from bot.customers.profile import Profile

MINOR_UNITS = 100  # of CNY, USD, EUR: the currencies of the shop


class Offer(msgspec.Struct, frozen=True):
    """`value` is what `Shop.grant_offer` takes: months, percent, or minor units of the membership's currency."""

    kind: str  # membership_months, percent, amount
    value: int


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    value: int
    level: str = ""
    spent_from: int = 0


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: list[_Rule]
    neutral: _Rule


def choose_offer(profile: Profile | None) -> Offer:
    """Return the offer that fits; one that is the same for everybody where there is no profile, or no risk in it."""
    table = _table()
    if profile is None or profile.churn is None:
        return _offer(table.neutral)
    level, spent = profile.churn.level, profile.spent_minor
    fitting = (rule for rule in table.rules if rule.level == level and spent >= rule.spent_from * MINOR_UNITS)
    return _offer(next(fitting, table.neutral))


def _offer(rule: _Rule) -> Offer:
    return Offer(rule.kind, rule.value * MINOR_UNITS if rule.kind == "amount" else rule.value)


@cache
def _table() -> _Table:
    return msgspec.yaml.decode((Path(__file__).parent / "offers.yml").read_bytes(), type=_Table)
