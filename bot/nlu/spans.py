"""What an entity finder finds, and which finds survive when they overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """An entity at `start:end` of the folded text, with its normalised value; `confidence` is below 1 for a typing error forgiven."""

    entity: str
    start: int
    end: int
    value: str
    confidence: float = 1.0


def without_overlaps(found: Iterable[Found]) -> list[Found]:
    """Keep the longest of those that overlap (of equal ones the surer, then the first), in the order of the text."""
    kept: list[Found] = []
    for candidate in sorted(found, key=lambda one: (one.start - one.end, -one.confidence)):
        if all(candidate.end <= other.start or candidate.start >= other.end for other in kept):
            kept.append(candidate)
    return sorted(kept, key=lambda one: one.start)
