"""Messages that arrive together are stored together: the same as one by one, in fewer transactions, nobody paying for a neighbour."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from bot.conversations import store
from bot.conversations.inbound import Stored, store_inbound
from bot.conversations.intake import Intake
from bot.conversations.replies import bot_message
from bot.conversations.services import Services
from bot.conversations.together import Together
from bot.database.channels import channel_threads
from bot.database.conversations import conversations, messages, threads
from bot.errors import InputError
from bot.ids import utcnow
from bot.messages import Button, InboundMessage, Kind, Reply

TEXTS = ["你好", "where is my order", "2", "谢谢！", "Refund", "3 分", "", "  ", "转回机器人", "A-1029", "x" * 5000, "看看\x00这个"]
USERS = ["u1", "u2", "u3", "u4"]


def written(chance: random.Random, number: int) -> InboundMessage:
    kind = chance.choice([Kind.TEXT] * 9 + [Kind.IMAGE])
    key = f"ch:{number if chance.random() < 0.9 else number // 2}"  # some are sent again
    return InboundMessage(
        inbox_id="",
        channel_user=chance.choice(USERS),
        client_id=key,
        text=chance.choice(TEXTS) if kind is Kind.TEXT else "",
        button_id="human" if chance.random() < 0.05 else "",
        kind=kind,
        by_channel=chance.random() < 0.8,
        reply_token=f"token-{number}",
        caller=f"caller-{number % 3}",
    )


async def open_inboxes(services: Services, *names: str) -> None:
    async with services.database.write() as connection:
        for name in names:
            await store.open_inbox(connection, name, channel="webhook", name=name)


async def move_on(services: Services, inbox: str, user: str, what: str) -> None:
    """Let the conversation with this customer become something else, if there is one."""
    async with services.database.write() as connection:
        thread = await store.thread_of(connection, inbox_id=inbox, channel_user=user)
        row = await store.newest_conversation(connection, thread.id) if thread else None
        if row is None:
            return
        change = sa.update(conversations).where(conversations.c.id == row.id)
        if what != "answered":
            ended = {"csat": "asked", "resolved_at": utcnow()} if what == "resolved" else {}
            await connection.execute(change.values(status=what, **ended))
            return
        seq = await store.advance(connection, row.id, 1)
        assert seq is not None
        buttons = [Button(id="b1", title="Return"), Button(id="b2", title="Refund", intent="refund")]
        await store.add_message(connection, bot_message(row, seq, Reply(text="what shall it be?", buttons=buttons)))


async def one_by_one(services: Services, batch: Sequence[InboundMessage]) -> list[str]:
    found = []
    async with services.database.write() as connection:
        for inbound in batch:
            try:
                found.append(_outcome(await store_inbound(connection, inbound, default_language="zh", hours=services.hours)))
            except InputError as error:
                found.append(str(error))
    return found


def _outcome(kept: Stored | InputError) -> str:
    return str(kept) if isinstance(kept, InputError) else f"{kept.message.seq} {kept.message.text} {kept.status} {kept.new}"


async def left_behind(services: Services, inbox: str) -> list[tuple[Any, ...]]:
    """Return all that an inbox's customers have caused, without ids and times."""
    saw = (conversations.c.status, conversations.c.language, conversations.c.last_seq, conversations.c.customer_seq, conversations.c.csat)
    said = (messages.c.seq, messages.c.sender, messages.c.text, messages.c.payload, messages.c.language, messages.c.client_id)
    query = (
        sa.select(threads.c.channel_user, *saw, *said, channel_threads.c.reply_token, channel_threads.c.held, conversations.c.caller)
        .join(conversations, conversations.c.thread_id == threads.c.id)
        .join(messages, messages.c.conversation_id == conversations.c.id)
        .outerjoin(channel_threads, channel_threads.c.thread_id == threads.c.id)
        .where(threads.c.inbox_id == inbox)
        .order_by(threads.c.channel_user, conversations.c.id, messages.c.seq)
    )
    async with services.database.read() as connection:
        rows = [list(row) for row in await connection.execute(query)]
    for row in rows:  # the bot's buttons have the ids of their messages
        for button in row[9].get("buttons", []):
            button["id"] = button["id"].rpartition("/")[2]
        row[9]["button_id"] = row[9].get("button_id", "").rpartition("/")[2]
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
async def test_together_leaves_what_one_by_one_leaves(services: Services, seed: int) -> None:
    await open_inboxes(services, "together", "alone")
    intake, chance = Intake(services), random.Random(seed)

    for number in range(0, 96, 8):
        batch = [written(chance, each) for each in range(number, number + chance.randint(1, 8))]
        kept = await intake.store([_to("together", each) for each in batch])
        assert [_outcome(each) for each in kept] == await one_by_one(services, [_to("alone", each) for each in batch])
        user, what = chance.choice(USERS), chance.choice(["answered", "answered", "waiting", "agent", "bot", "resolved"])
        for inbox in ("together", "alone"):
            await move_on(services, inbox, user, what)

    found = await left_behind(services, "together")
    assert found == await left_behind(services, "alone")
    assert len(found) > 40


