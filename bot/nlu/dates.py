"""Days in both languages: 2026-11-20, 11月20日, Nov 20th, 上周五, last Friday, 三天前, two days ago."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

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
    stretches: dict[str, tuple[int, int]]
    holidays: dict[str, list[str]]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> DateWords:
        """Take the file's words; there each feast is written once, with all its names."""
        return cls(**{**raw, "holidays": {name: feast["days"] for feast in raw["holidays"] for name in feast["names"]}})


_Reader = Callable[[re.Match[str], date], date | None]


class DateFinder:
    """Finds days; the value is ISO 8601. A day without a year is the one nearest to today, a weekday alone the last one."""

    def __init__(self, words: DateWords) -> None:
        self._words = words
        self._rules: list[tuple[re.Pattern[str], _Reader]] = [
            (re.compile(rf"(?<![\w-])(?P<y>20\d\d)[-/.](?P<m>\d\d?)[-/.](?P<d>\d\d?)(?![\d-])|{_CHINESE_DATE}"), self._calendar),
            (re.compile(_english_date(words.months)), self._calendar),
            (re.compile(_SLASHED), self._calendar),
            (re.compile(_DAY_OF_MONTH), self._day_of_month),
            (re.compile(rf"(?P<week>{_weeks(words, ascii=False)})个?月的?(?P<d>{_DAY})[日号]"), self._day_of_month),
            (re.compile(f"(?P<day>{whole_any_of(words.days)})"), self._day),
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

    def _day_of_month(self, match: re.Match[str], today: date) -> date | None:
        """Read 20号 or "the 20th" as the nearest one, 下个月20号 as that one."""
        groups = match.groupdict()
        day = number(groups["d"] or groups.get("d2") or groups.get("d3") or "") or 0
        here = today.year * 12 + today.month - 1
        if groups.get("week"):
            return _valid_in(here + self._words.weeks[groups["week"]], day)
        candidates = [one for one in (_valid_in(month, day) for month in (here - 1, here, here + 1)) if one]
        return min(candidates, key=lambda one: abs(one - today), default=None)

    def _day(self, match: re.Match[str], today: date) -> date:
        return today + timedelta(days=self._words.days[match["day"]])

    def _weekday(self, match: re.Match[str], today: date) -> date:
        week = match["zh_week"] or match["en_week"]
        weekday = self._words.weekdays[match["zh_day"] or match["en_day"] or match["full_day"] or match["short_day"]]
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
        days = amount * (1 if (match["zh_unit"] or match["en_unit"]) in ("天", "日", "day") else 7)
        later = match["zh_way"] == "后" or match["en_way"] == "from now"
        return today + timedelta(days=days if later else -days)


LATIN_START = r"(?<![a-z])"
LATIN_END = r"(?![a-z])"
# Before a weekday cut short, which may be another word: "open sun?".
_SAYS_DAY = "|".join(rf"(?<={word} )" for word in ("on", "open", "by", "until", "till", "since", "every", "from"))
# 10/10 may be a praise and 12/4 a flat: without a year a word must say that it is a day.
_SLASHED = (
    r"(?:(?<=on )|(?<=from )|(?<=since )|(?<=by )|(?<=before )|(?<=after )|(?<=until )|(?<=till )|(?<![\d/.-])(?=\d\d?/\d\d?/20))"
    r"(?P<m>\d\d?)/(?P<d>\d\d?)(?:/(?P<y>20\d\d))?(?![\d/])"
    r"|(?<![\d/.:-])(?P<m2>1[0-2]|0?[1-9])[./-](?P<d2>[0-3]?\d)(?=(?:那天|当天)?(?:才|就|刚)?(?:买|下单|下的|到货|收到|签收|发货|付款|拍的|的(?:订单|单子|快递)))"
)
_DAY = "[12]\\d|3[01]|0?[1-9]|(?:二?十[一二三四五六七八九]?|三十一?|[一二三四五六七八九])"
# 12号 is a house or a size more often than a day, and "the 3rd" a try: a word beside it must say that it is a day.
_DAY_OF_MONTH = (
    rf"(?:(?<![\d第月路街巷弄村门栋幢楼室a-z#-])(?P<d>{_DAY})[号日](?=(?:之?前|以前|之?后|以后|左右|那天|当天)?"
    r"(?:才|就|刚|还|能|可以|会|要)?(?:买|下的?单|发货|发的|送|收|到|付|晚上|早上|上午|下午|的(?:订单|单子|快递)|[之以]?[前后]|左右|那天|扣|开始|签|拍的))"
    rf"|(?:(?<=说好)|(?<=等到)|(?<=截止)|(?<=生日是))(?P<d2>{_DAY})[号日])"
    r"|(?:(?<=on )|(?<=by )|(?<=before )|(?<=until )|(?<=till )|(?<=since )|(?<=after )|(?<=from ))(?:the )?(?P<d3>[0-3]?\d)(?:st|nd|rd|th)"
    r"(?![a-z])(?! (?:floor|time|one|item|order|parcel|attempt|try|birthday|anniversary|st|street|avenue|of|day|week|month|call)\b)"
)
_CHINESE_DATE = (
    rf"(?:(?P<y2>20\d\d|二[零〇][零〇一二三四五六七八九]{{2}})年)?"
    rf"(?P<m2>1[0-2]|0?[1-9]|十?[一二]|[三四五六七八九十])月(?P<d2>[0-3]?\d|{HAN_NUMBER})[日号]"
)
_AGO = (
    rf"(?P<zh_number>\d{{1,3}}|{HAN_NUMBER})(?P<zh_unit>天|日|周|个?星期|个?礼拜)(?:之|以)?(?P<zh_way>前|后)"
    rf"|{LATIN_START}(?P<en_number>\d{{1,3}}|{ENGLISH_NUMBER}) (?P<en_unit>day|week)s? (?P<en_way>ago|back|earlier|from now){LATIN_END}"
)


def _english_date(months: Iterable[str]) -> str:
    month = any_of(months)
    return (
        rf"{LATIN_START}(?P<m>{month})\.? (?P<d>[0-3]?\d)(?:st|nd|rd|th)?(?:,? (?P<y>20\d\d))?(?![\w])"
        rf"|(?<!\w)(?P<d2>[0-3]?\d)(?:st|nd|rd|th)? (?:of )?(?P<m2>{month})(?:,? (?P<y2>20\d\d))?(?![\w])"
    )


def _weekday(words: DateWords) -> str:
    chinese_week, english_week = _weeks(words, ascii=False), _weeks(words, ascii=True)
    chinese_day = any_of(day for day in words.weekdays if not day.isascii())
    english = [day for day in words.weekdays if day.isascii()]
    full = [day for day in english if day not in words.weekdays_with_week_only]
    return (
        rf"(?:(?<![得早晚])(?P<zh_week>{chinese_week})个?|每个?|逢)?(?:周|星期|礼拜)(?P<zh_day>{chinese_day})"
        rf"|(?<!black ){LATIN_START}(?:(?P<en_week>{english_week}) (?P<en_day>{any_of(english)})|(?P<full_day>{any_of(full)})s?"
        rf"|(?:{_SAYS_DAY})(?P<short_day>{any_of(words.weekdays_with_week_only)})){LATIN_END}"
    )


def _weeks(words: DateWords, *, ascii: bool) -> str:
    return any_of(week for week in words.weeks if week.isascii() is ascii)


def any_of(words: Iterable[str]) -> str:
    """Return a regular expression for any of the words, longer ones first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def whole_any_of(words: Iterable[str]) -> str:
    """Return a regular expression for any of the words: Latin ones as whole words, Han anywhere ("NBA昨天")."""
    words = list(words)
    han, latin = ([word for word in words if word.isascii() is ascii] for ascii in (False, True))
    return f"{any_of(han)}|{LATIN_START}(?:{any_of(latin)}){LATIN_END}"


def _valid_in(month: int, day: int) -> date | None:
    """Return the day of a month that is counted from the year 0."""
    return _valid(month // 12, month % 12 + 1, day)


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
