"""Agents for tests. The product's hashes are slow on purpose; theirs carry parameters that make them quick to verify."""

from __future__ import annotations

import functools
from typing import Any

from argon2 import PasswordHasher

from bot.conversations.accounts import new_agent
from bot.ids import new_id

PASSWORD = "correct horse battery"


@functools.cache
def _like() -> dict[str, Any]:
    agent = new_agent(username="lin", display_name="Lin", password=PASSWORD, role="agent", languages=["zh", "en"], topics=[])
    return {**agent, "password_hash": PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)}


def agent_row(username: str = "lin", **changes: object) -> dict[str, Any]:
    """Return the row of a new agent who serves everything in both languages."""
    return {**_like(), "id": new_id(), "username": username, "display_name": username.title(), **changes}
