"""The web app: `python -m bot.web.app`, one process of it or several; what it is made of is put together here."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import sys

from sanic import Sanic
from sanic.log import LOGGING_CONFIG_DEFAULTS

from bot.channels.client import VendorClient
from bot.channels.registry import open_channels
from bot.conversations import store
from bot.conversations.accounts import nobodys_hash
from bot.conversations.assignment import Assignment
from bot.conversations.rasa import RasaClient
from bot.conversations.read_marks import ReadMarks
from bot.conversations.service import ConversationService
from bot.conversations.services import open_services
from bot.conversations.visitors import Visitors
from bot.logs import configure_logging
from bot.redis import REDIS_DOWN
from bot.settings import Settings, load_settings
from bot.tables import use_tables
from bot.web import (
    demo_link,
    desk,
    desk_customers,
    desk_links,
    desk_media,
    desk_merges,
    desk_privacy,
    desk_records,
    desk_socket,
    events,
    files,
    health,
    links,
    pages,
    webhooks,
    widget,
    widget_socket,
)
from bot.web.board import Board
from bot.web.callers import Callers
from bot.web.origins import allowed_origins, install_cors
from bot.web.protocol import PatientProtocol
from bot.web.relay import RELAY_S
from bot.web.requests import App, install_errors, install_limits
from bot.web.sockets import Hub

LARGEST_BODY = 64 * 1024  # a message has at most 4,000 characters
SHUTDOWN_S = 5

log = logging.getLogger(__name__)


def create_app(settings: Settings, *, name: str = "yingda_web", rasa: RasaClient | None = None) -> App:
    """Put the app together; connections are opened when it starts. Another `rasa` than the settings' may be given."""
    app: App = Sanic(name, log_config=LOGGING_CONFIG_DEFAULTS, configure_logging=False)
    app.config.REQUEST_MAX_SIZE = webhooks.LARGEST_BODY
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = SHUTDOWN_S
    app.config.WEBSOCKET_MAX_SIZE = LARGEST_BODY
    app.config.WEBSOCKET_PING_INTERVAL = 0  # widget and desk have pings of their own, which also carry the cursor
    app.config.PROXIES_COUNT = settings.proxies_count or None
    app.config.ACCESS_LOG = False
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.config.MOTD = False
    app.config.TOUCHUP = False  # it rewrites Sanic's own classes at start, which a second app in one process does not survive
    app.ctx.settings = settings
    app.ctx.rasa = rasa
    app.ctx.origins = allowed_origins(settings)
    app.ctx.channels = open_channels(settings)
    app.ctx.no_agent_hash = nobodys_hash()
    install_errors(app)
    install_limits(app, LARGEST_BODY, larger_under=webhooks.PREFIX)
    install_cors(app)
    desk_modules = (desk, desk_customers, desk_records, desk_merges, desk_links, desk_media, desk_privacy, desk_socket)
    for module in (widget, widget_socket, *desk_modules, files, links, webhooks, health):
        app.blueprint(module.blueprint)
    if settings.events_secret:
        app.blueprint(events.blueprint)
    pages.install(app)
    demo_link.install(app)
    app.before_server_start(_open)
    app.after_server_stop(_close)
    return app


async def _open(app: App) -> None:
    settings: Settings = app.ctx.settings
    app.ctx.opened = open_services(settings, rasa=app.ctx.rasa)
    services = app.ctx.services = await app.ctx.opened.__aenter__()
    app.ctx.service = ConversationService(services)
    app.ctx.assignment = Assignment(services)
    app.ctx.callers = Callers(settings)
    app.ctx.visitors = Visitors(settings, services.database)
    board = app.ctx.board = Board(services)
    hub = app.ctx.hub = Hub(services.wake, board)
    app.ctx.relays = VendorClient(timeout_s=RELAY_S)
    app.ctx.read_marks = ReadMarks(services.database, services.wake)
    app.ctx.listeners = [asyncio.create_task(hub.listen()), asyncio.create_task(board.watch(hub.queue_moved))]
    async with services.database.write() as connection:
        await store.open_inbox(connection, widget.INBOX, channel="website", name=settings.company_name_en)
        for channel in app.ctx.channels.values():
            await store.open_inbox(connection, channel.name, channel=channel.kind, name=channel.name)
    with contextlib.suppress(*REDIS_DOWN):  # the worker builds the queue as soon as Redis is there
        await app.ctx.assignment.reconcile()


async def _close(app: App) -> None:
    for listener in app.ctx.listeners:
        listener.cancel()
    await app.ctx.read_marks.stop()
    await app.ctx.service.turns.stop()
    await app.ctx.relays.close()
    await app.ctx.opened.__aexit__(None, None, None)


async def _settle_soon(_app: App) -> None:
    """Not at once: Sanic forgets the signal to end that comes while it waits for what is done at start."""
    asyncio.get_running_loop().call_soon(_settle)


def _settle() -> None:
    """Take what was made at start out of the garbage collector's rounds: each would stop everybody for a tenth of a second."""
    gc.collect()
    gc.freeze()


def main() -> None:
    """Serve on a port of our own, or, with the number of an inherited socket as argument, on that, as one of several processes."""
    settings = use_tables(load_settings())
    configure_logging(settings.log_level)
    app = create_app(settings)
    app.config.TOUCHUP = True  # takes the signals that nobody hears out of every request
    app.after_server_start(_settle_soon)
    where = {"sock": socket.socket(fileno=int(sys.argv[1]))} if len(sys.argv) > 1 else {"host": settings.host, "port": settings.port}
    app.run(**where, protocol=PatientProtocol, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main()
