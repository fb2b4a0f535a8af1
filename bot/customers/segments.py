"""Which kind of customer: by the rules of `segments.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_: float = msgspec.field(default=float("-inf"), name="from")
    below: float = float("inf")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    segment: str
    when: dict[str, Bounds]

    def fits(self, measures: Mapping[str, float]) -> bool:
        return all(bounds.from_ <= measures[name] < bounds.below for name, bounds in self.when.items())


@cache
def rules() -> list[Rule]:
    return msgspec.yaml.decode((Path(__file__).parent / "segments.yml").read_bytes(), type=list[Rule])


def segment_of(measures: Mapping[str, float]) -> str:
    """Return the segment of the first rule that fits; the last fits everybody. KeyError names a measure that is missing."""
    return next(rule.segment for rule in rules() if rule.fits(measures))
