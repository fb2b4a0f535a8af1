"""Weeks, months, years and feasts in both languages: 上个月, last week, 去年3月, in March, 双十一, Christmas."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from bot.nlu.dates import ENTITY, LATIN_END, LATIN_START, DateWords, any_of
from bot.nlu.numerals import number
from bot.nlu.spans import Found

_FARTHEST = timedelta(days=240)  # a feast farther away is not in the table of its days
_CHINESE_MONTH = "1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九]"
_BEFORE_MONTH = ("in", "since", "from", "until", "till", "after", "before", "during", "by", "of", "last", "this", "next", "through")

_Reader = Callable[[re.Match[str], date], str | None]


class PeriodFinder:
    """Finds spans of time; the value is ISO 8601: 2026-W46, 2026-10, 2025, a day for a feast."""

    def __init__(self, words: DateWords) -> None:
        self._words = words
        chinese, english = ([week for week in words.weeks if week.isascii() is ascii] for ascii in (False, True))
        weekdays = any_of(day for day in words.weekdays if not day.isascii())
        months = any_of(month for month in words.months if len(month) > 4 or month in ("may", "june", "july"))
        day_follows = r"(?!\d|[一二三四五六七八九十]*[日号]|[底末])"
        self._rules: list[tuple[re.Pattern[str], _Reader]] = [
            (re.compile(rf"(?P<week>{any_of(chinese)})个?(?:周|星期|礼拜)(?!{weekdays}|末|期)"), self._week),
            (re.compile(rf"{LATIN_START}(?P<week>{any_of(english)}) week{LATIN_END}"), self._week),
            (re.compile(rf"(?P<month>{any_of(chinese)})个?月(?!底|末)"), self._month_from_here),
            (re.compile(rf"{LATIN_START}(?P<month>{any_of(english)}) month{LATIN_END}"), self._month_from_here),
            (re.compile(rf"(?:(?P<year>{any_of(words.years)})的?)?(?<!\d)(?P<month>{_CHINESE_MONTH})月份?{day_follows}"), self._month),
            (re.compile("|".join(rf"(?<={word} )(?:{months}){LATIN_END}(?! ?\d)" for word in _BEFORE_MONTH)), self._named_month),
            (re.compile(rf"{LATIN_START}(?P<year>{any_of(words.years)}){LATIN_END}"), self._year),
            (re.compile(rf"{LATIN_START}(?:{any_of(words.month_ends)}){LATIN_END}"), self._month_end),
            (re.compile(rf"{LATIN_START}(?:{any_of(words.weekends)}){LATIN_END}"), self._weekend),
            (re.compile(rf"{LATIN_START}(?:{any_of(words.holidays)}){LATIN_END}"), self._holiday),
        ]

    def find(self, text: str, today: date) -> Iterator[Found]:
        """Yield the periods in a folded lower-case text."""
        for pattern, read in self._rules:
            for match in pattern.finditer(text):
                value = read(match, today)
                if value is not None:
                    yield Found(ENTITY, match.start(), match.end(), value)

    def _week(self, match: re.Match[str], today: date) -> str:
        year, week, _ = (today + timedelta(weeks=self._words.weeks[match["week"]])).isocalendar()
        return f"{year}-W{week:02}"

    def _month_from_here(self, match: re.Match[str], today: date) -> str:
        months = today.year * 12 + today.month - 1 + self._words.weeks[match["month"]]
        return f"{months // 12}-{months % 12 + 1:02}"

    def _month(self, match: re.Match[str], today: date) -> str | None:
        month = number(match["month"]) or 0
        if match["year"]:
            return f"{today.year + self._words.years[match['year']]}-{month:02}"
        return _nearest_month(month, today)

    def _named_month(self, match: re.Match[str], today: date) -> str:
        return _nearest_month(self._words.months[match[0]], today)

    def _year(self, match: re.Match[str], today: date) -> str:
        return str(today.year + self._words.years[match["year"]])

    def _month_end(self, match: re.Match[str], today: date) -> str:
        return today.replace(day=calendar.monthrange(today.year, today.month)[1]).isoformat()

    def _weekend(self, match: re.Match[str], today: date) -> str:
        return (today + timedelta(days=6 - today.isoweekday())).isoformat()

    def _holiday(self, match: re.Match[str], today: date) -> str | None:
        years = (today.year - 1, today.year, today.year + 1)
        days = [day if len(day) > 5 else f"{year}-{day}" for day in self._words.holidays[match[0]] for year in years]
        candidates = [date.fromisoformat(day) for day in days]
        nearest = min(candidates, key=lambda day: abs(day - today))
        return nearest.isoformat() if abs(nearest - today) <= _FARTHEST else None


def _nearest_month(month: int, today: date) -> str:
    """Return the month of that number nearest to now."""
    here = today.year * 12 + today.month - 1
    months = min((year * 12 + month - 1 for year in (today.year - 1, today.year, today.year + 1)), key=lambda one: abs(one - here))
    return f"{months // 12}-{months % 12 + 1:02}"
