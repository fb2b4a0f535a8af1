"""Days in both languages: 2026-11-20, 11月20日, Nov 20th, 上周五, last Friday, 三天前, two days ago."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from bot.nlu.numerals import ENGLISH_NUMBER, HAN_NUMBER, number
from bot.nlu.spans import Found

ENTITY = "date"


@dataclass(frozen=True)
class DateWords:
    """The words of `nlu_data/lookups/dates.yml`."""

    days: dict[str, int]
    weeks: dict[str, int]
    weekdays: dict[str, int]
    weekdays_with_week_only: list[str]
    months: dict[str, int]
    years: dict[str, int]
    month_ends: list[str]
    weekends: list[str]
    holidays: dict[str, list[str]]


_Reader = Callable[[re.Match[str], date], date | None]


class DateFinder:
    """Finds days; the value is ISO 8601. A day without a year is the one nearest to today, a weekday alone the last one."""

    def __init__(self, words: DateWords) -> None:
        self._words = words
        self._rules: list[tuple[re.Pattern[str], _Reader]] = [
            (re.compile(rf"(?<![\w-])(?P<y>20\d\d)[-/.](?P<m>\d\d?)[-/.](?P<d>\d\d?)(?![\d-])|{_CHINESE_DATE}"), self._calendar),
            (re.compile(_english_date(words.months)), self._calendar),
            (
                re.compile(_SLASHED),
                self._calendar,
            ),
            (re.compile(rf"{LATIN_START}(?P<day>{any_of(words.days)}){LATIN_END}"), self._day),
            (re.compile(_weekday(words)), self._weekday),
            (re.compile(_AGO), self._ago),
        ]

    def find(self, text: str, today: date) -> Iterator[Found]:
        """Yield the days in a folded lower-case text."""
        for pattern, read in self._rules:
            for match in pattern.finditer(text):
                day = read(match, today)
                if day is not None:
                    yield Found(ENTITY, match.start(), match.end(), day.isoformat())

    def _calendar(self, match: re.Match[str], today: date) -> date | None:
        groups = {name[0]: value for name, value in match.groupdict().items() if value}
        month = self._words.months.get(groups["m"]) or number(groups["m"]) or 0
        day = number(groups["d"]) or 0
        year = number(groups["y"]) if "y" in groups else None
        if year is not None:
            return _valid(year, month, day)
        candidates = [one for one in (_valid(today.year + offset, month, day) for offset in (-1, 0, 1)) if one]
        return min(candidates, key=lambda one: abs(one - today), default=None)

    def _day(self, match: re.Match[str], today: date) -> date:
        return today + timedelta(days=self._words.days[match["day"]])

    def _weekday(self, match: re.Match[str], today: date) -> date:
        week = match["zh_week"] or match["en_week"]
        weekday = self._words.weekdays[match["zh_day"] or match["en_day"] or match["full_day"]]
        if week is None:
            return today - timedelta(days=(today.isoweekday() - weekday) % 7)
        day = today + timedelta(days=weekday - today.isoweekday(), weeks=self._words.weeks[week])
        # In English "last Friday" is the latest one gone by, be it in this week.
        if match["en_week"] and self._words.weeks[week] < 0 and day + timedelta(weeks=1) < today:
            return day + timedelta(weeks=1)
        return day

    def _ago(self, match: re.Match[str], today: date) -> date | None:
        amount = number(match["zh_number"] or match["en_number"])
        if amount is None or amount > 1000:
            return None
        unit = match["zh_unit"] or match["en_unit"]
        days = amount * (1 if unit in ("天", "日", "day") else 7)
        later = match["zh_way"] == "后" or match["en_way"] == "from now" or match["en_in"] is not None
        return today + timedelta(days=days if later else -days)


LATIN_START = r"(?<![a-z])"
LATIN_END = r"(?![a-z])"
# 10/10 may be a praise and 12/4 a flat: without a year a word must say that it is a day.
_SLASHED = (
    r"(?:(?<=on )|(?<=from )|(?<=since )|(?<=by )|(?<=before )|(?<=after )|(?<![\d/.-])(?=\d\d?/\d\d?/20))"
    r"(?P<m>\d\d?)/(?P<d>\d\d?)(?:/(?P<y>20\d\d))?(?![\d/])"
)
_CHINESE_DATE = (
    rf"(?:(?P<y2>20\d\d|二[零〇][零〇一二三四五六七八九]{{2}})年)?"
    rf"(?P<m2>1[0-2]|0?[1-9]|十?[一二]|[三四五六七八九十])月(?P<d2>[0-3]?\d|{HAN_NUMBER})[日号]"
)
_AGO = (
    rf"(?P<zh_number>\d{{1,3}}|{HAN_NUMBER})(?P<zh_unit>天|日|周|个?星期|个?礼拜)(?:之|以)?(?P<zh_way>前|后)"
    rf"|{LATIN_START}(?P<en_in>in )?(?P<en_number>\d{{1,3}}|{ENGLISH_NUMBER}) (?P<en_unit>day|week)s?"
    rf"(?(en_in)(?: time)?| (?P<en_way>ago|back|from now)){LATIN_END}"
)


def _english_date(months: Iterable[str]) -> str:
    month = any_of(months)
    return (
        rf"{LATIN_START}(?P<m>{month})\.? (?P<d>[0-3]?\d)(?:st|nd|rd|th)?(?:,? (?P<y>20\d\d))?(?![\w])"
        rf"|(?<!\w)(?P<d2>[0-3]?\d)(?:st|nd|rd|th)? (?:of )?(?P<m2>{month})(?:,? (?P<y2>20\d\d))?(?![\w])"
    )


def _weekday(words: DateWords) -> str:
    chinese_week = any_of(week for week in words.weeks if not week.isascii())
    english_week = any_of(week for week in words.weeks if week.isascii())
    chinese_day = any_of(day for day in words.weekdays if not day.isascii())
    english = [day for day in words.weekdays if day.isascii()]
    full = [day for day in english if day not in words.weekdays_with_week_only]
    return (
        rf"(?:(?<![得早晚])(?P<zh_week>{chinese_week})个?)?(?:周|星期|礼拜)(?P<zh_day>{chinese_day})"
        rf"|(?<!black ){LATIN_START}(?:(?P<en_week>{english_week}) (?P<en_day>{any_of(english)})|(?P<full_day>{any_of(full)})s?){LATIN_END}"
    )


def any_of(words: Iterable[str]) -> str:
    """Return a regular expression for any of the words, longer ones first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
