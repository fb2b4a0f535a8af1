"""The worker: whatever must follow although the process that began it died. `python -m bot.worker`; several may run.

Each chore looks into SQL for work that is overdue, so that running it twice, or by two workers, does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from datetime import timedelta

import sqlalchemy as sa

from bot.channels.client import VendorClient
from bot.channels.courier import Courier
from bot.channels.courier import News as Delivery
from bot.channels.fetching import Fetcher
from bot.channels.pulling import Puller
from bot.channels.registry import open_channels
from bot.channels.robots import open_robots
from bot.channels.tokens import Tokens
from bot.chores import child, every
from bot.conversations.alerts import Alerts
from bot.conversations.assignment import Assignment
from bot.conversations.distribution import distribute
from bot.conversations.idle import see_to_the_silent
from bot.conversations.long_wait import apologise
from bot.conversations.notices import untold_effects
from bot.conversations.ownership import silent_since
from bot.conversations.service import ConversationService
from bot.conversations.services import Services, open_services
from bot.conversations.shift import finish_shifts
from bot.conversations.sla import watch_clocks
from bot.conversations.wake import News, Wake
from bot.customers.due import Due, refresh_due
from bot.customers.follow import anything_new, follow
from bot.database.conversations import conversations, effects
from bot.database.escalations import escalations
from bot.errors import ConflictError
from bot.escalations.staff import read_staff
from bot.escalations.times import first_reply
from bot.ids import utcnow
from bot.logs import configure_logging
from bot.messages import HandoffReason, Status
from bot.privacy.retention import retain_tonight
from bot.settings import load_settings
from bot.tables import use_tables

ANSWER_EVERY_S = 1.0
QUEUE_EVERY_S = 2.0
BOT_WELL_EVERY_S = 3.0
EFFECTS_EVERY_S = 5.0
RETENTION_EVERY_S = 600.0  # looks whether it is night, and whether tonight's run has begun
FIRST_REPLY_EVERY_S = 5.0
SILENT_EVERY_S = 10.0
SLA_EVERY_S = 5.0
ALERTS_EVERY_S = 3.0
LISTEN_AGAIN_S = 0.3  # after the wake-ups broke off
GIVE_EVERY_S = 0.05
OUTBOX_EVERY_S = 0.25
CUSTOMERS_EVERY_S = 20.0  # with the child's few seconds well within the minute in which a new order shall show
AFTER_FAILURE_S = 300.0
GRACE = timedelta(seconds=2)

log = logging.getLogger(__name__)


class Worker:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.database
        self._service = ConversationService(services)
        self._assignment = Assignment(services)
        self._work = asyncio.Event()  # somebody waits, or has room again
        self._vendors = VendorClient()
        channels = open_channels(services.settings)
        tokens = Tokens(services.database, services.cipher, self._vendors)
        self._puller = Puller(database=services.database, channels=channels, tokens=tokens, client=self._vendors)
        self._fetcher = Fetcher(
            database=services.database,
            cipher=services.cipher,
            channels=channels,
            tokens=tokens,
            client=self._vendors,
            most_bytes=services.settings.media_most_mb * 1024 * 1024,
            tell=self._tell,
        )
        self._alerts = _alerts(services, self._vendors)
        self._courier = Courier(
            database=services.database,
            redis=services.redis,
            shares=services.shares,
            channels=channels,
            tokens=tokens,
            client=self._vendors,
        )

    async def run(self) -> None:
        await asyncio.gather(
            every(ANSWER_EVERY_S, self.answer_the_unanswered),
            every(QUEUE_EVERY_S, self.keep_the_queue),
            every(BOT_WELL_EVERY_S, self.return_to_the_bot),
            every(EFFECTS_EVERY_S, self.tell_effects),
            every(RETENTION_EVERY_S, self.keep_within_retention),
            every(FIRST_REPLY_EVERY_S, self.take_back_the_unanswered),
            every(SILENT_EVERY_S, self.see_to_the_silent),
            every(SLA_EVERY_S, self.watch_the_clock),
            every(LISTEN_AGAIN_S, self.listen_for_work),
            every(GIVE_EVERY_S, self.give_work),
            every(OUTBOX_EVERY_S, self.deliver),
            every(CUSTOMERS_EVERY_S, self.refresh_customers, after_s=CUSTOMERS_EVERY_S),  # a start has enough to do
            every(OUTBOX_EVERY_S, self.pull),
            every(OUTBOX_EVERY_S, self._fetcher.start),
            *(every(ALERTS_EVERY_S, each.tell) for each in self._alerts),
        )

    async def answer_the_unanswered(self) -> None:
        """Run the turns of conversations whose process died: unanswered, and nobody holds their lease."""
        now = utcnow()
        free = sa.or_(conversations.c.turn_until.is_(None), conversations.c.turn_until < now)
        overdue = conversations.c.updated_at < now - GRACE  # whoever stored the message is about to answer it
        query = (
            sa.select(conversations.c.id)
            .where(conversations.c.status == Status.BOT, conversations.c.answered_seq < conversations.c.customer_seq, free, overdue)
            .limit(100)
        )
        for conversation_id in await self._ids(query):
            self._service.turns.start(conversation_id)

    async def keep_the_queue(self) -> None:
        """Redis may have been wiped, a claim may have died half-way, an agent may be gone."""
        await self._assignment.reconcile()
        await distribute(self._services, self._assignment)
        connected = await self._services.presence.leases()  # not `staff`: while Redis is away nobody must seem to be gone
        if connected is None:
            return
        async with self._database.read() as connection:
            present = [one.agent_id for one in await read_staff(connection, connected) if one.presence != "off"]
            gone = sa.select(escalations.c.id, escalations.c.agent_id).where(
                escalations.c.status == "claimed", escalations.c.agent_id.not_in(present)
            )
            left = (await connection.execute(gone)).all()
        for escalation_id, agent_id in left:
            if agent_id not in connected:  # they may have come back while others' work was put back, which takes its time
                connected_now = await self._services.presence.leases()
                if connected_now is None:
                    return
                if agent_id in connected_now:
                    continue
            await self._assignment.put_back(escalation_id, owner=agent_id, reason="agent_gone")
        if await finish_shifts(self._services):
            await self._services.wake.send(Wake(News.QUEUE))

    async def take_back_the_unanswered(self) -> None:
        """Take back what was claimed and not answered in time; after some returns it stays, and the supervisors are told."""
        rule = first_reply()
        async with self._database.read() as connection:
            silent = (await connection.execute(silent_since(utcnow() - rule.within))).all()
        for one in silent:
            if one.returns < rule.returns:
                await self._assignment.put_back(one.id, owner=one.agent_id, reason="no_first_reply")
            elif one.returns == rule.returns:
                await self._give_up_on(one.id)

    async def _give_up_on(self, escalation_id: str) -> None:
        """Count the last return without making it: `returns` beyond the rule is what the supervisors' desks show."""
        async with self._database.write() as connection:
            count = sa.update(escalations).where(escalations.c.id == escalation_id, escalations.c.status == "claimed")
            await connection.execute(count.values(returns=escalations.c.returns + 1))
        await self._services.wake.send(Wake(News.QUEUE))

    async def see_to_the_silent(self) -> None:
        await see_to_the_silent(self._service)

    async def watch_the_clock(self) -> None:
        await watch_clocks(self._services)
        await apologise(self._services)

    async def listen_for_work(self) -> None:
        """Hear of work the moment that it comes or an agent frees up; what a lost wake-up did not tell, the queue's chore finds."""
        async for wake in self._services.wake.listen():
            if wake is None or wake.news in (News.QUEUE, News.ALERT):
                self._work.set()

    async def give_work(self) -> None:
        """Give what has come since the last time, all at once."""
        await self._work.wait()
        self._work.clear()
        await distribute(self._services, self._assignment)

    async def return_to_the_bot(self) -> None:
        """Give back what waits only because the bot was down, now that it is well."""
        query = sa.select(escalations.c.conversation_id).where(
            escalations.c.status == "waiting", escalations.c.reason == HandoffReason.BOT_DOWN.value
        )
        waiting = await self._ids(query)
        if not waiting or await self._services.rasa.model_id() is None:
            return
        for conversation_id in waiting:
            try:
                await self._service.return_to_bot(conversation_id, actor="worker", expected=Status.WAITING)
            except ConflictError:
                continue  # somebody claimed it this moment

    async def tell_effects(self) -> None:
        """Say what was done while its reply was refused and the process that knew it died."""
        moved_on = sa.or_(conversations.c.epoch != effects.c.epoch, conversations.c.status != Status.BOT)
        query = (
            sa.select(effects.c.conversation_id)
            .join(conversations, conversations.c.id == effects.c.conversation_id)
            .where(effects.c.state == "done", effects.c.told.is_(False), moved_on)
            .distinct()
        )
        for conversation_id in await self._ids(query):
            await untold_effects(self._database, conversation_id)

    async def keep_within_retention(self) -> None:
        """Once a night delete what is kept longer than retention.yml allows, in a thread and in small batches."""
        await asyncio.to_thread(retain_tonight, self._services.settings, utcnow())

    async def deliver(self) -> None:
        """Send what waits in the outbox to the customers on messaging channels."""
        for news in await self._courier.drain():
            await self._tell(news)

    async def _tell(self, news: Delivery) -> None:
        await self._services.wake.send(Wake(News.MESSAGES, news.conversation_id, news.thread_id))

    async def refresh_customers(self) -> None:
        """Bring what customers did into their records: follow it here, and let a process with the large libraries do the rest."""
        due = await self._due()
        if due is not Due.EVERYBODY:
            async with self._database.read() as connection:
                new = await connection.run_sync(anything_new)
            if new:
                async with self._database.write() as connection:
                    await connection.run_sync(follow)
                due = await self._due()
        if due and await child("bot.customers.refresh_changed", *(["--all"] if due is Due.EVERYBODY else [])) != 0:
            log.warning("the records of customers could not be refreshed; trying again in %s s", AFTER_FAILURE_S)
            await asyncio.sleep(AFTER_FAILURE_S)

    async def _due(self) -> Due | None:
        async with self._database.read() as connection:
            return await connection.run_sync(refresh_due, now=utcnow(), timezone=self._services.settings.timezone)

    async def pull(self) -> None:
        """Fetch what channels have only signalled."""
        await self._puller.pull(self._service.take)

    async def _ids(self, query: sa.Select[tuple[str]]) -> list[str]:
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def stop(self) -> None:
        await self._service.turns.stop()
        self._fetcher.stop()
        await self._vendors.close()


def _alerts(services: Services, client: VendorClient) -> list[Alerts]:
    settings = services.settings
    robots = open_robots(settings.alerts, default_language=settings.default_language)
    desk_url = f"{settings.public_url.rstrip('/')}/desk"
    return [Alerts(database=services.database, client=client, robot=robot, desk_url=desk_url) for robot in robots]


async def main() -> None:
    settings = use_tables(load_settings())
    configure_logging(settings.log_level)
    async with open_services(settings) as services:
        worker = Worker(services)
        running = asyncio.create_task(worker.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.cancel)
        try:
            await running
        except asyncio.CancelledError:
            await worker.stop()


if __name__ == "__main__":
    asyncio.run(main())
