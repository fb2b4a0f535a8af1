"""A database with a past: customers of a channel, a conversation each, ten messages in it."""

from __future__ import annotations

import sqlalchemy as sa

from bot.database import sync_engine

EACH = 10  # messages of a conversation

_INBOX = "INSERT INTO inboxes (id, channel, name, created_at) SELECT :inbox, 'webhook', :inbox, {time}"
_CONVERSATIONS = """
INSERT INTO conversations (id, thread_id, status, epoch, language, last_seq, customer_seq, answered_seq, tracker_seq, effect_count, csat,
                           page, noticed_seq, created_at, updated_at)
SELECT id, id, 'resolved', 1, 'zh', {each}, {each} - 1, {each} - 1, 0, 0, '', '', 0, created_at, created_at
FROM threads WHERE inbox_id = :inbox
"""
_MESSAGES = """
WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < {each})
INSERT INTO messages (id, thread_id, conversation_id, seq, sender, client_id, text, payload, language, created_at)
SELECT id || '-' || seq, id, id, seq, CASE WHEN seq % 2 = 0 THEN 'bot' ELSE 'customer' END, 'ch:stored-' || seq, '我的订单到哪了？',
       {empty}, 'zh', created_at
FROM threads, n WHERE inbox_id = :inbox
"""
_THREADS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO threads (id, inbox_id, channel_user, language, created_at)
SELECT 'past-' || (1000000 + i), :inbox, 'stored-' || i, 'zh', {time} FROM n
"""


def fill(url: str, count: int, *, inbox: str) -> None:
    """Put so many messages into the inbox, as of another day."""
    engine = sync_engine(url)
    postgresql = engine.dialect.name == "postgresql"
    empty = "CAST('{}' AS jsonb)" if postgresql else "'{}'"
    time = "CAST('2026-11-01 08:00:00+00' AS timestamptz)" if postgresql else "'2026-11-01 08:00:00.000000'"
    with engine.begin() as connection:
        connection.execute(sa.text(_INBOX.format(time=time)), {"inbox": inbox})
        for statement, values in ((_THREADS, {"count": count // EACH}), (_CONVERSATIONS, {}), (_MESSAGES, {})):
            connection.execute(sa.text(statement.format(each=EACH, empty=empty, time=time)), {"inbox": inbox, **values})
        if not postgresql:
            return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE threads, conversations, messages"))
