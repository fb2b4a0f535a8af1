"""Every customer's record made anew, as the nightly refresh does: spans of time grow for everybody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from bot.customers.cursors import CHANGED, EVERYBODY, set_cursor
from bot.customers.features import can_leave
from bot.customers.features.engines import DuckEngine
from bot.customers.features.registry import views
from bot.customers.follow import follow
from bot.customers.lineage import code_version
from bot.customers.lock import refresh_lock
from bot.customers.models import LiveModel, live_model, shadow_models
from bot.customers.profile import Profile
from bot.customers.profiles import Known, Likes, build_profiles, delete_profiles, profile_views, read_known, store_profiles
from bot.customers.recommend import TOP, Recommender
from bot.database import reading, sync_engine
from bot.database.intelligence import churn_scores, customer_events, pipeline_runs
from bot.database.people import customer_profiles
from bot.database.shop import products
from bot.ids import new_id, utcnow
from bot.settings import Settings

Progress = Callable[[str, int, int], None]  # what is being done, how much is done, of how much

STEP = "refresh"  # in pipeline_runs
SCORES_EVERY = timedelta(days=7)  # often enough to tell later how well a model was calibrated
BATCH = 10_000
POPULAR = 4 * TOP  # for who has no record yet, less what they have


def refresh_profiles(settings: Settings, *, progress: Progress | None = None, now: datetime | None = None) -> int:
    """Make the record of every customer as of now, with the live model's risk; return how many there are.

    Waits while another refresh runs. Ended half-way, it has left whole records, old and new; run again, it makes all of them.
    """
    engine = sync_engine(settings.database_url)
    try:
        with refresh_lock(settings, engine, wait=True):
            return refresh_everybody(engine, progress=progress, now=now)
    finally:
        engine.dispose()


def refresh_everybody(engine: sa.Engine, *, progress: Progress | None, now: datetime | None) -> int:
    """Do what `refresh_profiles` says, under its lock."""
    tick = progress or (lambda what, done, total: None)
    started_at = utcnow()
    with engine.begin() as connection:
        follow(connection, everything=True, now=now)
    with reading(engine) as connection:
        seq = newest_seq(connection)
        at = now or utcnow()  # no earlier: whatever is counted in `seq` is known by then
        model, shadows = live_model(connection), shadow_models(connection)
        with DuckEngine.over_database(connection, [*profile_views(), views()["purchases"]], at) as duckdb:
            known = read_known(duckdb, at)
            likes, popular = _likes(connection, duckdb, known)
    profiles = list(build_profiles(known, model, likes))
    store_profiles(engine, profiles, tick=lambda done, total: tick("store", done, total))
    _delete_others(engine, profiles)
    with engine.begin() as connection:
        if model:
            _keep_scores(connection, model.id, {one.customer_id: one.churn.probability for one in profiles if one.churn}, at)
        for shadow in shadows:
            _keep_scores(connection, shadow.id, _scored(shadow, known), at)
        counts = {"profiles": len(profiles), "spread": known.spread, "popular": popular}
        _keep_run(connection, counts, started_at)
        set_cursor(connection, CHANGED, str(seq), at)
        set_cursor(connection, EVERYBODY, at.isoformat(), at)
    return len(profiles)


def newest_seq(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.max(customer_events.c.seq))).scalar_one() or 0


def _likes(connection: sa.Connection, duckdb: DuckEngine, known: Known) -> tuple[Likes, list[str]]:
    """Return what each customer may like, and what is popular, most bought first."""
    offered = pd.DataFrame(connection.execute(sa.select(products.c.sku, products.c.category).order_by(products.c.sku)).fetchall())
    if offered.empty:
        return {}, []
    bought = duckdb.run_sql(views()["purchases"], observed_at=known.at).rename(columns={"product": "sku"})
    bought = bought[bought["customer_id"].isin(known.table.index)]  # not of those who object to profiling: nothing learns from them
    bought = bought.sort_values(["customer_id", "sku"])
    recommender = Recommender().fit(bought, offered)
    return recommender.recommend(list(known.table.index)), recommender.skus_[:POPULAR]


def _delete_others(engine: sa.Engine, profiles: list[Profile]) -> None:
    """Delete records of whom there is none any more: merged into another, or objecting to profiling, even meanwhile."""
    made = {profile.customer_id for profile in profiles}
    objecting = sa.text("SELECT COALESCE(merged_into, id) FROM customers WHERE objects_to_profiling")
    with reading(engine) as connection:
        stored = set(connection.execute(sa.select(customer_profiles.c.customer_id)).scalars())
        objectors = set(connection.execute(objecting).scalars())
    delete_profiles(engine, sorted(stored - made | stored & objectors))


def _scored(shadow: LiveModel, known: Known) -> dict[str, float]:
    leaving = known.table[can_leave(known.table)]
    return {} if leaving.empty else shadow.score(leaving, reasons=False)["probability"].to_dict()


def _keep_scores(connection: sa.Connection, model_id: str, scores: dict[str, float], now: datetime) -> None:
    """Keep what a model says of everybody, once in SCORES_EVERY: later it is held against what has happened."""
    last = connection.execute(sa.select(sa.func.max(churn_scores.c.at)).where(churn_scores.c.model_id == model_id)).scalar_one()
    if last is not None and now - last < SCORES_EVERY:
        return
    rows = [{"model_id": model_id, "customer_id": one, "at": now, "probability": float(score)} for one, score in scores.items()]
    for start in range(0, len(rows), BATCH):
        connection.execute(sa.insert(churn_scores), rows[start : start + BATCH])


def _keep_run(connection: sa.Connection, counts: dict[str, Any], started_at: datetime) -> None:
    run = {"id": new_id(), "step": STEP, "code_version": code_version(), "status": "done", "counts": counts}
    connection.execute(sa.insert(pipeline_runs).values(**run, started_at=started_at, finished_at=utcnow()))
