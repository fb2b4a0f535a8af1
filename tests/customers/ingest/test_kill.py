"""Killed in the middle of storing, an ingestion that is run again leaves the same tables as one that was not killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.database import sync_engine
from tests.conftest import DATA_KEY, ROOT, CopyOf
from tests.customers.ingest.conftest import ORDERS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ROWS = 10_000
PROGRAM = """
import sys
from pathlib import Path
from bot.crypto import Cipher
from bot.customers.ingest.mapping import load_mapping
from bot.customers.ingest import staging
from bot.customers.ingest.run import Ingestion, ingest, inputs_of
from bot.database import sync_engine
staging.STORE_ROWS = 4_000  # so that there is a middle
folder = Path(sys.argv[2])
ingestion = Ingestion(sync_engine(sys.argv[1]), Cipher(bytes(range(32))), folder / "tmp")
print([outcome.status for outcome in ingest(ingestion, inputs_of(load_mapping(folder / "mapping.yml"), folder, []))])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chance = random.Random(1)
    rows = (f"A{n},{chance.randrange(2000)},2025-{n % 12 + 1:02}-05 10:00,{n % 900}.50\n" for n in range(ROWS))
    bad = "B1,1,never,1\n" * 20
    (tmp_path / "orders.csv").write_text("order,customer,time,total\n" + bad + "".join(rows))
    (tmp_path / "mapping.yml").write_text(ORDERS)
    return tmp_path


def start(url: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, url, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def tables(url: str) -> dict[str, list[Any]]:
    """Return what the tables say, without ids and times of storing."""
    engine = sync_engine(url)
    with engine.connect() as connection:
        found = {
            "events": "SELECT e.source, e.key, e.revision, e.kind, e.at, e.created_at, e.superseded_at, e.amount_minor, e.ref, k.key "
            "FROM customer_events e JOIN customer_keys k ON k.customer_id = e.customer_id ORDER BY e.key",
            "keys": "SELECT source, key FROM customer_keys ORDER BY key",
            "quarantine": 'SELECT file, "row", "column", rule FROM quarantined_rows ORDER BY "row"',
            "customers": "SELECT count(*) FROM customers",
        }
        result = {name: [tuple(row) for row in connection.execute(sa.text(query))] for name, query in found.items()}
    engine.dispose()
    return result


def stored(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM customer_events")).scalar_one())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_in_the_middle_and_run_again(copy_of: CopyOf, folder: Path, kind: str) -> None:
    assert bytes(range(32)) == DATA_KEY
    whole, killed = copy_of(kind), copy_of(kind)
    process = start(whole, folder)
    assert process.communicate(timeout=100)[0].strip() == "['done']"

    process, engine = start(killed, folder), sa.create_engine(killed)  # a reader that takes no writer's lock
    while not stored(engine) and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert 0 < stored(engine) < ROWS
    again = start(killed, folder)

    assert again.communicate(timeout=100)[0].strip() == "['done']"
    assert tables(killed) == tables(whole)
    with engine.connect() as connection:
        statuses = connection.execute(sa.text("SELECT status FROM pipeline_runs ORDER BY started_at")).scalars().all()
    assert statuses == ["failed", "done"]
    engine.dispose()
