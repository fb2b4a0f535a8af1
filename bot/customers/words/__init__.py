"""Customer intelligence in words for the agent, from `zh.yml` and `en.yml`. Light: the web app and the actions import it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.customers.profile import ChurnReason, Profile
from bot.languages import LANGUAGES

DAYS_A_MONTH = 30.44
COUNTED_IN_MONTHS = frozenset({"tenure_days"})


def reason_words(reason: ChurnReason) -> dict[str, str]:
    """Return the reason as a sentence in each language, with the customer's own value; a feature without words is named."""
    return {language: _reason(_texts(language)["reasons"], reason) for language in LANGUAGES}


def segment_words(segment: str) -> dict[str, str]:
    """Return the segment's name in each language; KeyError for one that there is not."""
    return {language: _texts(language)["segments"][segment] for language in LANGUAGES}


def feature_name(feature: str, language: str) -> str:
    """Return a feature's short name for a plot; one without words is named as it is."""
    return str(_texts(language)["features"].get(feature, feature))


def kind_name(kind: str, language: str) -> str:
    """Return the name of a kind of model; one without words is named as it is."""
    return str(_texts(language)["kinds"].get(kind, kind))


def next_action(profile: Profile) -> dict[str, str] | None:
    """Return what the agent had best do for this customer, in each language; None where nothing stands out."""
    key = _action(profile)
    return {language: _texts(language)["actions"][key] for language in LANGUAGES} if key else None


def _action(profile: Profile) -> str | None:
    """Choose by what is most at stake first: the risk, then the segment."""
    level, member = profile.churn.level if profile.churn else "", bool(profile.membership_tier)
    if level == "high":
        return "keep_member" if member else "keep_customer"
    if profile.segment in {"dormant", "at_risk"}:
        return "win_back"
    if level == "medium":
        return "reassure"
    if profile.segment in {"champion", "loyal"}:
        return "thank" if member else "invite_member"
    return "guide" if profile.segment == "new" else None


def _reason(texts: dict[str, dict[str | int, str]], reason: ChurnReason) -> str:
    known = reason.feature if reason.feature in texts else "unknown"
    months = round(reason.value / DAYS_A_MONTH)
    value = round(reason.value)
    text = _form(texts[known], months if known in COUNTED_IN_MONTHS else value)
    return text.format(value=value, decimal=f"{reason.value:.1f}", percent=round(reason.value * 100), months=months, feature=reason.feature)


def _form(forms: dict[str | int, str], number: int) -> str:
    """Return the form for exactly this number, else for zero or one, else the common one."""
    named = {0: "zero", 1: "one"}.get(number, "other")
    return forms.get(number) or forms.get(named) or forms["other"]


@cache
def _texts(language: str) -> dict[str, Any]:
    path = Path(__file__).parent / f"{language}.yml"
    return dict(yaml.safe_load(path.read_text(encoding="utf8")))
