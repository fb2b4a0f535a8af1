"""Why a file is not here."""

from __future__ import annotations

from enum import StrEnum


class Loss(StrEnum):
    """Why a file that a customer sent is not here; the desk has a sentence for each."""

    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"  # of one conversation within a day
    TYPE = "type"  # its content is of a kind that is not kept
    REFUSED = "refused"  # the vendor does not have it (any more)
    ADDRESS = "address"  # it lies where we do not go
    CREDENTIALS = "credentials"
    RATE = "rate"
    UNREACHABLE = "unreachable"
