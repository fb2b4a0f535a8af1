"""Every table that a company may put a file of its own in the place of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.conversations import how_long, thanks
from bot.customers import costs, offers, pushed, segments
from bot.errors import SettingError
from bot.escalations import hours, routing, times
from bot.tables import own_tables, table_path

# Each reader raises SettingError for what cannot be meant.
READERS: dict[Path, Callable[[], Any]] = {
    routing.TABLE: lambda: routing.topics(),
    times.TABLE: lambda: times.table(),
    hours.TABLE: lambda: hours.load_hours(ZoneInfo("UTC")),
    thanks.TABLE: lambda: thanks.is_thanks(""),
    how_long.TABLE: lambda: how_long.asks_how_long(""),
    offers.TABLE: lambda: offers.table(),
    costs.TABLE: lambda: costs.usual_costs(),
    segments.TABLE: lambda: segments.rules(),
    pushed.TABLE: lambda: pushed.rules(),
}


def check_tables() -> list[str]:
    """Read every table; return the names of those that are the installation's own. SettingError says what is wrong with one."""
    known = [table.name for table in READERS]
    for path in own_tables():
        if path.name not in known:
            raise SettingError(f"{path} is no table; allowed are {', '.join(sorted(known))}")
    for reader in READERS.values():
        reader()
    return [table.name for table in READERS if table_path(table) != table]
