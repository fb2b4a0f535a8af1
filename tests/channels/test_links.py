"""A channel's customer becomes the shop's: by a signed link that is good once, or, for the agent's eyes, by a proven order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.links import AUDIENCE, PARAMETER, confirm, invite, known_customer, look, unlink
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.conversations.who import who
from bot.database.channels import link_tokens
from bot.database.conversations import proof_attempts
from bot.database.people import audit_log, customers
from bot.errors import AuthError, ConflictError
from bot.ids import new_id, utcnow
from bot.messages import Message
from bot.settings import Settings
from tests.channels.conftest import Post
from tests.conversations.conftest import say, transcript

NUMBER = "C1001"


@pytest.fixture
def settings(database_url: str, settings: Settings) -> Settings:
    """The company has a page for links."""
    return replace(settings, link_url="https://shop.example/link?from=chat", demo=False)


async def link_for(services: Services, message: Message) -> str:
    """Return the token in the link that this message's customer is sent."""
    address = await invite(services.settings, services.database, message.thread_id, actor="bot")
    assert address.startswith("https://shop.example/link?from=chat&")
    return parse_qs(urlsplit(address).query)[PARAMETER][0]


def word(services: Services, token: str, *, number: str = NUMBER, key: str = "", **claims: object) -> str:
    """Answer for a customer as the shop does."""
    said = {"sub": number, "link": token, "exp": utcnow() + timedelta(minutes=5), **claims}
    return jwt.encode(said, key or services.settings.identity_secret, algorithm="HS256")


async def actions(services: Services) -> list[tuple[str, str]]:
    async with services.database.read() as connection:
        rows = await connection.execute(sa.select(audit_log.c.action, audit_log.c.actor).order_by(audit_log.c.created_at))
        return [(row.action, row.actor) for row in rows]


async def test_a_confirmed_link_makes_the_customer_known_and_says_so(services: Services, service: ConversationService, post: Post) -> None:
    message = await post.say("hello")
    token = await link_for(services, message)
    assert (await look(services, token)).channel == "webhook"

    customer_id = await confirm(services, word(services, token))

    speaker = await who(services.database, message.conversation_id)
    assert (speaker.customer_id, speaker.shop_customer_id) == (customer_id, NUMBER)
    assert (await transcript(service, message.conversation_id))[-1] == ("system", "linked")
    assert await post.states() != []  # the customer is told on the channel
    assert await actions(services) == [("link", "customer")]
    assert await invite(services.settings, services.database, message.thread_id, actor="bot") == ""  # nobody needs another


async def test_a_link_is_good_once_also_for_two_at_a_time(services: Services, post: Post) -> None:
    token = await link_for(services, await post.say("hello"))

    done = await asyncio.gather(*(confirm(services, word(services, token)) for _ in range(3)), return_exceptions=True)

    assert sorted(type(each).__name__ for each in done) == ["ConflictError", "ConflictError", "str"]
    with pytest.raises(ConflictError, match="used already"):
        await look(services, token)


async def test_what_is_not_both_the_shops_word_and_our_link_is_refused(services: Services, post: Post) -> None:
    message = await post.say("hello")
    token = await link_for(services, message)
    late = jwt.encode(
        {"sub": "x", "aud": AUDIENCE, "exp": utcnow() - timedelta(minutes=1)}, services.settings.secret_key, algorithm="HS256"
    )
    forged = jwt.encode(
        {"sub": "x", "aud": AUDIENCE, "exp": utcnow() + timedelta(minutes=1)}, "somebody else's key, long enough to sign", algorithm="HS256"
    )
    for wrong in (
        word(services, token, key="not the shop's secret, and long enough"),
        word(services, token, exp=utcnow() - timedelta(minutes=1)),
        word(services, token, number=""),
        word(services, ""),  # a page's ordinary word, which names no link
        word(services, late),
        word(services, forged),
        word(services, word(services, token)),
        "nonsense",
    ):
        with pytest.raises(AuthError):
            await confirm(services, wrong)

    assert (await who(services.database, message.conversation_id)).customer_id is None
    await confirm(services, word(services, token))  # the failures have not used it up


async def test_a_thread_stays_its_customers_until_it_is_unlinked(services: Services, service: ConversationService, post: Post) -> None:
    message = await post.say("hello")
    first, second = [await link_for(services, message) for _ in range(2)]
    await confirm(services, word(services, first))

    with pytest.raises(ConflictError, match="another customer"):
        await confirm(services, word(services, second, number="C1002"))
    await unlink(services, message.conversation_id, actor="agent:a")

    assert not (await who(services.database, message.conversation_id)).identified
    assert (await transcript(service, message.conversation_id))[-1] == ("system", "unlinked")
    assert await actions(services) == [("link", "customer"), ("unlink", "agent:a")]
    with pytest.raises(ConflictError, match="nothing to part"):
        await unlink(services, message.conversation_id, actor="agent:a")


async def test_the_website_is_not_linked_so(services: Services, service: ConversationService) -> None:
    message = await say(service, "hello")

    assert await invite(services.settings, services.database, message.thread_id, actor="bot") == ""
    with pytest.raises(ConflictError, match="website"):
        await unlink(services, message.conversation_id, actor="agent:a")


async def test_a_proven_order_shows_its_customer_to_the_agent_and_not_to_the_bot(services: Services, post: Post) -> None:
    message = await post.say("hello")
    owner = new_id()
    proof = {"thread_id": message.thread_id, "order_number": "A1", "succeeded": True, "shop_customer_id": NUMBER, "created_at": utcnow()}
    async with services.database.write() as connection:
        known = {"id": owner, "shop_customer_id": NUMBER, "language": "zh", "objects_to_profiling": False, "created_at": utcnow()}
        await connection.execute(sa.insert(customers).values(**known))
        await connection.execute(sa.insert(proof_attempts).values(id=new_id(), **proof))
        assert await known_customer(connection, message.thread_id) == (owner, "order")
        row = await store.conversation(connection, message.conversation_id)

    speaker = await who(services.database, row.id)
    assert not speaker.identified
    assert (speaker.owner_of("A1"), speaker.owner_of("A2")) == (NUMBER, None)
    await unlink(services, row.id, actor="agent:a")

    assert (await who(services.database, row.id)).owner_of("A1") is None
    async with services.database.write() as connection:
        assert await known_customer(connection, message.thread_id) == (None, "")
        assert (await connection.execute(sa.select(link_tokens.c.id))).first() is None
