"""The demo company's rules in numbers, and what may be asked for at all; the same for every implementation of the shop."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.errors import InputError

RETURN_PERIOD_DAYS = 30  # after delivery; the law asks for 7 (Consumer Rights Protection Law of the PRC, Art. 25)
PRICE_PROTECTION_DAYS = 30  # after the order
COUPON_DAYS = 180  # how long a coupon that is granted can be used

RETURN_PERIOD = timedelta(days=RETURN_PERIOD_DAYS)
PRICE_PROTECTION = timedelta(days=PRICE_PROTECTION_DAYS)
COUPON_PERIOD = timedelta(days=COUPON_DAYS)

RETURN_KINDS = ("return", "refund", "exchange")
RETURN_REASONS = ("damaged", "wrong_item", "not_as_described", "no_longer_needed", "arrived_late", "other")
OFFER_LIMITS = {"amount": 100_000, "percent": 50, "membership_months": 12}  # the most that may be granted, in the kind's unit
ADDRESS_LENGTH = (5, 200)
TITLE_LENGTH = (1, 100)

_TAX_NUMBER = re.compile(r"[0-9A-Z]{8,20}")  # 18 signs in China (GB 32100-2015), 8 to 15 elsewhere
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_CITY = re.compile(r"^(?:[一-鿿]+?(?:省|自治区))?([一-鿿]{2,6}?)市")


def check_return(kind: str, reason: str) -> None:
    if kind not in RETURN_KINDS:
        raise InputError(f"the kind of return is {kind!r}; allowed are {', '.join(RETURN_KINDS)}")
    if reason not in RETURN_REASONS:
        raise InputError(f"the reason of the return is {reason!r}; allowed are {', '.join(RETURN_REASONS)}")


def check_offer(kind: str, value: int) -> None:
    if kind not in OFFER_LIMITS:
        raise InputError(f"the kind of offer is {kind!r}; allowed are {', '.join(OFFER_LIMITS)}")
    if not 1 <= value <= OFFER_LIMITS[kind]:
        raise InputError(f"the offer of kind {kind} has the value {value}; allowed are 1 to {OFFER_LIMITS[kind]}")


def clean_address(address: str) -> str:
    return _clean("delivery address", address, ADDRESS_LENGTH)


def clean_title(title: str) -> str:
    return _clean("title of the invoice", title, TITLE_LENGTH)


def clean_tax_number(tax_number: str) -> str:
    """Return it in capitals without blanks; empty stays empty, since a person needs none."""
    cleaned = re.sub(r"[\s-]", "", tax_number).upper()
    if cleaned and not _TAX_NUMBER.fullmatch(cleaned):
        raise InputError(f"the tax number has {len(cleaned)} signs; allowed are 8 to 20 letters and digits")
    return cleaned


def city_of(address: str) -> str:
    """Return the city that a Chinese address names; empty where none is recognised."""
    found = _CITY.match(address)
    return found.group(1) if found else ""


def _clean(name: str, text: str, length: tuple[int, int]) -> str:
    cleaned = _CONTROL.sub(" ", text).strip()
    if not length[0] <= len(cleaned) <= length[1]:
        raise InputError(f"the {name} has {len(cleaned)} characters; allowed are {length[0]} to {length[1]}")
    return cleaned
