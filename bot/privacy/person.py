"""Everything under which one person is known here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import phonenumbers
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.resolve.merges import one_person
from bot.database.conversations import conversations, inboxes, proof_attempts, threads
from bot.database.people import customer_identities, customers
from bot.database.shop import shop_customers
from bot.errors import InputError, NotFoundError

REGION = "CN"  # of a phone number that is given without its country's code


@dataclass(frozen=True)
class Person:
    """The ids of one person: records (merged ones together), the shop's numbers, threads with their channel identities, conversations."""

    customer_ids: tuple[str, ...]
    numbers: tuple[str, ...]
    thread_ids: tuple[str, ...]
    channel_users: tuple[str, ...]
    conversation_ids: tuple[str, ...]
    since: datetime | None  # when the first record was made; None for who has none

    @property
    def subject(self) -> str:
        """Return under what the audit log names them: a pseudonymous id."""
        if self.customer_ids:
            return f"customer:{self.customer_ids[0]}"
        return f"thread:{self.thread_ids[0]}" if self.thread_ids else "customer of the shop"

    @property
    def ids(self) -> list[str]:
        return [*self.customer_ids, *self.thread_ids, *self.channel_users, *self.conversation_ids]


def find_person(connection: sa.Connection, cipher: Cipher, wanted: str, *, proven: bool = False) -> Person:
    """Return who has this id, number at the shop, phone, e-mail, or (for a visitor without a record) thread or conversation.

    With `proven`, anonymous threads that have proven an order of this person and of nobody else are theirs too.
    Raises NotFoundError for nobody, and InputError when it fits several people.
    """
    wanted = wanted.strip()
    thread_ids: set[str] = set()
    ids = _records(connection, cipher, wanted)
    if not ids:
        thread_ids, ids = _by_thread(connection, wanted)
    thread_ids |= _by_address(connection, {wanted}, ids)
    people = {frozenset(one_person(connection, [one])) for one in ids}
    if len(people) > 1:
        names = ", ".join(sorted(min(one) for one in people))
        raise InputError(f"{len(people)} people fit what you gave; name one by id: {names}")
    records = set(next(iter(people), frozenset()))
    number = sa.select(shop_customers.c.customer_id).where(shop_customers.c.customer_id == wanted)
    numbers = {str(one) for one in connection.execute(number).scalars()}
    if not records and not thread_ids and not numbers:
        raise NotFoundError(
            "nobody fits what you gave; give the shop's customer number, a customer's id, a phone number or an e-mail address"
        )
    thread_ids |= _by_address(connection, _addresses(connection, cipher, records), records)
    return _person(connection, records, numbers, thread_ids, proven=proven)


def _records(connection: sa.Connection, cipher: Cipher, wanted: str) -> set[str]:
    by_key = sa.select(customers.c.id).where(sa.or_(customers.c.id == wanted, customers.c.shop_customer_id == wanted))
    found = set(connection.execute(by_key).scalars())
    if found:
        return found
    phones = [index for text in _spellings(wanted) for index in cipher.indexes(text, column="customer_identities.phone")]
    emails = cipher.indexes(wanted.lower(), column="customer_identities.email")
    by_index = sa.or_(customer_identities.c.phone_index.in_(phones), customer_identities.c.email_index.in_(emails))
    return set(connection.execute(sa.select(customer_identities.c.customer_id).where(by_index)).scalars())


def _by_thread(connection: sa.Connection, wanted: str) -> tuple[set[str], set[str]]:
    """Return the thread of this id, or of this conversation, and its customer where it has one."""
    theirs = sa.select(conversations.c.thread_id).where(conversations.c.id == wanted)
    query = sa.select(threads.c.id, threads.c.customer_id).where(sa.or_(threads.c.id == wanted, threads.c.id.in_(theirs)))
    row = connection.execute(query).first()
    if row is None:
        return set(), set()
    return {row.id}, {row.customer_id} if row.customer_id else set()


def _addresses(connection: sa.Connection, cipher: Cipher, records: set[str]) -> set[str]:
    """Return the e-mail addresses and phone numbers on these records."""
    names = ("email", "phone")
    query = sa.select(customer_identities).where(customer_identities.c.customer_id.in_(records))
    rows = connection.execute(query).mappings().all()
    return {cipher.decrypt(row[name], column=f"customer_identities.{name}") for row in rows for name in names if row[name]}


def _by_address(connection: sa.Connection, addresses: set[str], records: set[str]) -> set[str]:
    """Return the threads of channels on which these addresses and numbers are the customer's id, unless another record has them."""
    user = threads.c.channel_user
    numbers = [number for address in addresses for number in _spellings(address) if number.startswith("+")]
    by_mail = [user.startswith(f"{address.lower()}/", autoescape=True) for address in addresses if "@" in address]
    query = (
        sa.select(threads.c.id)
        .join(inboxes, inboxes.c.id == threads.c.inbox_id)
        .where(
            sa.or_(
                sa.and_(inboxes.c.channel == "email", sa.or_(sa.false(), *by_mail)),
                sa.and_(inboxes.c.channel == "sms", user.in_(numbers)),
                sa.and_(inboxes.c.channel == "whatsapp", user.in_([each.removeprefix("+") for each in numbers])),
            ),
            sa.or_(threads.c.customer_id.is_(None), threads.c.customer_id.in_(records)),
        )
    )
    return set(connection.execute(query).scalars())


def _spellings(phone: str) -> list[str]:
    """Return the number as it was given and as E.164, under which it is stored."""
    try:
        parsed = phonenumbers.parse(phone, REGION)
    except phonenumbers.NumberParseException:
        return [phone]
    return [phone, phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)]


def _person(connection: sa.Connection, records: set[str], numbers: set[str], thread_ids: set[str], *, proven: bool) -> Person:
    rows = connection.execute(
        sa.select(customers).where(customers.c.id.in_(records)).order_by(customers.c.created_at, customers.c.id)
    ).all()
    numbers |= {row.shop_customer_id for row in rows if row.shop_customer_id}
    thread_ids |= set(connection.execute(sa.select(threads.c.id).where(threads.c.customer_id.in_(records))).scalars())
    if proven:
        thread_ids |= _proven(connection, numbers)
    channel_users = connection.execute(sa.select(threads.c.channel_user).where(threads.c.id.in_(thread_ids))).scalars()
    theirs = connection.execute(sa.select(conversations.c.id).where(conversations.c.thread_id.in_(thread_ids))).scalars()
    return Person(
        customer_ids=tuple(row.id for row in rows),
        numbers=_sorted(numbers),
        thread_ids=_sorted(thread_ids),
        channel_users=_sorted(channel_users),
        conversation_ids=_sorted(theirs),
        since=rows[0].created_at if rows else None,
    )


def _proven(connection: sa.Connection, numbers: set[str]) -> set[str]:
    """Return anonymous threads that have proven orders of these numbers and of no other."""
    succeeded = proof_attempts.c.succeeded.is_(True)
    others = sa.select(proof_attempts.c.thread_id).where(succeeded, proof_attempts.c.shop_customer_id.not_in(numbers))
    query = (
        sa.select(threads.c.id)
        .join(proof_attempts, proof_attempts.c.thread_id == threads.c.id)
        .where(threads.c.customer_id.is_(None), succeeded, proof_attempts.c.shop_customer_id.in_(numbers), threads.c.id.not_in(others))
    )
    return set(connection.execute(query).scalars())


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
