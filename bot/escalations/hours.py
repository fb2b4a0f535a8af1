"""Business hours: open or not, when next, and so many minutes of work after a moment. Local days, UTC moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.errors import SettingError
from bot.escalations.forms import OpeningHours
from bot.tables import read_table

TABLE = Path(__file__).parent / "hours.yml"

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FARTHEST = 400  # days to look ahead; who is closed for longer never opens

Span = tuple[int, int]  # minutes of the day, from and to


@dataclass(frozen=True)
class Hours:
    timezone: ZoneInfo
    weekly: tuple[tuple[Span, ...], ...]  # Monday first
    days: dict[date, tuple[Span, ...]] = field(default_factory=dict)

    def is_open(self, moment: datetime) -> bool:
        return any(start <= moment < end for start, end in self._of(moment.astimezone(self.timezone).date()))

    def next_opening(self, moment: datetime) -> datetime | None:
        """Return when somebody is there again (`moment` itself while open); None when that is not foreseen."""
        for start, end in self._from(moment):
            if end > moment:
                return max(start, moment)
        return None

    def after(self, moment: datetime, work: timedelta) -> datetime:
        """Return when so much time of work has passed since `moment`; without any hours to come, time runs on as it is."""
        left = work
        for start, end in self._from(moment):
            begin = max(start, moment)
            if begin >= end:
                continue
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return moment + work

    def _from(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        today = moment.astimezone(self.timezone).date()
        for ahead in range(FARTHEST):
            yield from self._of(today + timedelta(days=ahead))

    def _of(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return a local day's spans as moments; the clock's change makes one longer or shorter, as it does for people."""
        spans = self.days.get(day, self.weekly[day.weekday()])
        return [(self._moment(day, start), self._moment(day, end)) for start, end in spans]

    def _moment(self, day: date, minute: int) -> datetime:
        days, minute = divmod(minute, 24 * 60)
        local = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), self.timezone)
        return local.astimezone(UTC)


def load_hours(timezone: ZoneInfo, path: Path = TABLE) -> Hours:
    """Read hours.yml; SettingError names a span that cannot be read."""
    table = read_table(path, OpeningHours)
    weekly = tuple(_spans(getattr(table.weekly, day)) for day in DAYS)
    return Hours(timezone, weekly, {day: _spans(spans) for day, spans in (table.days or {}).items()})


def _spans(texts: list[str]) -> tuple[Span, ...]:
    return tuple(sorted(_span(text) for text in texts))


def _span(text: str) -> Span:
    try:
        start, end = (int(hour) * 60 + int(minute) for hour, minute in (clock.split(":") for clock in text.split("-")))
    except ValueError:
        start, end = 0, 0
    if not 0 <= start < end <= 24 * 60:
        raise SettingError(f"hours.yml has {text!r}; allowed is a span of one day such as 09:00-18:00, until 24:00")
    return start, end
