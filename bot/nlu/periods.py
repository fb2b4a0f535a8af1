"""Weeks, months, years, feasts and other spans of days in both languages: 上个月, last week, 去年3月, in March, 双十一, 近三个月."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from bot.nlu.dates import ENTITY, LATIN_END, LATIN_START, DateWords, any_of, whole_any_of
from bot.nlu.numerals import ENGLISH_NUMBER, number
from bot.nlu.spans import Found

_FARTHEST = timedelta(days=240)  # a feast farther away is not in the table of its days
_CHINESE_MONTH = "1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九]"
_DAY_FOLLOWS = r"(?!\d|[一二三四五六七八九十]*[日号])"
_BEFORE_MONTH = ("in", "since", "from", "until", "till", "after", "before", "during", "by", "of", "through", "and", "or", "early", "late")
_BEFORE_YEAR = ("in", "since", "from", "until", "till", "after", "before", "during", "of", "for", "year")
_TWO_MEANINGS = ("march", "may")  # other words too
_DAYS_OF_UNIT = {"天": 1, "日": 1, "day": 1, "周": 7, "星期": 7, "礼拜": 7, "week": 7, "fortnight": 14}
_FEW = {"几": 3, "好几": 4, "半": 0, "few": 3, "a few": 3, "couple of": 2, "a couple of": 2, "several": 4}
_COUNT = rf"\d{{1,2}}|{ENGLISH_NUMBER}|a few|few|a couple of|couple of|several"

_HAN_COUNT = r"\d{1,2}|[一两二三四五六七八九十]{1,2}"
_HAN_MONTH = rf"(?<!\d)(?P<month>{_CHINESE_MONTH})月(?:底|末|初|头|中旬|[上下]旬|份)?{_DAY_FOLLOWS}"
_LATELY = (
    rf"(?:最近|(?<![打转寄发送回])过去|近|这|(?:前|上)(?=[两几]))(?P<n>{_HAN_COUNT}|好?几|半)个?"
    r"(?P<unit>天|日|周|星期|礼拜|月|年)(?!前|后|内)"
)
_LAST_FEW = rf"{LATIN_START}(?:this )?(?P<way>last|past|previous|next|coming) (?P<n>{_COUNT}) (?P<unit>day|week|month|year)s{LATIN_END}"
_HAN_AGO = (
    r"(?P<n>好?几|半)个?(?P<unit>天|周|星期|礼拜|月|年)(?:之|以)?前"
    rf"|(?<!\d)(?P<n2>{_HAN_COUNT})(?:个半?|年半?)?(?P<unit2>月|年)(?:之|以)?前"
)
_LATIN_AGO = rf"{LATIN_START}(?P<n>{_COUNT}|half a) (?P<unit>day|week|fortnight|month|year)s? (?:ago|back){LATIN_END}"
_MONTH_PART = r"(?:(?:last|this|next|early|late|mid|end of|beginning of|start of)[ -])?"
_EDGE = r"(?:the )?(?:end|beginning|start|middle) of "
_LATIN_MONTH_EDGE = rf"{LATIN_START}(?:{_EDGE}(?:the |this )?(?P<week>(?:last |next )?)month|month[- ]end|end of month){LATIN_END}"
_LATIN_EDGE = (
    rf"{LATIN_START}(?:{_EDGE}(?:the |this |next |last )?(?P<unit>week|year)"
    rf"|(?:early|late) (?:this |next |last )(?P<unit2>week|year|month)){LATIN_END}"
)

_Reader = Callable[[re.Match[str], date], str | None]


class PeriodFinder:
    """Finds spans of time; the value is ISO 8601: 2026-W46, 2026-10, 2025, first/last day of a span, a day for a feast."""

    def __init__(self, words: DateWords) -> None:
        self._words = words
        weeks, week = (any_of(one for one in words.weeks if one.isascii() is ascii) for ascii in (False, True))
        weekdays = any_of(day for day in words.weekdays if not day.isascii())
        years = any_of(one for one in words.years if not one.isascii())
        feasts = [feast.replace("’", "'") for feast in words.holidays]
        self._rules: list[tuple[re.Pattern[str], _Reader]] = [
            *self._rules_of_months(weeks, week, years),
            (re.compile(rf"(?P<week>{weeks})个?(?:周|星期|礼拜)(?!{weekdays}|末|期)"), self._week),
            (re.compile(rf"{LATIN_START}(?P<week>{week}|past|this past) week{LATIN_END}"), self._week),
            (re.compile(rf"(?P<week>{weeks})?(?:个?周末|个?双休日)"), self._weekend),
            (re.compile(rf"{LATIN_START}(?:(?P<week>{week}) )?weekends?{LATIN_END}"), self._weekend),
            (re.compile(rf"(?P<year>{whole_any_of(words.years)})(?![上下]半年)"), self._year),
            (re.compile(r"(?<![\d-])(?P<number>20[0-4]\d)年(?!\d|[前后内来])"), self._year),
            (re.compile("|".join(rf"(?<={word} )20[0-4]\d(?![\d/.:-])" for word in _BEFORE_YEAR)), self._year),
            (re.compile(rf"(?:(?P<year>{years})的?)?(?P<half>[上下])半年"), self._half),
            (re.compile(whole_any_of(words.stretches)), self._stretch),
            (re.compile(_LATELY), self._last),
            (re.compile(_LAST_FEW), self._last),
            (re.compile(rf"{LATIN_START}(?:this past|past) (?P<unit>month|year){LATIN_END}"), self._last),
            (re.compile(_HAN_AGO), self._ago),
            (re.compile(_LATIN_AGO), self._ago),
            (re.compile(rf"(?:(?P<year>{years})的?)?(?P<feast>{any_of(one for one in feasts if not one.isascii())})"), self._holiday),
            (re.compile(_latin_feast(feasts)), self._holiday),
        ]

    def _rules_of_months(self, weeks: str, week: str, years: str) -> list[tuple[re.Pattern[str], _Reader]]:
        names = [name for name in self._words.months if name not in _TWO_MEANINGS]
        long, every = any_of(name for name in names if len(name) > 3 and name != "sept"), any_of(self._words.months)
        part = "月底|月末|月初|月头|月中旬?|月[上下]旬"
        return [
            (re.compile(rf"(?P<month>{weeks})个?月(?!底|末|初|头|中|[上下]旬)"), self._month_from_here),
            (re.compile(rf"{LATIN_START}(?P<month>{week}) month{LATIN_END}"), self._month_from_here),
            (re.compile(rf"(?:(?P<year>{years}|20[0-4]\d年)的?)?{_HAN_MONTH}"), self._month),
            (re.compile(rf"{LATIN_START}{_MONTH_PART}(?P<month>{long}){LATIN_END}(?: (?P<year>20[0-4]\d))?(?! ?\d)"), self._named_month),
            (re.compile("|".join(rf"(?<={word} )(?:{every}){LATIN_END}(?! ?\d)" for word in _BEFORE_MONTH)), self._named_month),
            (re.compile(rf"{LATIN_START}(?P<month>{every}) (?P<year>20[0-4]\d)(?!\d)"), self._named_month),
            (re.compile(rf"(?:(?P<week>{weeks})个?)?(?:{part})"), self._month_edge),
            (re.compile(rf"(?:(?P<year>{years})的?)?年[底末初头中](?!级)"), self._year_edge),
            (re.compile(_LATIN_MONTH_EDGE), self._month_edge),
            (re.compile(_LATIN_EDGE), self._edge),
        ]

    def find(self, text: str, today: date) -> Iterator[Found]:
        """Yield the periods in a folded lower-case text."""
        for pattern, read in self._rules:
            for match in pattern.finditer(text):
                value = read(match, today)
                if value is not None:
                    yield Found(ENTITY, match.start(), match.end(), value)

    def _week(self, match: re.Match[str], today: date) -> str:
        return _week_of(today + timedelta(weeks=self._words.weeks.get(match["week"], -1)))

    def _month_from_here(self, match: re.Match[str], today: date) -> str:
        return _month_number(_here(today) + self._words.weeks[match["month"]])

    def _month(self, match: re.Match[str], today: date) -> str | None:
        month, year = number(match["month"]) or 0, match["year"]
        if not year:
            return _nearest_month(month, today)
        return f"{int(year[:4]) if year[0] == '2' else today.year + self._words.years[year]}-{month:02}"

    def _named_month(self, match: re.Match[str], today: date) -> str:
        groups = match.groupdict()
        month = self._words.months[groups.get("month") or match[0]]
        return f"{groups['year']}-{month:02}" if groups.get("year") else _nearest_month(month, today)

    def _month_edge(self, match: re.Match[str], today: date) -> str:
        """Read the end of a month as its last day, its beginning as the first, its middle as the fifteenth."""
        word = (match.groupdict().get("week") or "").strip()
        months = _here(today) + self._words.weeks.get(word, 0)
        year, month = months // 12, months % 12 + 1
        last = calendar.monthrange(year, month)[1]
        day = 1 if re.search("初|头|beginning|start|上旬", match[0]) else 15 if re.search("月中|middle", match[0]) else last
        return date(year, month, day).isoformat()

    def _year_edge(self, match: re.Match[str], today: date) -> str:
        year = today.year + self._words.years.get(match["year"] or "", 0)
        return f"{year}-01" if match[0][-1] in "初头" else f"{year}-06" if match[0][-1] == "中" else f"{year}-12"

    def _edge(self, match: re.Match[str], today: date) -> str:
        step = -1 if "last " in match[0] else 1 if "next " in match[0] else 0
        unit = match["unit"] or match["unit2"]
        if unit == "month":
            return _month_number(_here(today) + step)
        return str(today.year + step) if unit == "year" else _week_of(today + timedelta(weeks=step))

    def _year(self, match: re.Match[str], today: date) -> str:
        word = match[0].rstrip("年")
        return word if word.isdigit() else str(today.year + self._words.years[match["year"]])

    def _half(self, match: re.Match[str], today: date) -> str:
        year = today.year + self._words.years.get(match["year"] or "", 0)
        return f"{year}-01-01/{year}-06-30" if match["half"] == "上" else f"{year}-07-01/{year}-12-31"

    def _weekend(self, match: re.Match[str], today: date) -> str:
        weeks = self._words.weeks.get(match["week"] or "", 0)
        return (today + timedelta(days=6 - today.isoweekday(), weeks=weeks)).isoformat()

    def _stretch(self, match: re.Match[str], today: date) -> str:
        first, last = (today + timedelta(days=days) for days in self._words.stretches[match[0]])
        return _interval(first, last)

    def _last(self, match: re.Match[str], today: date) -> str | None:
        groups = match.groupdict()
        days = _days(groups.get("n") or "1", groups["unit"])
        if not days:
            return None
        if groups.get("way") in ("next", "coming"):
            return _interval(today, today + timedelta(days=days))
        return _interval(today - timedelta(days=days), today)

    def _ago(self, match: re.Match[str], today: date) -> str | None:
        groups = match.groupdict()
        days = _days(groups["n"] or groups.get("n2") or "", groups["unit"] or groups.get("unit2") or "")
        if not days:
            return None
        day = today - timedelta(days=days)
        return day.isoformat() if days < 28 else f"{day.year}-{day.month:02}"

    def _holiday(self, match: re.Match[str], today: date) -> str | None:
        days = self._words.holidays[match["feast"]]
        meant = match.groupdict().get("year")
        if match[0].startswith(("last ", "next ")):
            candidates = [day for day in _feast(days, _years_around(today)) if (day < today) is match[0].startswith("last ")]
        else:
            candidates = _feast(days, [today.year + self._words.years[meant]] if meant else _years_around(today))
        nearest = min(candidates, key=lambda day: abs(day - today), default=None)
        if nearest is None or (not meant and match[0] == match["feast"] and abs(nearest - today) > _FARTHEST):
            return None
        return nearest.isoformat()


def _latin_feast(feasts: Iterable[str]) -> str:
    names = any_of(feast for feast in feasts if feast.isascii())
    return rf"{LATIN_START}(?:(?:last|this|next)(?: year's)? )?(?P<feast>{names})(?![a-z0-9元块件个])"


def _feast(days: Iterable[str], years: list[int]) -> list[date]:
    """Return a feast's days in those years, from 11-11 or 2026-02-17."""
    every = [date.fromisoformat(f"{year}-{day}") for day in days if len(day) == 5 for year in years]
    return every + [found for found in (date.fromisoformat(day) for day in days if len(day) > 5) if found.year in years]


def _years_around(today: date) -> list[int]:
    return [today.year - 1, today.year, today.year + 1]


def _days(amount: str, unit: str) -> int:
    """Return how many days 三周, a few months or half a year are, roughly for months; 0 for what is no number."""
    length = _DAYS_OF_UNIT.get(unit) or (365 if unit in ("年", "year") else 30)
    if amount in ("半", "half a"):
        return length // 2
    return (_FEW.get(amount) or number(amount) or 0) * length


def _week_of(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _interval(first: date, last: date) -> str:
    return f"{first.isoformat()}/{last.isoformat()}"


def _here(today: date) -> int:
    return today.year * 12 + today.month - 1


def _month_number(months: int) -> str:
    return f"{months // 12}-{months % 12 + 1:02}"


def _nearest_month(month: int, today: date) -> str:
    """Return the month of that number nearest to now."""
    candidates = (year * 12 + month - 1 for year in _years_around(today))
    return _month_number(min(candidates, key=lambda one: abs(one - _here(today))))
