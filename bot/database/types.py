"""Column types that mean the same on SQLite and PostgreSQL, and the one metadata that all tables share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Json = sa.JSON().with_variant(JSONB(), "postgresql")


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time with microseconds; a naive one is refused before it can be stored."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; times are stored in UTC, use bot.ids.utcnow()")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


def id_column(name: str = "id", **options: Any) -> sa.Column[str]:
    """A UUIDv7 as text, the primary key unless said otherwise."""
    return sa.Column(name, sa.String(36), primary_key=options.pop("primary_key", True), **options)


def key_to(target: str, name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.String(36), sa.ForeignKey(target), **options)
