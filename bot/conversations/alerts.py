"""What the staff's groups are told: who has just begun to wait, which promises are near or past their limit, who has waited for too long.

A message holds numbers, topics and a link to the desk, and nothing of any customer. What each robot knows is one time in SQL: the next
message says everything since, as it is by then, so that a robot that was away is told once, and nothing that is settled.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.client import VendorClient
from bot.channels.courier import backoff_s
from bot.channels.robots import Robot
from bot.database import Database
from bot.database.channels import alert_robots
from bot.database.escalations import escalations, sla_clocks
from bot.database.insert import insert_once
from bot.errors import TransportError
from bot.escalations.routing import Priority
from bot.escalations.times import longest_wait
from bot.ids import utcnow
from bot.languages import notice

SETTLED = timedelta(seconds=3)  # what was begun before has been committed by now
LEASE = timedelta(seconds=60)
APART = timedelta(seconds=15)  # four messages a minute at most, where vendors allow twenty: a group that never rests is muted
MOST_TOPICS = 8  # lines of a message; the rest is counted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class News:
    """What has happened since a robot was last told; all of it is still so."""

    arrived: Counter[tuple[str, int]]  # skill and priority of those who wait for a person
    near: int  # promises in time that are near their limit
    past: int
    long: int  # customers who have waited for longer than times.yml allows
    waiting: int  # in all
    longest: timedelta

    def __bool__(self) -> bool:
        return bool(self.arrived or self.near or self.past or self.long)


class Alerts:
    """What one robot is told. Each robot has its own, so that a dead one delays nothing."""

    def __init__(self, *, database: Database, client: VendorClient, robot: Robot, desk_url: str) -> None:
        self._database = database
        self._client = client
        self._robot = robot
        self._desk_url = desk_url
        self._known = alert_robots.c.name == robot.name

    async def tell(self) -> None:
        """Tell the robot its news, if there are any and nobody else does it."""
        now = utcnow()
        upto = now - SETTLED
        async with self._database.read() as connection:
            row = (await connection.execute(sa.select(alert_robots).where(self._known))).first()
            busy = row is not None and (row.next_at > now or (row.owned_until is not None and row.owned_until > now))
            news = await read_news(connection, since=row.told_at, upto=upto) if row is not None and not busy else None
        if row is None:
            await self._introduce(upto)
        elif news and await self._claim(row.told_at, now):
            await self._say(news, upto, attempts=row.attempts)

    async def _say(self, news: News, upto: datetime, *, attempts: int) -> None:
        text = words(news, language=self._robot.language, desk_url=self._desk_url)
        try:
            self._robot.read(await self._client.send(self._robot.build(text, at=time.time())))
        except TransportError as error:
            # Also after a refusal: whoever runs the robot corrects it, and then it goes.
            wait = timedelta(seconds=max(error.retry_after_s, backoff_s(attempts + (4 if error.permanent else 0))))
            log.warning("robot %s was not told, and is again in %.0f s: %s", self._robot.name, wait.total_seconds(), error)
            await self._change(attempts=attempts + 1, next_at=utcnow() + wait, owned_until=None)
            return
        await self._change(told_at=upto, attempts=0, next_at=utcnow() + APART, owned_until=None)

    async def _introduce(self, upto: datetime) -> None:
        """A robot that is new is told what comes from now on."""
        async with self._database.write() as connection:
            await insert_once(connection, alert_robots, {"name": self._robot.name, "told_at": upto, "next_at": upto, "attempts": 0})

    async def _claim(self, told_at: datetime, now: datetime) -> bool:
        free = sa.or_(alert_robots.c.owned_until.is_(None), alert_robots.c.owned_until < now)
        take = sa.update(alert_robots).where(self._known, alert_robots.c.told_at == told_at, free).values(owned_until=now + LEASE)
        async with self._database.write() as connection:
            return (await connection.execute(take)).rowcount == 1

    async def _change(self, **values: object) -> None:
        async with self._database.write() as connection:
            await connection.execute(sa.update(alert_robots).where(self._known).values(**values))


async def read_news(connection: AsyncConnection, *, since: datetime, upto: datetime) -> News:
    """Read what came between the two times and is still so: who was served meanwhile is nobody's news."""
    waits = escalations.c.status == "waiting"

    def within(column: sa.Column[datetime], offset: timedelta = timedelta()) -> sa.ColumnElement[bool]:
        return sa.and_(column > since - offset, column <= upto - offset)

    fresh = sa.select(escalations.c.skill, escalations.c.priority, sa.func.count()).where(waits, within(escalations.c.created_at))
    arrived = (await connection.execute(fresh.group_by(escalations.c.skill, escalations.c.priority))).all()
    total = sa.select(
        sa.func.count(),
        sa.func.min(escalations.c.created_at),
        sa.func.count(sa.case((within(escalations.c.created_at, longest_wait()), 1))),
    ).where(waits)
    waiting, oldest, long = (await connection.execute(total)).one()
    unmet = sa.select(
        sa.func.count(sa.case((sa.and_(within(sla_clocks.c.warn_at), sla_clocks.c.due_at > upto), 1))),
        sa.func.count(sa.case((within(sla_clocks.c.due_at), 1))),
    ).where(sla_clocks.c.met_at.is_(None), sla_clocks.c.warn_at <= upto)
    near, past = (await connection.execute(unmet)).one()
    return News(
        arrived=Counter({(skill, priority): count for skill, priority, count in arrived}),
        near=near,
        past=past,
        long=long,
        waiting=waiting,
        longest=upto - oldest if oldest else timedelta(),
    )


def words(news: News, *, language: str, desk_url: str) -> str:
    """Return the message: what is worst first, then who arrived, most urgent first, then how many wait."""
    lines = [
        notice(f"alert_{what}", language, count=count)
        for what, count in (("past", news.past), ("near", news.near), ("long", news.long))
        if count
    ]
    arrived = sorted(news.arrived.items(), key=lambda item: (-item[0][1], item[0][0]))
    if arrived:
        lines.append(notice("alert_arrived", language, count=news.arrived.total()))
    for (skill, priority), count in arrived[:MOST_TOPICS]:
        topic, _, spoken = skill.rpartition("_")
        about = {
            "topic": notice(f"alert_topic_{topic}", language),
            "spoken": notice(f"alert_spoken_{spoken}", language),
            "priority": notice(f"alert_priority_{Priority(priority).name.lower()}", language),
        }
        lines.append(notice("alert_line", language, count=count, **about))
    if more := sum(count for _, count in arrived[MOST_TOPICS:]):
        lines.append(notice("alert_more", language, count=more))
    minutes = int(news.longest.total_seconds() // 60)
    return "\n".join([*lines, notice("alert_waiting", language, count=news.waiting, minutes=minutes), desk_url])
