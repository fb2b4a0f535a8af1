"""Ids and times, the same everywhere: UUIDv7 text, UTC with microseconds."""

from __future__ import annotations

from datetime import UTC, datetime

import uuid_utils


def new_id() -> str:
    """Return a UUIDv7 as text; ids made later sort later (to the millisecond)."""
    return str(uuid_utils.uuid7())


def utcnow() -> datetime:
    return datetime.now(UTC)
