"""Proof of an order: the lock holds against tries at once, and a turn that is run again counts once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.conversations.proofs import MOST_WRONG, MOST_WRONG_OF_ALL, MOST_WRONG_OF_CALLER, locked, prove
from bot.conversations.who import PROOF_LIFE, Who, who
from bot.database import Database
from bot.database.conversations import conversations, inboxes, proof_attempts, threads
from bot.errors import NotFoundError, ServiceError, TooManyError
from bot.ids import new_id, utcnow
from bot.shop.protocol import Money, Order, OrderStatus, Shop

ORDER = Order("A20261101-0001", "C000001", OrderStatus.PAID, "paid", "card", Money(100, "CNY"), [], utcnow(), utcnow())


class OneOrder:
    """A shop with one order, whose receiver's phone ends in 1234; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def prove_order(self, number: str, *, phone_last4: str) -> Order:
        self.asked += 1
        await asyncio.sleep(0)
        if (number, phone_last4) != (ORDER.number, "1234"):
            raise NotFoundError("wrong")
        return ORDER


@pytest.fixture
async def visitor(database: Database) -> Who:
    return await _visitor(database, "one")


@pytest.fixture
def shop() -> Shop:
    return OneOrder()  # type: ignore[return-value]  # prove_order is all that proofs ask of a shop


async def attempt(database: Database, shop: Shop, who: Who, digits: str, message: str) -> str:
    try:
        await prove(database, shop, who, ORDER.number, phone_last4=digits, message_id=message)
    except (NotFoundError, TooManyError) as error:
        return error.code
    return "proven"


async def test_the_fifth_wrong_try_locks_thread_and_number(database: Database, shop: Shop, visitor: Who) -> None:
    outcomes = [await attempt(database, shop, visitor, "0000", f"m{number}") for number in range(MOST_WRONG)]
    other = await _visitor(database, "two")

    assert outcomes == ["not_found"] * 4 + ["too_many"]
    assert await attempt(database, shop, visitor, "1234", "m9") == "too_many"
    assert await attempt(database, shop, other, "1234", "n1") == "too_many"
    assert (await locked(database, visitor.thread_id), await locked(database, other.thread_id)) == (True, False)


async def test_tries_at_once_look_up_five_times_at_most(database: Database, shop: Shop, visitor: Who) -> None:
    outcomes = await asyncio.gather(*(attempt(database, shop, visitor, f"{number:04}", f"m{number}") for number in range(30)))

    assert shop.asked <= MOST_WRONG  # type: ignore[attr-defined]
    assert "proven" not in outcomes


