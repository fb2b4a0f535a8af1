"""Agents for tests. The password's hash, slow on purpose, is made once."""

from __future__ import annotations

import functools
from typing import Any

from bot.conversations.accounts import new_agent
from bot.ids import new_id

PASSWORD = "correct horse battery"


@functools.cache
def _like() -> dict[str, Any]:
    return new_agent(username="lin", display_name="Lin", password=PASSWORD, role="agent", languages=["zh", "en"], topics=[])


def agent_row(username: str = "lin", **changes: object) -> dict[str, Any]:
    """Return the row of a new agent who serves everything in both languages."""
    return {**_like(), "id": new_id(), "username": username, "display_name": username.title(), **changes}
