"""What acting on a risk costs and saves, from costs.yml, and the thresholds that follow. Light: the web app may import it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from bot.errors import SettingError
from bot.tables import read_table

TABLE = Path(__file__).parent / "costs.yml"


class Costs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of what a customer brings in a year, and of the leavers who can be kept."""

    offer_cost: float
    care_cost: float
    saved_share: float

    @property
    def high(self) -> float:
        """The probability from which an offer pays: p * saved_share * value > offer_cost * value."""
        return self.offer_cost / self.saved_share

    @property
    def medium(self) -> float:
        return self.care_cost / self.saved_share


def read_costs(path: Path = TABLE) -> Costs:
    """Return the assumptions; SettingError when they cannot be meant."""
    costs = read_table(path, Costs)
    if not 0 < costs.care_cost <= costs.offer_cost < costs.saved_share <= 1:
        raise SettingError(f"{path.name}: 0 < care_cost <= offer_cost < saved_share <= 1 must hold; they are {costs}")
    return costs


@cache
def usual_costs() -> Costs:
    return read_costs()
