"""The error of the waiting time that customers were told, from what is on record."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.cli.status import estimate_line
from bot.conversations.estimate import EstimateError, estimate_error
from bot.database import sync_engine
from bot.database.conversations import conversations, inboxes, threads
from bot.database.escalations import escalations
from bot.ids import utcnow


def served(connection: sa.Connection, number: int, *, told_s: int | None, waited_s: int | None, at: datetime) -> None:
    key = f"e{number}"
    thread = {"id": key, "inbox_id": "website", "channel_user": key, "language": "zh", "created_at": at}
    connection.execute(sa.insert(threads).values(thread))
    row = {"id": key, "thread_id": key, "status": "agent", "epoch": 1, "language": "zh", "created_at": at, "updated_at": at}
    connection.execute(sa.insert(conversations).values(row))
    claimed = None if waited_s is None else at + timedelta(seconds=waited_s)
    connection.execute(
        sa.insert(escalations).values(
            id=key, conversation_id=key, status="claimed", reason="customer_request", priority=1, skill="general_zh", language="zh",
            summary="", packet={}, place_at=at, created_at=at, estimated_wait_s=told_s, first_claimed_at=claimed,
        )
    )  # fmt: skip


def test_told_and_true_are_compared_for_who_was_told_and_served(database_url: str) -> None:
    now, engine = utcnow(), sync_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.insert(inboxes).values(id="website", channel="website", name="Website", created_at=now))
        assert estimate_error(connection) is None
        waits = [(60, 30), (60, 60), (60, 90), (120, 300), (None, 50), (60, None)]
        for number, (told_s, waited_s) in enumerate(waits):
            served(connection, number, told_s=told_s, waited_s=waited_s, at=now - timedelta(hours=1))
        served(connection, 9, told_s=60, waited_s=9000, at=now - timedelta(days=40))

        found = estimate_error(connection)
    engine.dispose()

    assert found == EstimateError(count=4, median_s=30.0, most_s=180.0, late_share=0.5)
    assert (
        estimate_line(found) == "off by 0.5 min in the median, nine of ten by at most 3.0 min; 50 % waited longer than told (4 in 30 days)"
    )
    assert estimate_line(None) == "nobody was told a time and served in 30 days"
