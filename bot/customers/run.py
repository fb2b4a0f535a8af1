"""The verbs of customer intelligence: train a churn model, make every customer's record anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.customers.churn.training import train
from bot.customers.models import live_model
from bot.customers.profiles import build_profiles, forget_objectors, read_known, store_profiles
from bot.database import sync_engine
from bot.ids import utcnow
from bot.settings import Settings

__all__ = ["refresh_profiles", "train"]

Progress = Callable[[str, int, int], None]  # what is being done ("evaluate" or "store"), how much is done, of how much


def refresh_profiles(settings: Settings, *, progress: Progress | None = None, now: datetime | None = None) -> int:
    """Make the record of every customer as of now, with the live model's risk; return how many there are."""
    engine = sync_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            live = live_model(connection)
            known = read_known(connection, now or utcnow())
        profiles = list(build_profiles(known, live))
        store_profiles(engine, profiles, model_id=live.id if live else None, tick=_ticker(progress, "store"))
        forget_objectors(engine)
    finally:
        engine.dispose()
    return len(profiles)


def _ticker(progress: Progress | None, what: str) -> Callable[[int, int], None]:
    return (lambda done, total: progress(what, done, total)) if progress else (lambda done, total: None)
