"""Words for cards, buttons and summaries in the customer's language, and how it writes money and time."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from bot.languages import LANGUAGES
from bot.shop.protocol import Money

_FOLDER = Path(__file__).parent
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@cache
def _table(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((_FOLDER / name).read_text(encoding="utf8")))


class Words:
    """The words of one language, times in the company's zone."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._zone = zone

    def __call__(self, key: str, **values: object) -> str:
        """Return the word `group.name`, filled in; KeyError for one that is not in the table."""
        group, _, name = key.partition(".")
        text: str = _table(f"words/{self.language}.yml")[group][name]
        return text.format(**values) if values else text

    @staticmethod
    def of(language: str, key: str) -> str:
        """Return a word of a given language, where the customer's does not matter."""
        group, _, name = key.partition(".")
        return str(_table(f"words/{language}.yml")[group][name])

    def known(self, group: str, name: str, otherwise: str = "") -> str:
        """Return the word for a value that comes from the company's system, which may have values that we have no word for."""
        words: dict[str, str] = _table(f"words/{self.language}.yml")[group]
        return words.get(name) or words.get(otherwise) or name

    def money(self, money: Money) -> str:
        whole = f"{money.minor / 100:,.2f}".removesuffix(".00")
        return self.known("currency", money.currency, "other").format(amount=whole, currency=money.currency)

    def day(self, moment: datetime) -> str:
        return self._date("format.day", moment)

    def day_and_year(self, moment: datetime) -> str:
        return self._date("format.day_and_year", moment)

    def moment(self, moment: datetime) -> str:
        return self._date("format.moment", moment)

    def _date(self, key: str, moment: datetime) -> str:
        local = moment.astimezone(self._zone)
        return self(
            key,
            year=local.year,
            month=local.month,
            day=local.day,
            month_name=_MONTHS[local.month - 1],
            time=f"{local:%H:%M}",
        )


def intent_names(language: str) -> dict[str, str]:
    """Return the intents that can be offered, with their names."""
    return {intent: entry[language] for intent, entry in _table("intents.yml").items()}


def skill_of(intent: str) -> str:
    """Return the skill that an intent belongs to; empty when it says nothing about a topic."""
    entry = _table("intents.yml").get(intent)
    return str(entry["skill"]) if entry else ""
