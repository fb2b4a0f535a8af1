"""Killed at any moment, a step that is run again leaves what it leaves when nobody kills it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.cli import main
from bot.customers.models import live_model
from bot.database import sync_engine
from bot.database.intelligence import customer_events, merge_suggestions
from bot.database.people import churn_models, customer_profiles, customers
from tests.conftest import DATA_KEY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

STEPS = {"follow": ["follow"], "resolve": ["resolve"], "train": ["train", "--quick"], "refresh": ["refresh"]}
KILLS = 2  # of each step, at moments spread over its time


def step_process(step: str, url: str, folder: Path) -> None:
    """Be the process of `yingda customers STEP`; what it says is in a file beside its data."""
    folder.mkdir(exist_ok=True)
    os.environ |= {"DATABASE_URL": url, "YINGDA_DATA_DIR": str(folder), "YINGDA_DATA_KEY": DATA_KEY.hex()}
    with (folder / "said").open("w") as said, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        main(["customers", *STEPS[step]])


def start(step: str, url: str, folder: Path) -> ForkServerProcess:
    """Begin a step in a process of its own, forked from one that has the imports behind it: they take longer than the steps."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *(f"bot.cli.customers.{name}" for name in STEPS), "bot.customers.churn.training"])
    process = context.Process(target=step_process, args=(step, url, folder))
    process.start()
    return process


def finish(step: str, url: str, folder: Path) -> float:
    """Run a step to its end; return how long it took, in seconds."""
    began = time.monotonic()
    process = start(step, url, folder)
    process.join(timeout=120)
    assert process.exitcode == 0, (folder / "said").read_text()[-2000:]
    return time.monotonic() - began


def left(engine: sa.Engine) -> dict[str, Any]:
    """Return what the steps have made, without ids and times of making."""
    with engine.connect() as connection:
        events = connection.execute(sa.select(customer_events.c.source, customer_events.c.key, customer_events.c.revision)).all()
        pairs = connection.execute(sa.select(merge_suggestions.c.left_id, merge_suggestions.c.right_id, merge_suggestions.c.status)).all()
        statuses = connection.execute(sa.select(churn_models.c.status)).scalars().all()
        query = sa.select(customers.c.shop_customer_id, customer_profiles.c.record).join_from(customer_profiles, customers)
        records = dict(connection.execute(query).tuples().all())
        live = live_model(connection)  # refuses what is not whole
    facts = {number: (record["orders"], record["spent_minor"], record["segment"]) for number, record in records.items()}
    risks = {number: round(record["churn"]["probability"], 2) for number, record in records.items() if record["churn"]}
    return {
        "events": sorted(map(tuple, events)),
        "pairs": sorted(map(tuple, pairs)),
        "live": statuses.count("live"),
        "whole": live is not None,
        "facts": facts,
        "risks": risks,
    }


def test_each_step_can_be_killed_and_run_again(database_url: str, tmp_path: Path) -> None:
    calm = f"{database_url}.calm"
    source = database_url.removeprefix("sqlite:///")
    Path(f"{source}.calm").write_bytes(Path(source).read_bytes())
    seconds = {step: finish(step, calm, tmp_path / "calm") for step in STEPS}
    chance = random.Random(7)

    for step in STEPS:
        for _ in range(KILLS):
            process = start(step, database_url, tmp_path / "killed")
            time.sleep(seconds[step] * chance.uniform(0.3, 0.95))
            process.kill()
            process.join()
        finish(step, database_url, tmp_path / "killed")

    undisturbed, again = sync_engine(calm), sync_engine(database_url)
    expected, found = left(undisturbed), left(again)
    undisturbed.dispose()
    again.dispose()
    assert found["live"] == expected["live"] == 1
    assert found == expected
