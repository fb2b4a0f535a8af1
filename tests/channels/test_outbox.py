"""The outbox: what the bot, agents and notices say reaches the channel once, in order, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import jwt
import pytest
import sqlalchemy as sa

from bot.channels import outbox as outbox_rows
from bot.channels.base import (
    Batch,
    Receipt,
)
from bot.channels.client import VendorClient
from bot.channels.vendor import (
    Call,
    Reason,
    VendorAnswer,
)
from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.service import ConversationService
from bot.database.channels import channel_threads, outbox
from bot.database.conversations import threads
from bot.database.people import customers
from bot.ids import utcnow
from bot.messages import Button, HandOff, HandoffReason, InboundMessage, Kind, Reply, Turn, TurnRequest
from tests.channels.conftest import Post, with_traits
from tests.channels.simulator import Received, Says
from tests.conversations.conftest import say, settle, transcript
from tests.fakes import FakeRasa


def texts(post: Post) -> list[str]:
    return [body(request)["text"] for request in post.vendor.received]


def body(request: Received) -> dict[str, str]:
    return dict(json.loads(request.body))


def answers(*replies: Reply, hand_off: HandOff | None = None) -> object:
    return lambda request: Turn(message_id=request.message_id, replies=list(replies), hand_off=hand_off, intent="inform")


async def test_a_reply_to_a_channel_is_sent_signed_with_a_key(post: Post) -> None:
    await post.say("hello there")

    await post.courier().drain()

    [request] = post.vendor.received
    assert body(request)["user"] == "u1"
    assert body(request)["text"] == "you said hello there"
    assert request.headers["idempotency-key"] == body(request)["id"]
    assert request.headers["x-yingda-signature"].startswith("sha256=")
    assert await post.states() == [("sent", "")]


async def test_a_website_customer_has_nothing_in_the_outbox(post: Post) -> None:
    await say(post.service, "hello there")

    assert await post.states() == []


async def test_messages_keep_their_order_and_go_once(post: Post, rasa: FakeRasa) -> None:
    rasa.answer = answers(Reply(text="one"), Reply(text="two"), Reply(text="three"))  # type: ignore[assignment]
    await post.say("count")

    await asyncio.gather(*(post.courier().drain() for _ in range(3)))

    assert texts(post) == ["one", "two", "three"]


@pytest.mark.slow
async def test_who_writes_while_the_bot_answers_waits_for_nobody(post: Post) -> None:
    """Customers' and bot's transactions take thread, conversation and the thread's sending in one order, or PostgreSQL would refuse one."""

    async def write(user: int) -> None:
        for number in range(6):
            texts = [f"{number}a", f"{number}b"]
            await post.service.receive_all(
                [
                    InboundMessage(inbox_id="webhook", channel_user=f"u{user}", client_id=f"{user}-{text}", text=text, by_channel=True)
                    for text in texts
                ]
            )

    couriers = [post.courier() for _ in range(2)]
    await asyncio.gather(*(write(user) for user in range(3)), *(courier.drain() for courier in couriers))
    await settle(post.service)
    await couriers[0].drain()

    assert sorted(texts(post)) == sorted(f"you said {number}{part}" for number in range(6) for part in "ab" for _ in range(3))


async def test_an_outage_holds_up_what_follows_and_nothing_is_lost(post: Post, rasa: FakeRasa) -> None:
    rasa.answer = answers(Reply(text="one"), Reply(text="two"))  # type: ignore[assignment]
    post.vendor.script = [Says(status=503), Says(status=500)]
    await post.say("count")

    await post.courier().drain()
    assert await post.states() == [("pending", Reason.UNREACHABLE), ("pending", "")]
    await post.courier().drain()
    assert len(post.vendor.received) == 1, "not before the wait is over"
    for _ in range(2):
        await post.hurry()
        await post.courier().drain()

    assert texts(post) == ["one", "one", "one", "two"]
    assert len({body(request)["id"] for request in post.vendor.received[:3]}) == 1, "the same key each time"
    assert await post.states() == [("sent", "")] * 2


async def test_what_is_refused_is_dead_with_its_reason_and_can_be_sent_again(post: Post, rasa: FakeRasa) -> None:
    rasa.answer = answers(Reply(text="one"), Reply(text="two"))  # type: ignore[assignment]
    post.vendor.script = [Says(status=400)]
    await post.say("count")

    await post.courier().drain()
    assert await post.states() == [("dead", Reason.REFUSED), ("sent", "")]
    async with post.service.services.database.write() as connection:
        dead = (await connection.execute(sa.select(outbox).where(outbox.c.state == "dead"))).one()
        assert not await outbox_rows.repeat(connection, dead.message_id, conversation_id="another")
        assert await outbox_rows.repeat(connection, dead.message_id, conversation_id=dead.conversation_id)
    await post.courier().drain()

    assert texts(post) == ["one", "two", "one"]
    assert await post.states() == [("sent", "")] * 2