def _to(inbox: str, inbound: InboundMessage) -> InboundMessage:
    return InboundMessage(**{**{name: getattr(inbound, name) for name in inbound.__struct_fields__}, "inbox_id": inbox})


def text(number: int, *, inbox: str = "together") -> InboundMessage:
    user, key = f"u{number % 7}", f"ch:{number}"
    return InboundMessage(inbox_id=inbox, channel_user=user, client_id=key, text=f"text {number}", by_channel=True)


async def test_what_arrives_at_once_shares_a_commit_and_keeps_its_order(services: Services) -> None:
    await open_inboxes(services, "together")
    intake, commits = Intake(services), []
    event.listen(services.database.engine.sync_engine, "commit", commits.append)

    await asyncio.gather(*(intake.store([text(number)]) for number in range(100)))

    assert len(commits) <= 4
    async with services.database.read() as connection:
        rows = (await connection.execute(sa.select(messages).order_by(messages.c.conversation_id, messages.c.seq))).all()
    by_conversation: dict[str, list[int]] = {}
    for row in rows:
        by_conversation.setdefault(row.conversation_id, []).append(int(row.text.split()[1]))
    assert len(rows) == 100
    assert all(said == sorted(said) and said[-1] - said[0] == 7 * (len(said) - 1) for said in by_conversation.values())


async def test_a_request_that_cannot_be_stored_costs_its_neighbours_nothing(services: Services) -> None:
    await open_inboxes(services, "together")
    intake = Intake(services)

    kept = await asyncio.gather(
        intake.store([text(1)]), intake.store([text(2), text(3, inbox="nowhere")]), intake.store([text(4)]), return_exceptions=True
    )

    assert [isinstance(each, IntegrityError) for each in kept] == [False, True, False]
    async with services.database.read() as connection:
        assert sorted((await connection.execute(sa.select(messages.c.text))).scalars()) == ["text 1", "text 4"]


async def test_a_caller_who_has_gone_does_not_stop_the_others() -> None:
    begun, go_on, rounds = asyncio.Event(), asyncio.Event(), []

    async def work(items: Sequence[int]) -> list[int]:
        rounds.append(list(items))
        begun.set()
        await go_on.wait()
        return [item * 2 for item in items]

    together: Together[int, int] = Together(work, most=2)
    callers = [asyncio.create_task(together.do(number)) for number in range(5)]
    await begun.wait()
    callers[1].cancel()
    go_on.set()

    assert [result for result in await asyncio.gather(*callers, return_exceptions=True) if isinstance(result, int)] == [0, 4, 6, 8]
    assert rounds == [[0, 1], [2, 3], [4]]
