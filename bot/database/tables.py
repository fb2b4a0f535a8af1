"""Every table, so that `metadata` is complete wherever this is imported."""

from bot.database import channels, conversations, escalations, intelligence, people, shop
from bot.database.types import metadata

__all__ = ["channels", "conversations", "escalations", "intelligence", "metadata", "people", "shop"]
