"""A worker killed with -9 while it reads a mailbox and answers, with real IMAP and SMTP servers: read once, one repeat that can be told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.services import Services
from bot.database.channels import channel_cursors, outbox
from bot.database.conversations import messages
from bot.ids import utcnow
from tests.channels.mail_servers import MailSays, MailServers, mail_servers
from tests.channels.processes import process
from tests.channels.test_kill import leases_are_over, slow_rasa, until_all_is_sent
from tests.channels.vendors import EMAIL
from tests.dialogue.system import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

MAIL = b"From: wang@home.example\r\nTo: service@company.example\r\nMessage-ID: <1@home.example>\r\nSubject: hi\r\n\r\nhello"
# Whoever moves the mailbox's cursor waits here for the test, with the mail stored and the move not committed.
HELD = """
CREATE FUNCTION wait_here() RETURNS trigger AS $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$ LANGUAGE plpgsql;
CREATE TRIGGER held BEFORE UPDATE ON channel_cursors FOR EACH ROW WHEN (NEW.cursor <> OLD.cursor) EXECUTE FUNCTION wait_here();
"""


async def _stored(services: Services) -> list[tuple[str, str]]:
    async with services.database.read() as connection:
        rows = (await connection.execute(sa.select(messages.c.sender, messages.c.text).order_by(messages.c.seq))).all()
    return [(row.sender, row.text) for row in rows]


async def _cursor(services: Services) -> str:
    async with services.database.read() as connection:
        return str((await connection.execute(sa.select(channel_cursors.c.cursor))).scalar_one())


async def _accepted(servers: MailServers, count: int) -> None:
    async with asyncio.timeout(40):
        while len(servers.received) < count:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_worker_killed_before_the_cursor_and_before_the_record_reads_once_and_repeats_one_mail(services: Services) -> None:
    rasa_port = free_port()
    async with services.database.write() as connection:
        await store.open_inbox(connection, "email", channel="email", name="email")
        for statement in filter(str.strip, HELD.split("\n")):
            await connection.execute(sa.text(statement))

    async with mail_servers() as servers, slow_rasa(rasa_port) as rasa_answers:
        rasa_answers.set()
        await servers.deliver(MAIL)
        servers.script = [MailSays(delay_s=60)]  # accepts the answer and is slow to say so
        mailbox = {**EMAIL.settings(""), "IMAP": servers.imap, "SMTP": servers.smtp}
        async with services.database.write() as held:
            await held.execute(sa.text("SELECT pg_advisory_xact_lock(4711)"))
            with process("bot.worker", services, "http://127.0.0.1:9", rasa_port=rasa_port, mailbox=mailbox):
                await _accepted(servers, 1)
        assert await _cursor(services) == "", "it was killed before it kept that the mail was read"
        assert len(await _stored(services)) == 2, "it was killed before it kept that the answer was sent"
        async with services.database.read() as connection:
            assert (await connection.execute(sa.select(outbox.c.state))).scalar_one() == "pending"

        await leases_are_over(services)
        async with services.database.write() as connection:
            await connection.execute(sa.update(channel_cursors).values(owned_until=utcnow() - timedelta(seconds=1)))
        with process("bot.worker", services, "http://127.0.0.1:9", rasa_port=rasa_port, mailbox=mailbox):
            await until_all_is_sent(services)
            async with asyncio.timeout(40):
                while not await _cursor(services):
                    await asyncio.sleep(0.05)

    assert await _stored(services) == [("customer", "hi\nhello"), ("bot", "you said hi\nhello")]
    assert len({mail["Message-ID"] for mail in servers.received}) == 1, "the customer's mail program shows the repeat once"
    assert len(servers.received) == 2
