"""The hold-out group: customers who are treated like everybody, so that the effect of treating the others by their risk can be measured."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import msgspec

from bot.tables import read_table


class _Share(msgspec.Struct, frozen=True):
    hold_out: float


def held_out(key: str) -> bool:
    """Say whether a customer is in the group: by a hash of the shop's number or, without one, of the customer's id.

    The same customer is always in the same group, whatever they do and whichever model is live.
    """
    place = int.from_bytes(hashlib.sha256(f"hold-out {key}".encode()).digest()[:8]) / 2**64
    return place < _share()


@cache
def _share() -> float:
    return read_table(Path(__file__).parent / "offers.yml", _Share).hold_out
