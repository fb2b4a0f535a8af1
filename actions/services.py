"""What the actions stand on, opened once a process by the action server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.crypto import open_cipher
from bot.database import Database
from bot.encoder import search_model, shared_encoder
from bot.faq import Faq
from bot.settings import Settings
from bot.shop import open_shop
from bot.shop.protocol import Shop


@dataclass(frozen=True)
class Services:
    settings: Settings
    database: Database
    shop: Shop
    faq: Faq


_open: list[Services] = []  # one at most
_warming: list[asyncio.Task[None]] = []


async def open_services(settings: Settings) -> None:
    """Connect to database and shop; the FAQ's encoder is loaded beside the first actions."""
    database = Database(settings.database_url)
    shop = open_shop(settings, database, open_cipher(settings))
    faq = Faq(encoder=shared_encoder(search_model(settings.encoder)))
    provide(Services(settings, database, shop, faq))
    _warming.append(asyncio.create_task(asyncio.to_thread(faq.warm)))


def provide(services: Services) -> None:
    """Make these the services of all actions."""
    _open[:] = [services]


def services() -> Services:
    """Return the services; RuntimeError when nobody has opened them."""
    if not _open:
        raise RuntimeError("the actions have no services: call actions.services.open_services(settings) first")
    return _open[0]


async def close_services() -> None:
    while _warming:
        await _warming.pop()
    while _open:
        opened = _open.pop()
        await opened.shop.close()
        await opened.database.close()
