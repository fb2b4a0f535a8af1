"""Every table, so that `metadata` is complete wherever this is imported."""

from bot.database import conversations, escalations, intelligence, people, shop
from bot.database.types import metadata

__all__ = ["conversations", "escalations", "intelligence", "metadata", "people", "shop"]