async def test_guessing_in_many_threads_at_many_orders_ends_at_the_ceiling_of_all(database: Database, shop: Shop, visitor: Who) -> None:
    other = await _visitor(database, "two")
    for number in range(5):
        await _guess_wrong(database, other.thread_id, f"caller {number}", times=MOST_WRONG_OF_ALL // 5)

    assert await attempt(database, shop, visitor, "1234", "m1") == "too_many"
    async with database.write() as connection:
        await connection.execute(sa.update(proof_attempts).values(created_at=utcnow() - timedelta(minutes=61)))
    assert await attempt(database, shop, visitor, "1234", "m2") == "proven"


async def test_one_caller_with_many_threads_is_stopped_long_before_others_are(database: Database, shop: Shop, visitor: Who) -> None:
    neighbour, stranger = await _visitor(database, "two"), await _visitor(database, "three", caller="another")
    await _guess_wrong(database, visitor.thread_id, "here", times=MOST_WRONG_OF_CALLER)

    assert await attempt(database, shop, neighbour, "1234", "m1") == "too_many"
    assert await attempt(database, shop, stranger, "1234", "m2") == "proven"


async def test_all_threads_of_one_sender_on_a_channel_are_one_caller(database: Database, shop: Shop, visitor: Who) -> None:
    mails = [await _visitor(database, name, caller="") for name in ("ann@example.com/1", "ann@example.com/2", "bob@example.com/1")]

    assert mails[0].caller == mails[1].caller != mails[2].caller
    assert "ann" not in mails[0].caller


async def test_a_turn_that_is_run_again_counts_once(database: Database, shop: Shop, visitor: Who) -> None:
    outcomes = [await attempt(database, shop, visitor, "0000", "the same message") for _ in range(8)]

    assert set(outcomes) == {"not_found"}


async def test_other_spellings_of_the_number_share_its_tries(database: Database, shop: Shop, visitor: Who) -> None:
    for number in range(MOST_WRONG):
        await attempt(database, shop, visitor, "0000", f"m{number}")
    other = await _visitor(database, "two")

    with pytest.raises(TooManyError):
        await prove(database, shop, other, ORDER.number.replace("-", "").lower(), phone_last4="1234", message_id="n1")


async def test_a_shop_that_does_not_answer_costs_no_try(database: Database, shop: Shop, visitor: Who) -> None:
    shop.prove_order = _away  # type: ignore[method-assign]
    for number in range(MOST_WRONG + 1):
        with pytest.raises(ServiceError):
            await prove(database, shop, visitor, ORDER.number, phone_last4="1234", message_id=f"m{number}")

    assert not await locked(database, visitor.thread_id)


async def test_a_proof_holds_for_its_thread_and_for_a_day(database: Database, shop: Shop, visitor: Who) -> None:
    await attempt(database, shop, visitor, "1234", "m1")
    stranger = await _visitor(database, "two")

    proven = await who(database, visitor.conversation_id)
    async with database.write() as connection:
        await connection.execute(sa.update(proof_attempts).values(created_at=utcnow() - PROOF_LIFE - timedelta(minutes=1)))
    expired = await who(database, visitor.conversation_id)

    assert proven.proven_orders == {ORDER.number: ORDER.customer_id}
    assert proven.owner_of(ORDER.number) == ORDER.customer_id
    assert (await who(database, stranger.conversation_id)).proven_orders == expired.proven_orders == {}


async def test_the_lock_opens_after_an_hour(database: Database, shop: Shop, visitor: Who) -> None:
    for number in range(MOST_WRONG):
        await attempt(database, shop, visitor, "0000", f"m{number}")
    async with database.write() as connection:
        await connection.execute(sa.update(proof_attempts).values(created_at=utcnow() - timedelta(minutes=61)))

    assert await attempt(database, shop, visitor, "1234", "m9") == "proven"


async def test_an_unknown_conversation_has_no_speaker(database: Database) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        await who(database, "nobody")


async def _away(number: str, *, phone_last4: str) -> Order:
    raise ServiceError("the shop does not answer")


async def _guess_wrong(database: Database, thread_id: str, caller: str, *, times: int) -> None:
    wrong = {"thread_id": thread_id, "caller": caller, "succeeded": False, "created_at": utcnow()}
    async with database.write() as connection:
        rows = [{**wrong, "id": new_id(), "order_number": f"B{number}"} for number in range(times)]
        await connection.execute(sa.insert(proof_attempts), rows)


async def _visitor(database: Database, name: str, *, caller: str = "here") -> Who:
    now = utcnow()
    async with database.write() as connection:
        if name == "one":
            await connection.execute(sa.insert(inboxes).values(id="site", channel="website", name="Site", created_at=now))
        thread = {"id": f"thread-{name}", "inbox_id": "site", "channel_user": name, "language": "zh", "created_at": now}
        await connection.execute(sa.insert(threads).values(thread))
        row = {"status": "bot", "epoch": 1, "language": "zh", "created_at": now, "updated_at": now}
        await connection.execute(
            sa.insert(conversations).values(id=f"conversation-{name}", thread_id=f"thread-{name}", caller=caller, **row)
        )
    return await who(database, f"conversation-{name}")