async def test_too_many_requests_let_the_whole_account_rest(post: Post) -> None:
    post.vendor.script = [Says(status=429, headers={"Retry-After": "20"})]
    await post.say("hello", user="u1")
    await post.courier().drain()
    await post.say("hello", user="u2")

    async with post.service.services.database.write() as connection:
        await connection.execute(sa.update(channel_threads).values(next_at=utcnow()))
    await post.courier().drain()

    assert len(post.vendor.received) == 1
    assert 15_000 < await post.service.services.redis.pttl("yingda:rest:webhook") <= 20_000


@pytest.mark.slow
async def test_a_vendor_that_accepts_and_does_not_answer_gets_the_same_key_again(post: Post) -> None:
    post.vendor.script = [Says(delay_s=1.4)]
    await post.say("hello")

    await post.courier().drain()
    await post.hurry()
    await post.courier().drain()

    first, second = (body(request)["id"] for request in post.vendor.received)
    assert first == second


async def test_a_process_that_dies_between_send_and_record_repeats_one_call_with_its_key(post: Post, rasa: FakeRasa) -> None:
    class Dies(VendorClient):
        async def send(self, call: Call) -> VendorAnswer:
            await super().send(call)
            raise KeyboardInterrupt

    rasa.answer = answers(Reply(text="one"), Reply(text="two"))  # type: ignore[assignment]
    await post.say("count")
    dying = Dies()
    courier = post.courier(dying)
    async with post.service.services.database.write() as connection:
        [thread_id] = await outbox_rows.claim(connection, courier._owner, most=1)
    with pytest.raises(KeyboardInterrupt):
        await _step_by_step(courier._serve(thread_id))
    await dying.close()

    await post.courier().drain()
    assert texts(post) == ["one"], "the lease of the dead is not over"
    await post.hurry()
    await post.courier().drain()

    assert texts(post) == ["one", "one", "two"]
    assert body(post.vendor.received[0])["id"] == body(post.vendor.received[1])["id"]


async def _step_by_step(work: object) -> None:
    """Await without a task of its own, so that the interrupt reaches the test and not the event loop."""
    await work  # type: ignore[misc]


async def test_what_is_too_old_is_given_up(post: Post) -> None:
    post.vendor.script = [Says(status=503)]
    await post.say("hello")
    async with post.service.services.database.write() as connection:
        await connection.execute(sa.update(outbox).values(created_at=utcnow() - timedelta(hours=7)))

    await post.courier().drain()

    assert await post.states() == [("dead", Reason.UNREACHABLE)]


async def test_after_the_reply_window_nothing_is_sent(post: Post) -> None:
    with_traits(post.channel, window_s=3600)
    await post.say("hello")
    async with post.service.services.database.write() as connection:
        await connection.execute(sa.update(channel_threads).values(customer_at=utcnow() - timedelta(hours=2)))

    await post.courier().drain()

    assert (post.vendor.received, await post.states()) == ([], [("dead", Reason.WINDOW)])


async def test_a_long_text_goes_in_parts_and_a_repeat_starts_at_the_part_that_failed(post: Post, rasa: FakeRasa) -> None:
    with_traits(post.channel, longest=12)
    rasa.answer = answers(Reply(text="first words. second ones. third."))  # type: ignore[assignment]
    post.vendor.script = [Says(), Says(status=500)]
    await post.say("long")

    await post.courier().drain()
    await post.hurry()
    await post.courier().drain()

    assert texts(post) == ["first words.", "second ones.", "second ones.", "third."]
    assert await post.states() == [("sent", "")]


async def test_where_sends_are_few_utterances_become_one_and_the_last_are_kept_for_people(
    post: Post, rasa: FakeRasa, assignment: Assignment, agent: store.Row
) -> None:
    """A quota of four, of which two are the agents'."""
    with_traits(post.channel, quota=4, kept_for_agents=2, merges=True, longest=100)
    hand_off = HandOff(reason=HandoffReason.CUSTOMER_REQUEST)
    rasa.answer = answers(Reply(text="a " * 40), Reply(text="b " * 40), Reply(text="c " * 40), hand_off=hand_off)  # type: ignore[assignment]
    message = await post.say("a person")

    await post.courier().drain()
    assert len(post.vendor.received) == 2, "the bot's share"
    assert {state for state, _ in await post.states()} == {"pending"}
    await assignment.claim(agent)
    await post.service.reply_as_agent(agent.id, message.conversation_id, client_id="1", text="here I am")
    await post.courier().drain()
    assert len(post.vendor.received) == 4, "the agents' share"

    await post.say("thanks")
    await post.courier().drain()

    said = " ".join(texts(post))
    assert said.index("a a") < said.index("b b") < said.index("c c") < said.index("here I am")
    assert {state for state, _ in await post.states()} == {"sent"}


