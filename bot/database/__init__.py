"""SQL is the record: the engine, the tables, the migrations."""

from bot.database.engine import Database, reading, sync_engine

__all__ = ["Database", "reading", "sync_engine"]
