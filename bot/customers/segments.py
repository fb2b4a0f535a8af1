"""Which kind of customer: by the rules of `segments.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from bot.errors import SettingError
from bot.tables import read_table, table_path

TABLE = Path(__file__).parent / "segments.yml"


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_: float = msgspec.field(default=float("-inf"), name="from")
    below: float = float("inf")


MEASURES = ("days_since_order", "tenure_days", "orders_365d", "spent_rank")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    segment: str
    when: dict[str, Bounds]

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.when) - set(MEASURES)):
            raise ValueError(f"allowed measures are {', '.join(MEASURES)}; there is no {', '.join(unknown)}")

    def fits(self, measures: Mapping[str, float]) -> bool:
        return all(bounds.from_ <= measures[name] < bounds.below for name, bounds in self.when.items())


@cache
def rules() -> list[Rule]:
    found = read_table(TABLE, list[Rule])
    if not found or found[-1].when:
        raise SettingError(f"{table_path(TABLE)}: the last rule must fit everybody; give it when: {{}}")
    return found


def segment_of(measures: Mapping[str, float]) -> str:
    """Return the segment of the first rule that fits; the last fits everybody. KeyError names a measure that is missing."""
    return next(rule.segment for rule in rules() if rule.fits(measures))
