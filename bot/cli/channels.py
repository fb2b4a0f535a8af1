"""`yingda channels`."""

from __future__ import annotations

import asyncio
import sys
import time

import click

from bot.channels.base import Channel, Outgoing
from bot.channels.client import VendorClient
from bot.channels.registry import kind_of, missing, open_channels
from bot.channels.robots import Robot, lacking_of_robot, open_robots
from bot.channels.splitting import split
from bot.channels.tokens import Tokens
from bot.cli.settings import settings_here
from bot.conversations import store
from bot.crypto import Cipher
from bot.database import Database
from bot.errors import NotFoundError, TransportError
from bot.ids import new_id
from bot.settings import ChannelSettings, Settings
from bot.web.webhooks import PREFIX


@click.group("channels", short_help="See and try the messaging channels.")
def command() -> None:
    """See and try the messaging channels."""


@command.command("list")
def show() -> None:
    """List the channels of YINGDA_CHANNELS, where their vendor is to call, the robots of YINGDA_ALERTS, and what they lack."""
    settings = settings_here()
    if not settings.channels:
        click.echo("There are none; name them in YINGDA_CHANNELS, as docs/channels.md says.")
    for account in settings.channels:
        looks_s = kind_of(account).traits.poll_s
        there = f"looked into every {looks_s:g} s" if looks_s else f"{settings.public_url.rstrip('/')}{PREFIX}{account.name}"
        _say(account, missing(account), there)
    for account in settings.alerts:
        _say(account, lacking_of_robot(account), "tells the staff")


def _say(account: ChannelSettings, lacking: list[str], there: str) -> None:
    state = f"off, needs {', '.join(lacking)}" if lacking else there
    click.echo(f"{account.name:<20} {account.kind:<10} {state}")


@command.command("check")
@click.argument("name")
def check(name: str) -> None:
    """Ask the channel's vendor whether it knows us. Exit code 0: it does."""
    settings = settings_here()
    if _robot(settings, name):
        click.echo(f"{name}: a robot has nothing to ask; try `yingda channels send {name} group TEXT`")
        return
    try:
        said = asyncio.run(_check(settings, _channel(settings, name)))
    except TransportError as error:
        click.echo(f"{name}: {error}", err=True)
        sys.exit(1)
    click.echo(f"{name}: {said}")


@command.command("send")
@click.argument("name")
@click.argument("user")
@click.argument("text")
def send(name: str, user: str, text: str) -> None:
    """Send a text to a customer's id on the channel, past the conversations, to see it arrive; to a robot's group whatever USER is."""
    settings = settings_here()
    robot = _robot(settings, name)
    try:
        ids = asyncio.run(_send_robot(robot, text) if robot else _send(settings, _channel(settings, name), user, text))
    except TransportError as error:
        click.echo(f"{name}: not sent, {error}", err=True)
        sys.exit(1)
    click.echo(f"{name}: sent" + (f", the vendor's id is {', '.join(ids)}" if any(ids) else ""))


def _channel(settings: Settings, name: str) -> Channel:
    channels = open_channels(settings)
    if name not in channels:
        known = ", ".join(channels) or "none"
        raise NotFoundError(f"there is no channel {name!r} with all its settings; there are: {known}. See `yingda channels list`")
    return channels[name]


def _robot(settings: Settings, name: str) -> Robot | None:
    wanted = tuple(account for account in settings.alerts if account.name == name)
    return next(iter(open_robots(wanted, default_language=settings.default_language)), None)


async def _send_robot(robot: Robot, text: str) -> list[str]:
    client = VendorClient()
    try:
        robot.read(await client.send(robot.build(text, at=time.time())))
    finally:
        await client.close()
    return []


async def _check(settings: Settings, channel: Channel) -> str:
    client = VendorClient()
    try:
        probe = channel.probe(token=await _token(settings, channel, client))
        if probe is None:
            return "this kind of channel has nothing to ask; try `yingda channels send`"
        channel.read_probe(await client.send(probe))
    finally:
        await client.close()
    return "the vendor answers, and takes our secrets"


async def _send(settings: Settings, channel: Channel, user: str, text: str) -> list[str]:
    client = VendorClient()
    try:
        token = await _token(settings, channel, client)
        parts = split(text, channel.traits.longest, channel.traits.unit)
        return [
            await _send_part(channel, client, token, Outgoing(user, part, key=new_id(), sender="agent", at=time.time())) for part in parts
        ]
    finally:
        await client.close()


async def _send_part(channel: Channel, client: VendorClient, token: str, part: Outgoing) -> str:
    return channel.read(await client.send(channel.build(part, token=token)))


async def _token(settings: Settings, channel: Channel, client: VendorClient) -> str:
    """Return the access token that the running system uses too, so that none ends the other's."""
    if channel.token_call() is None:
        return ""
    database = Database(settings.database_url)
    try:
        async with database.write() as connection:
            await store.open_inbox(connection, channel.name, channel=channel.kind, name=channel.name)
        return await Tokens(database, Cipher(bytes.fromhex(settings.data_key)), client).get(channel)
    finally:
        await database.close()
