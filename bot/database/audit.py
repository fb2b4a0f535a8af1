"""Who did what to whose data: one line in the audit log, by pseudonymous ids and without personal data."""

from __future__ import annotations

import sqlalchemy as sa

from bot.database.people import audit_log
from bot.ids import new_id, utcnow


def record(connection: sa.Connection, *, actor: str, action: str, subject: str, **details: object) -> None:
    connection.execute(
        sa.insert(audit_log).values(id=new_id(), actor=actor, action=action, subject=subject, details=details, created_at=utcnow())
    )
