"""SQL is the record: the engine, the tables, the migrations."""

from bot.database.engine import Database, sync_engine

__all__ = ["Database", "sync_engine"]
