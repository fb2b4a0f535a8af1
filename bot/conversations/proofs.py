"""An anonymous visitor proves an order by its number and the last four digits of the receiver's phone.

Five wrong tries within an hour lock the thread, and lock the order number for every thread: four digits are only 10,000 guesses.
Whoever guesses in many threads at many orders is stopped by a ceiling on the wrong tries of one caller, and whoever does so from many
addresses by one on the wrong tries of all; a person then looks at what visitors ask.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from bot.conversations.who import Who
from bot.database import Database
from bot.database.conversations import proof_attempts
from bot.errors import NotFoundError, ServiceError, TooManyError
from bot.ids import utcnow
from bot.shop.protocol import Order, Shop

MOST_WRONG = 5
MOST_WRONG_OF_CALLER = 20  # an office or a school behind one address; five such callers together reach the ceiling of all
MOST_WRONG_OF_ALL = 100  # within an hour, in the whole installation: at this pace four digits are guessed once in a hundred hours
LONGEST_NUMBER = 40
WINDOW = timedelta(hours=1)

_WRONG = sa.and_(proof_attempts.c.succeeded.is_(False), proof_attempts.c.created_at > sa.bindparam("since"))
_NAMESPACE = uuid.UUID("5f1d3a52-7c59-4f0e-9d0b-6f5b0a4f9b11")


async def prove(database: Database, shop: Shop, who: Who, number: str, *, phone_last4: str, message_id: str) -> Order:
    """Return the order and remember it as proven for the thread.

    Raises NotFoundError, the same for a wrong number and for wrong digits, and TooManyError when thread, number or caller is locked,
    the fifth wrong try included. A message that is answered again counts once.
    """
    attempt = str(uuid.uuid5(_NAMESPACE, f"{who.conversation_id}:{message_id}:{number}"))
    # The try is in SQL, as a wrong one, before anything is looked up: tries made at once all see each other.
    spelt = _spelt(number)
    await _record(database, attempt, who, spelt)
    if await _is_locked(database, who, spelt, but=attempt):
        await _forget(database, attempt)
        raise _locked()
    try:
        order = await shop.prove_order(number, phone_last4=phone_last4)
    except NotFoundError:
        if await _wrong_tries(database, who.thread_id, spelt) >= MOST_WRONG:
            raise _locked() from None
        raise
    except ServiceError:
        await _forget(database, attempt)  # nobody has looked: that was no wrong try
        raise
    await _succeed(database, attempt, order)
    return order


async def locked(database: Database, thread_id: str) -> bool:
    """Say whether the thread has used up its tries for now."""
    return await _wrong_tries(database, thread_id, "") >= MOST_WRONG


def _spelt(number: str) -> str:
    """Return one spelling for all ways to write a number, so that each shares the same five tries."""
    return "".join(character for character in number.upper() if character.isalnum())[:LONGEST_NUMBER]


def _locked() -> TooManyError:
    return TooManyError("too many wrong tries within an hour", retry_after_s=int(WINDOW.total_seconds()))


async def _record(database: Database, attempt: str, who: Who, number: str) -> None:
    tried = {"thread_id": who.thread_id, "order_number": number, "caller": who.caller}
    values = {"id": attempt, **tried, "succeeded": False, "created_at": utcnow()}
    try:
        async with database.write() as connection:
            await connection.execute(sa.insert(proof_attempts).values(values))
    except IntegrityError:
        return  # an earlier run of the same turn recorded it


async def _wrong_tries(database: Database, thread_id: str, number: str) -> int:
    query = sa.select(sa.func.count()).where(_WRONG, _of_thread_or_order(thread_id, number))
    async with database.read() as connection:
        return int((await connection.execute(query, {"since": utcnow() - WINDOW})).scalar_one())


async def _is_locked(database: Database, who: Who, number: str, *, but: str) -> bool:
    """Say whether the thread, the order, the caller or all together have used up their wrong tries, the one that is made now aside."""
    of_all = sa.func.count()
    own, of_caller = of_all.filter(_of_thread_or_order(who.thread_id, number)), of_all.filter(proof_attempts.c.caller == who.caller)
    query = sa.select(own, of_caller, of_all).where(_WRONG, proof_attempts.c.id != but)
    async with database.read() as connection:
        counts = (await connection.execute(query, {"since": utcnow() - WINDOW})).one()
    return any(count >= most for count, most in zip(counts, (MOST_WRONG, MOST_WRONG_OF_CALLER, MOST_WRONG_OF_ALL), strict=True))


def _of_thread_or_order(thread_id: str, number: str) -> sa.ColumnElement[bool]:
    return sa.or_(proof_attempts.c.thread_id == thread_id, proof_attempts.c.order_number == number)


async def _forget(database: Database, attempt: str) -> None:
    """Take back a try that was refused unseen, so that trying again does not prolong the lock."""
    async with database.write() as connection:
        await connection.execute(sa.delete(proof_attempts).where(proof_attempts.c.id == attempt))


async def _succeed(database: Database, attempt: str, order: Order) -> None:
    proven = {"succeeded": True, "order_number": order.number, "shop_customer_id": order.customer_id}
    async with database.write() as connection:
        await connection.execute(sa.update(proof_attempts).where(proof_attempts.c.id == attempt).values(proven))
