"""The company's back end behind one Protocol: the demo's SQL, or signed HTTP to the company's own system."""

from __future__ import annotations

from bot.crypto import Cipher
from bot.database import Database
from bot.settings import Settings
from bot.shop.demo import DemoShop
from bot.shop.protocol import Shop
from bot.shop.remote import RemoteShop

__all__ = ["open_shop"]


def open_shop(settings: Settings, database: Database, cipher: Cipher) -> Shop:
    """Return the company's own shop where SHOP_URL names one, else the demo's; whoever opens it closes it."""
    if settings.shop_url:
        return RemoteShop(settings.shop_url, settings.shop_secret, database=database)
    return DemoShop(database, cipher)
