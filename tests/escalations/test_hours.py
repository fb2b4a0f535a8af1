"""Business hours: holidays, breaks, working days for holidays, clocks that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.errors import SettingError
from bot.escalations.hours import Hours, load_hours

SHANGHAI = ZoneInfo("Asia/Shanghai")
WORK = ((9 * 60, 12 * 60), (13 * 60, 18 * 60))
OFFICE = Hours(SHANGHAI, (WORK,) * 5 + ((),) * 2, {date(2026, 10, 1): (), date(2026, 10, 10): WORK})


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "is_open", "opens"),
    [
        ("2026-11-23 09:00", True, "2026-11-23 09:00"),
        ("2026-11-23 12:00", False, "2026-11-23 13:00"),
        ("2026-11-23 18:00", False, "2026-11-24 09:00"),
        ("2026-11-21 10:00", False, "2026-11-23 09:00"),
        ("2026-10-01 10:00", False, "2026-10-02 09:00"),
        ("2026-10-10 10:00", True, "2026-10-10 10:00"),
    ],
    ids=["open", "lunch", "evening", "saturday", "holiday", "working saturday"],
)
def test_open_or_not_and_when_next(moment: str, is_open: bool, opens: str) -> None:
    assert OFFICE.is_open(at(moment)) == is_open
    assert OFFICE.next_opening(at(moment)) == at(opens)


@pytest.mark.parametrize(
    ("moment", "minutes", "due"),
    [
        ("2026-11-23 10:00", 30, "2026-11-23 10:30"),
        ("2026-11-23 11:50", 30, "2026-11-23 13:20"),
        ("2026-11-20 17:50", 30, "2026-11-23 09:20"),
        ("2026-11-22 20:00", 30, "2026-11-23 09:30"),
        ("2026-11-23 09:00", 480, "2026-11-23 18:00"),
        ("2026-09-30 17:00", 120, "2026-10-02 10:00"),
    ],
    ids=["plain", "over lunch", "over the weekend", "from a closed day", "a whole day", "over a holiday"],
)
def test_promised_minutes_run_in_business_hours(moment: str, minutes: int, due: str) -> None:
    assert OFFICE.after(at(moment), timedelta(minutes=minutes)) == at(due)


def test_a_day_has_23_hours_when_the_clock_goes_forward() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    always = Hours(berlin, (((0, 24 * 60),),) * 7)

    assert always.after(at("2026-03-29 00:00", berlin), timedelta(hours=23)) == at("2026-03-30 00:00", berlin)
    assert always.is_open(at("2026-03-29 23:59", berlin))


def test_who_never_opens_promises_plain_time() -> None:
    never = Hours(SHANGHAI, ((),) * 7)

    assert never.next_opening(at("2026-11-23 10:00")) is None
    assert never.after(at("2026-11-23 10:00"), timedelta(minutes=5)) == at("2026-11-23 10:05")


def test_the_file_that_we_ship_can_be_read() -> None:
    assert load_hours(SHANGHAI).is_open(at("2026-11-22 03:00"))


@pytest.mark.parametrize("span", ["9-18", "18:00-09:00", "09:00-25:00", "noon"])
def test_a_span_that_cannot_be_is_named(tmp_path: Path, span: str) -> None:
    path = tmp_path / "hours.yml"
    path.write_text(f"weekly: {{mon: ['{span}']}}\n", encoding="utf8")

    with pytest.raises(SettingError, match=span):
        load_hours(SHANGHAI, path)
