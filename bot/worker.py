"""The worker: whatever must follow although the process that began it died. `python -m bot.worker`; several may run.

Each chore looks into SQL for work that is overdue, so that running it twice, or by two workers, does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta

import sqlalchemy as sa

from bot.channels.client import VendorClient
from bot.channels.courier import Courier
from bot.channels.pulling import Puller
from bot.channels.registry import open_channels
from bot.channels.tokens import Tokens
from bot.conversations.assignment import Assignment
from bot.conversations.notices import untold_effects
from bot.conversations.service import ConversationService
from bot.conversations.services import Services, open_services
from bot.conversations.wake import News, Wake
from bot.database.conversations import conversations, effects
from bot.database.escalations import escalations
from bot.errors import BotError, ConflictError
from bot.escalations.queue import PRESENCE_S
from bot.ids import utcnow
from bot.logs import configure_logging
from bot.messages import HandoffReason, Status
from bot.redis import REDIS_DOWN
from bot.settings import load_settings

ANSWER_EVERY_S = 1.0
QUEUE_EVERY_S = 2.0
BOT_WELL_EVERY_S = 3.0
EFFECTS_EVERY_S = 5.0
OUTBOX_EVERY_S = 0.25
GRACE = timedelta(seconds=2)

log = logging.getLogger(__name__)


class Worker:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.database
        self._service = ConversationService(services)
        self._assignment = Assignment(services)
        self._vendors = VendorClient()
        channels = open_channels(services.settings)
        tokens = Tokens(services.database, services.cipher, self._vendors)
        self._puller = Puller(database=services.database, channels=channels, tokens=tokens, client=self._vendors)
        self._courier = Courier(database=services.database, redis=services.redis, channels=channels, tokens=tokens, client=self._vendors)

    async def run(self) -> None:
        await asyncio.gather(
            _every(ANSWER_EVERY_S, self.answer_the_unanswered),
            _every(QUEUE_EVERY_S, self.keep_the_queue),
            _every(BOT_WELL_EVERY_S, self.return_to_the_bot),
            _every(EFFECTS_EVERY_S, self.tell_effects),
            _every(OUTBOX_EVERY_S, self.deliver),
            _every(OUTBOX_EVERY_S, self.pull),
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
        age_s = await self._services.queue.age_s()
        if age_s is None or age_s < PRESENCE_S:
            return  # after a wipe nobody's beat is known yet; leases count once everybody had the time to beat
        present = await self._services.presence.connected()
        query = sa.select(escalations.c.id).where(escalations.c.status == "claimed", escalations.c.agent_id.not_in(present))
        for escalation_id in await self._ids(query):
            await self._assignment.put_back(escalation_id, reason="agent_gone")

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

    async def deliver(self) -> None:
        """Send what waits in the outbox to the customers on messaging channels."""
        for news in await self._courier.drain():
            await self._services.wake.send(Wake(News.MESSAGES, news.conversation_id, news.thread_id))

    async def pull(self) -> None:
        """Fetch what channels have only signalled."""
        await self._puller.pull(self._service.take)

    async def _ids(self, query: sa.Select[tuple[str]]) -> list[str]:
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def stop(self) -> None:
        await self._service.turns.stop()
        await self._vendors.close()


async def _every(seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
    """Run a chore for ever; what goes wrong is logged and tried again with the next round."""
    while True:
        try:
            await chore()
        except (BotError, sa.exc.SQLAlchemyError, *REDIS_DOWN) as error:
            log.warning("%s will be tried again: %s", chore.__name__, type(error).__name__)
        await asyncio.sleep(seconds)


async def main() -> None:
    settings = load_settings()
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
