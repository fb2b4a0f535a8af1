"""What is older than its table's days goes, in batches; the rest stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.database.conversations import conversations, messages
from bot.database.intelligence import customer_events, pipeline_runs
from bot.database.people import agent_sessions, agents
from bot.errors import SettingError
from bot.ids import utcnow
from bot.privacy import retention
from bot.privacy.retention import is_due, keep_within, overdue, read_rules, retain_tonight
from bot.settings import Settings
from tests.agents import agent_row
from tests.privacy.conftest import World


def test_the_rules_name_tables_and_columns_that_are_there(settings: Settings) -> None:
    rules = read_rules(settings)

    assert {"conversations", "quarantined_rows", "audit_log"} <= {rule.table for rule in rules}
    assert all(rule.why for rule in rules)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {table: nothing, days: 1, age: at, why: x}", "names the table 'nothing'"),
        ("- {table: messages, days: 1, age: at, why: x}", "age 'at'"),
        ("- {table: messages, days: many, age: created_at, why: x}", "Expected `int`"),
    ],
    ids=["table", "column", "days"],
)
def test_a_wrong_rule_of_the_companys_own_is_said(settings: Settings, text: str, said: str) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "retention.yml").write_text(text, encoding="utf8")

    with pytest.raises(SettingError, match=said):
        read_rules(settings)


def test_many_rows_go_in_batches(engine: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    now, agent = utcnow(), agent_row()
    with engine.begin() as connection:
        connection.execute(sa.insert(agents).values(agent))
        rows = [
            {
                "token_hash": str(number),
                "agent_id": agent["id"],
                "csrf_token": "",
                "created_at": now,
                "expires_at": now - timedelta(days=days),
            }
            for number, days in enumerate([8] * 25 + [6] * 5)
        ]
        connection.execute(sa.insert(agent_sessions), rows)

    assert overdue(engine, read_rules(settings))["agent_sessions"] == 25
    assert keep_within(engine, read_rules(settings)) == {"agent_sessions": 25}

    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(agent_sessions)).scalar_one() == 5


@pytest.mark.slow
async def test_an_old_resolved_conversation_goes_with_all_that_hangs_on_it(world: World) -> None:
    engine, rules = world.place.engine, read_rules(world.place.settings)
    with engine.begin() as connection:
        before = connection.execute(sa.select(conversations.c.id)).scalars().all()
        connection.execute(sa.update(conversations).values(status="resolved", resolved_at=utcnow() - timedelta(days=729)))
    assert "messages" not in keep_within(engine, rules)

    counts = keep_within(engine, rules, now=utcnow() + timedelta(days=2))

    assert counts["conversations"] == len(before) == 1
    assert {"messages", "tracker_events", "turns", "escalations", "effects", "feedback", "transitions"} <= set(counts)
    with engine.connect() as connection:
        assert connection.execute(sa.select(messages.c.id)).all() == []
        assert connection.execute(sa.select(customer_events.c.kind)).scalars().all() == ["csat"]  # only visits have a term


def test_it_runs_once_a_night_at_the_company(engine: sa.Engine, settings: Settings, tmp_path: Path) -> None:
    night = utcnow().replace(hour=19, minute=0)  # 03:00 in Shanghai
    with engine.connect() as connection:
        assert is_due(connection, settings, night)
        assert not is_due(connection, settings, night.replace(hour=8))

    first, second = retain_tonight(settings, night), retain_tonight(settings, night)

    assert (first, second) == ({}, None)
    with engine.connect() as connection:
        runs = connection.execute(sa.select(pipeline_runs.c.status).where(pipeline_runs.c.step == "retention")).scalars().all()
    assert runs == ["done"]
