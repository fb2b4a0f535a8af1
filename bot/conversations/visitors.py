"""Who writes on the website: a visitor with our signed token, perhaps a customer whom the shop vouches for with its JWT."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import jwt
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.database import Database
from bot.database.conversations import threads
from bot.database.insert import insert_once
from bot.database.people import customers
from bot.errors import AuthError
from bot.ids import new_id, utcnow
from bot.settings import Settings

VISITOR_LIFE = timedelta(days=180)
CUSTOMER_LIFE = timedelta(hours=12)  # an identified one is vouched for again with every page
ALGORITHM = "HS256"


@dataclass(frozen=True)
class Visitor:
    """One channel identity on the website. `customer_id` is ours, found by the shop's number; empty for the unidentified."""

    inbox_id: str
    channel_user: str
    customer_id: str = ""

    def check(self, customer_id: str | None) -> None:
        """Raise AuthError unless the thread still is whose it was when the token was made.

        Whoever logs in keeps their thread. A token from before, copied at a shared computer, would otherwise speak for them.
        """
        if not is_whose(self.customer_id, customer_id):
            raise not_whose()


class Visitors:
    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    def read(self, token: str) -> Visitor:
        """Return who is behind a visitor's token; AuthError when it is forged, changed or too old."""
        claims = self._decode(token, self._settings.secret_key, audience="visitor", what="visitor token")
        return Visitor(inbox_id=claims["inbox"], channel_user=claims["sub"], customer_id=claims.get("customer", ""))

    def sign(self, visitor: Visitor) -> str:
        life = CUSTOMER_LIFE if visitor.customer_id else VISITOR_LIFE
        claims = {
            "sub": visitor.channel_user,
            "inbox": visitor.inbox_id,
            "customer": visitor.customer_id,
            "aud": "visitor",
            "exp": utcnow() + life,
        }
        return jwt.encode(claims, self._settings.secret_key, algorithm=ALGORITHM)

    def shop_customer_id(self, identity: str) -> str:
        """Return the shop's customer number out of its JWT; AuthError when the shop has not signed it or it is over."""
        claims = self._decode(identity, self._settings.identity_secret, audience=None, what="identity")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 64:
            raise AuthError("the identity's sub must be the shop's customer number, a text of 1 to 64 characters")
        return subject

    def confirmed(self, identity: str) -> tuple[str, str]:
        """Return the customer number and the link's token out of the shop's JWT that confirms a link; AuthError as above."""
        number = self.shop_customer_id(identity)
        token = self._decode(identity, self._settings.identity_secret, audience=None, what="identity").get("link")
        if not isinstance(token, str) or not token:
            raise AuthError("the identity must hold the token of the link that its customer confirms, as `link`")
        return number, token

    async def begin(self, *, inbox_id: str, token: str, identity: str, language: str) -> Visitor:
        """Return who a page that opens the widget speaks for.

        A visitor who logs in keeps their conversation; a customer without a token, or who has said nothing under it, gets their last thread
        back, in which an agent may have written to them; who has logged out, or logs in as somebody else, begins anew.
        """
        before = self._earlier(inbox_id, token)
        if not identity:
            return before if before and not before.customer_id and await self._is_nobodys(before) else _fresh(inbox_id)
        number = self.shop_customer_id(identity)
        async with self._database.write() as connection:
            customer_id = await customer_of(connection, number, language)
            thread = await store.thread_of(connection, inbox_id=inbox_id, channel_user=before.channel_user) if before else None
            if before and thread and thread.customer_id in (None, customer_id) and before.customer_id in ("", customer_id):
                channel_user = before.channel_user
            else:
                channel_user = await _last_thread(connection, inbox_id, customer_id) or _fresh(inbox_id).channel_user
            thread = await store.lock_thread(connection, inbox_id=inbox_id, channel_user=channel_user, language=language)
            await connection.execute(sa.update(threads).where(threads.c.id == thread.id).values(customer_id=customer_id))
        return Visitor(inbox_id=inbox_id, channel_user=channel_user, customer_id=customer_id)

    async def _is_nobodys(self, visitor: Visitor) -> bool:
        async with self._database.read() as connection:
            thread = await store.thread_of(connection, inbox_id=visitor.inbox_id, channel_user=visitor.channel_user)
        return thread is None or thread.customer_id is None

    def _earlier(self, inbox_id: str, token: str) -> Visitor | None:
        """Return the visitor of an earlier token; one that is no good any more is like none."""
        if not token:
            return None
        try:
            visitor = self.read(token)
        except AuthError:
            return None
        return visitor if visitor.inbox_id == inbox_id else None

    def _decode(self, token: str, key: str, *, audience: str | None, what: str) -> dict[str, str]:
        try:
            return dict(
                jwt.decode(
                    token,
                    key,
                    algorithms=[ALGORITHM],
                    audience=audience,
                    options={"require": ["exp", "sub"], "verify_aud": audience is not None},
                    leeway=10,
                )
            )
        except jwt.ExpiredSignatureError as error:
            raise AuthError(f"the {what} is over; open a new session") from error
        except jwt.InvalidTokenError as error:
            raise AuthError(f"the {what} is not valid") from error


def is_whose(claimed: str, customer_id: str | None) -> bool:
    """Say whether a token with this claim is good for a thread of this customer."""
    return claimed == (customer_id or "")


def not_whose() -> AuthError:
    return AuthError("the visitor token is from before somebody logged in or out here; open a new session")


async def thread_of(connection: AsyncConnection, visitor: Visitor) -> store.Row | None:
    """Return the visitor's thread, which their first message makes; AuthError as `Visitor.check`."""
    thread = await store.thread_of(connection, inbox_id=visitor.inbox_id, channel_user=visitor.channel_user)
    if thread is not None:
        visitor.check(thread.customer_id)
    return thread


def _fresh(inbox_id: str) -> Visitor:
    return Visitor(inbox_id=inbox_id, channel_user=new_id())


async def customer_of(connection: AsyncConnection, number: str, language: str) -> str:
    """Return our id of the shop's customer, made at first sight."""
    query = sa.select(customers.c.id).where(customers.c.shop_customer_id == number)
    known = (await connection.execute(query)).scalar_one_or_none()
    if known is None:
        row = {"id": new_id(), "shop_customer_id": number, "language": language, "objects_to_profiling": False, "created_at": utcnow()}
        await insert_once(connection, customers, row)
        known = (await connection.execute(query)).scalar_one()
    return str(known)


async def _last_thread(connection: AsyncConnection, inbox_id: str, customer_id: str) -> str | None:
    query = (
        sa.select(threads.c.channel_user)
        .where(threads.c.inbox_id == inbox_id, threads.c.customer_id == customer_id)
        .order_by(threads.c.created_at.desc())
        .limit(1)
    )
    return (await connection.execute(query)).scalar_one_or_none()
