"""The demo shop's data, put back to where a story begins."""

from __future__ import annotations

import contextlib
import sqlite3

from tests.e2e.system import System


def rejoin(system: System, customer: str) -> None:
    """Make the customer a member who has not been offered anything yet."""
    with contextlib.closing(sqlite3.connect(system.folder / "yingda.sqlite3", timeout=20)) as connection, connection:
        connection.execute("UPDATE shop_memberships SET status = 'active', cancelled_at = NULL WHERE customer_id = ?", (customer,))
        connection.execute("DELETE FROM shop_coupons WHERE source = 'retention' AND customer_id = ?", (customer,))


def long_ago(system: System) -> None:
    """Let every resolved conversation have been resolved yesterday: whoever writes now is not a follow-up of somebody's work."""
    with contextlib.closing(sqlite3.connect(system.folder / "yingda.sqlite3", timeout=20)) as connection, connection:
        connection.execute(
            "UPDATE conversations SET resolved_at = datetime(resolved_at, '-1 day') WHERE resolved_at > datetime('now', '-1 hour')"
        )


def membership(system: System, customer: str) -> str:
    with contextlib.closing(sqlite3.connect(system.folder / "yingda.sqlite3", timeout=20)) as connection:
        return str(connection.execute("SELECT status FROM shop_memberships WHERE customer_id = ?", (customer,)).fetchone()[0])