async def test_buttons_become_numbers_and_a_number_presses_the_button(post: Post, rasa: FakeRasa) -> None:
    with_traits(post.channel, buttons=0)
    asked: list[TurnRequest] = []

    def answer(request: TurnRequest) -> Turn:
        asked.append(request)
        first = Reply(text="Which one?", buttons=[Button("", "Return", "return_item"), Button("", "Invoice", "request_invoice")])
        return Turn(message_id=request.message_id, replies=[first, Reply(text="Or?", buttons=[Button("", "Cancel", "cancel_order")])])

    rasa.answer = answer
    await post.say("help me with the order")
    await post.courier().drain()
    assert texts(post)[0].startswith("Which one?\n\n1. Return\n2. Invoice")
    assert "3. Cancel" in texts(post)[1]

    third = await post.say("３。")
    by_title = await post.say("invoice")
    none = await post.say("7")

    assert [request.intent for request in asked[1:]] == ["cancel_order", "request_invoice", ""]
    assert (third.text, by_title.text, none.text) == ("Cancel", "Invoice", "7")


@pytest.mark.slow
async def test_native_buttons_go_as_buttons(post: Post, rasa: FakeRasa) -> None:
    rasa.answer = answers(Reply(text="Which?", buttons=[Button("", "Return", "return_item")]))  # type: ignore[assignment]
    await post.say("help")

    await post.courier().drain()

    [request] = post.vendor.received
    sent = json.loads(request.body)
    assert (sent["text"], [button["title"] for button in sent["buttons"]]) == ("Which?", ["Return"])
    pressed = await post.say(button_id=sent["buttons"][0]["id"])
    assert pressed.text == "Return"


async def test_a_picture_is_answered_politely_and_never_interpreted(post: Post, rasa: FakeRasa) -> None:
    message = await post.say(kind=Kind.IMAGE)

    assert rasa.asked == []
    spoken = await transcript(post.service, message.conversation_id)
    assert spoken[0] == ("customer", "[图片]")
    assert "文字" in spoken[1][1]


async def test_a_number_after_the_end_is_the_rating_and_a_later_message_a_new_conversation(
    post: Post, rasa: FakeRasa, assignment: Assignment, agent: store.Row
) -> None:
    rasa.answer = answers(hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST))  # type: ignore[assignment]
    message = await post.say("我要人工")
    await assignment.claim(agent)
    await post.service.resolve(agent.id, message.conversation_id)
    await post.courier().drain()
    assert "1–5" in texts(post)[-1]

    rated = await post.say("５分")
    after = await post.say("还有一个问题")

    assert rated.conversation_id == message.conversation_id
    assert (await transcript(post.service, message.conversation_id))[-1] == ("system", "csat_thanks")
    assert after.conversation_id != message.conversation_id


@pytest.mark.slow
async def test_the_way_back_to_the_bot_can_be_typed(post: Post, rasa: FakeRasa) -> None:
    rasa.answer = answers(hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST))  # type: ignore[assignment]
    message = await post.say("我要人工")
    await post.courier().drain()
    assert "回到智能助手" in texts(post)[-1]

    await post.say("回到智能助手")

    assert (await transcript(post.service, message.conversation_id))[-1] == ("system", "back_to_bot")


@pytest.mark.slow
async def test_receipts_only_move_forward_and_what_was_read_is_kept_with_the_conversation(post: Post) -> None:
    post.vendor.always = lambda _request: Says(body=b'{"id": "v1"}')
    message = await post.say("hello")
    await post.courier().drain()

    async def note(state: str) -> tuple[str, int]:
        await post.service.take("webhook", Batch(receipts=[Receipt("v1", state)]))
        async with post.service.services.database.read() as connection:
            row = await store.conversation(connection, message.conversation_id)
            return str((await connection.execute(sa.select(outbox.c.receipt))).scalar_one()), row.customer_read_seq

    assert [await note(state) for state in ("delivered", "read", "delivered")] == [("delivered", 0), ("read", 2), ("read", 2)]


async def test_a_withdrawn_message_loses_its_words(post: Post, service: ConversationService) -> None:
    message = await post.say("我的卡号是 4111 1111")

    await service.withdraw("webhook", "u1", message.client_id or "")

    assert (await transcript(service, message.conversation_id))[0] == ("customer", "[客户撤回了这条消息]")


@pytest.mark.slow
async def test_the_shops_signature_links_the_customer_and_nobody_elses(post: Post, service: ConversationService) -> None:
    def identity(number: str, key: str) -> str:
        return jwt.encode({"sub": number, "exp": utcnow() + timedelta(minutes=5)}, key, algorithm="HS256")

    secret = service.services.settings.identity_secret
    for claimed in (identity("C000009", "a guess that is long enough for HS256"), identity("C000001", secret), identity("C000002", secret)):
        await post.say("hello", identity=claimed)

    async with service.services.database.read() as connection:
        query = sa.select(customers.c.shop_customer_id).join(threads, threads.c.customer_id == customers.c.id)
        assert (await connection.execute(query)).scalars().all() == ["C000001"]
