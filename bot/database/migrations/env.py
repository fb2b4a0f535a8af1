"""Alembic's entry: always on the connection that bot.database.migrate hands over."""

from typing import Any, Literal

from alembic import context

from bot.database.tables import metadata
from bot.database.types import Json, UtcTime


def render_type(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    """Write our own column types by their names."""
    if kind == "type" and isinstance(item, UtcTime):
        return "UtcTime()"
    if kind == "type" and item is Json:
        return "Json"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=render_type,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
