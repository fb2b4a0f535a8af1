"""Telephone numbers and e-mail addresses, whole columns at once."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

_MOBILE_CN = r"^(\+?86|0086)?(1[3-9]\d{9})$"
_E164 = r"^\+[1-9]\d{6,14}$"
_SIGN = r"[a-z0-9\x{80}-\x{10ffff}]"  # of a domain's name, which may be Chinese
_LABEL = rf"{_SIGN}({_SIGN}|-)*"
_EMAIL = rf"^[^@\s,;<>()\"']{{1,64}}@({_LABEL}[.])+{_LABEL}[^0-9-]$"


def phones(values: pa.Array, *, region: str, repairs: Counter[str]) -> pa.Array:
    """Return numbers as E.164; null for what is none in its region.

    Chinese mobiles and what is E.164 already are told by their form; phonenumbers, two hundred times slower, is asked for the rest.
    """
    texts = pc.replace_substring_regex(values, r"[.]0$|[ ().\-/–]", "")
    found = texts
    if region == "CN":
        found = pc.replace_substring_regex(texts, _MOBILE_CN, r"+86\2")
    known = pc.fill_null(pc.match_substring_regex(found, _E164), True)
    if not pc.all(known).as_py():
        asked = pc.filter(values, pc.invert(known)).to_pylist()
        answers = pa.array([e164(text, region) for text in asked], pa.string())
        found = pc.replace_with_mask(found, pc.invert(known), answers)
    repairs["phone_forms"] += pc.sum(pc.not_equal(found, values)).as_py() or 0
    return found


@lru_cache(maxsize=100_000)
def e164(text: str, region: str) -> str | None:
    """Return one number as E.164, or None for what is none."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if phonenumbers.is_valid_number(number) else None


def emails(values: pa.Array, *, repairs: Counter[str]) -> pa.Array:
    """Return addresses in lower case; null for what is none."""
    lower = pc.replace_substring_regex(pc.utf8_lower(values), r"^mailto:", "")
    repairs["email_forms"] += pc.sum(pc.not_equal(lower, values)).as_py() or 0
    return pc.if_else(pc.match_substring_regex(lower, _EMAIL), lower, pa.scalar(None, pa.string()))
