"""What to offer a member who wants to leave, and whether a person talks to them: by expected gain, from the table in offers.yml."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from bot.customers.profile import Profile
from bot.tables import read_table

TABLE = Path(__file__).parent / "offers.yml"
MINOR_UNITS = 100  # of CNY, USD, EUR: the currencies of the shop


class Offer(msgspec.Struct, frozen=True):
    """`value` is what `Shop.grant_offer` takes: months, percent, or minor units of the membership's currency."""

    kind: str  # membership_months, percent, amount
    value: int
    rule: str = ""  # the row of offers.yml


Kind = Literal["membership_months", "percent", "amount"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Cost = Annotated[float, msgspec.Meta(ge=0)]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: str
    kind: Kind
    value: Annotated[int, msgspec.Meta(gt=0)]
    cost: Cost = 0.0  # whole units; 0 for a percentage, which costs its share of a mean order
    saves: Share = 0.0  # share of those about to leave whom it keeps

    def offer(self, unit: float) -> Offer:
        return Offer(self.kind, round(self.value * unit) if self.kind == "amount" else self.value, self.rule)

    def cost_minor(self, profile: Profile) -> float:
        if self.kind == "percent":
            return self.value / 100 * profile.spent_minor / max(profile.orders, 1)
        return self.cost * unit_minor(profile.currency)


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cost: Cost
    saves: Share


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    currencies: dict[str, Annotated[float, msgspec.Meta(gt=0)]]
    margin: Share
    hold_out: Share
    again_after_days: Annotated[int, msgspec.Meta(ge=0)]
    offers: list[Rule]
    courtesy: Rule
    neutral: Rule
    person: Person

    @property
    def again_after(self) -> timedelta:
        return timedelta(days=self.again_after_days)


def choose_offer(profile: Profile | None) -> Offer:
    """Return the offer with the highest expected gain; the neutral one for whom there is no risk to go by, or who is held out."""
    rules = table()
    unit = unit_minor(profile.currency if profile else "")
    if not is_treated(profile):
        return rules.neutral.offer(unit)
    assert profile is not None
    gains = {rule.rule: expected_gain_minor(profile, saves=rule.saves, cost_minor=rule.cost_minor(profile)) for rule in rules.offers}
    best = max(rules.offers, key=lambda rule: gains[rule.rule])
    return (best if gains[best.rule] > 0 else rules.courtesy).offer(unit)


def worth_a_person(profile: Profile | None) -> bool:
    """Say whether a person should talk to this customer before they leave: the gain is more than the time costs."""
    if not is_treated(profile):
        return False
    assert profile is not None
    person = table().person
    return expected_gain_minor(profile, saves=person.saves, cost_minor=person.cost * unit_minor(profile.currency)) > 0


def expected_gain_minor(profile: Profile, *, saves: float, cost_minor: float) -> float:
    """Return what a treatment wins on average: expected loss x margin x the share that it keeps, less its cost; minor units."""
    return profile.expected_loss_minor * table().margin * saves - cost_minor


def unit_minor(currency: str) -> float:
    """Return what one unit of the table is in minor units of a currency; one that the table does not name counts like the first."""
    return table().currencies.get(currency, 1.0) * MINOR_UNITS


def is_treated(profile: Profile | None) -> bool:
    """Say whether treatment may follow the customer's risk: it is known, and they are not held out."""
    return profile is not None and profile.churn is not None and not profile.held_out


@cache
def table() -> Table:
    return read_table(TABLE, Table)
