"""Views: one SQL file each, run against the shop's tables as they were known at a moment.

A view may use `:observed_at`, `:until` (the horizon's end, for the label only) and `:ago_N`, N days before the observation; nothing else
depends on the engine or on today.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from bot.database.types import UtcTime

_PARAMETER = re.compile(r":(observed_at|until|ago_\d+)\b")
_TIMES = ("registered_at", "last_order_at", "latest_at")


def run_view(connection: sa.Connection, name: str, *, observed_at: datetime, until: datetime | None = None) -> pd.DataFrame:
    """Return the view's rows; what happened at or after `observed_at` is not in them, except in `outcomes`."""
    sql = view_sql(name)
    moments = {parameter: _moment(parameter, observed_at, until) for parameter in set(_PARAMETER.findall(sql))}
    query = sa.text(sql).bindparams(*(sa.bindparam(parameter, moment, UtcTime()) for parameter, moment in moments.items()))
    result = connection.execute(query.columns(**{column: UtcTime() for column in _TIMES if column in sql}))
    return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


@cache
def view_sql(name: str) -> str:
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf8")


def _moment(parameter: str, observed_at: datetime, until: datetime | None) -> datetime:
    if parameter == "observed_at":
        return observed_at
    if parameter == "until":
        if until is None:
            raise ValueError("this view needs `until`, the end of the horizon")
        return until
    return observed_at - timedelta(days=int(parameter.removeprefix("ago_")))
