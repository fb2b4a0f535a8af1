"""Agents' accounts and their sessions at the desk."""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations.store import Row
from bot.conversations.together import Together
from bot.database import Database
from bot.database.people import agent_sessions, agents, audit_log
from bot.errors import AuthError, ConflictError, InputError
from bot.ids import new_id, utcnow

SESSION_LIFE = timedelta(hours=12)  # a working day
AT_ONCE = 64  # sessions of one look
ROLES = ("agent", "supervisor")
SHORTEST_PASSWORD = 10

_hasher = PasswordHasher()  # argon2id with the library's parameters (RFC 9106, low-memory profile)


@dataclass(frozen=True)
class Session:
    agent: Row
    csrf_token: str


def hash_password(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise InputError(f"the password has {len(password)} characters; at least {SHORTEST_PASSWORD} are needed")
    return _hasher.hash(password)


@functools.cache
def nobodys_hash() -> str:
    """Return a hash to verify against when nobody has that name, so that the time tells no names."""
    return hash_password(secrets.token_hex())


def password_matches(password_hash: str, password: str) -> bool:
    """Verify in constant time; slow on purpose (about 50 ms), so run it in a thread."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def new_agent(
    *, username: str, display_name: str, password: str, role: str, languages: list[str], topics: list[str], capacity: int = 10
) -> dict[str, Any]:
    """Return the row of a new agent; InputError names what is not allowed."""
    if role not in ROLES:
        raise InputError(f"role is {role!r}; allowed are {', '.join(ROLES)}")
    if not username.isascii() or not username.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise InputError(f"username is {username!r}; allowed are ASCII letters, digits, dots, dashes and underscores")
    if not languages or set(languages) - {"zh", "en"}:
        raise InputError(f"languages are {languages}; allowed are zh and en, at least one")
    if not 1 <= capacity <= 100:
        raise InputError(f"capacity is {capacity}; allowed are 1 to 100 conversations at a time")
    return {
        "id": new_id(),
        "username": username,
        "display_name": display_name or username,
        "password_hash": hash_password(password),
        "role": role,
        "languages": languages,
        "topics": topics,
        "capacity": capacity,
        "active": True,
        "created_at": utcnow(),
    }


def add_agent(connection: sa.Connection, row: dict[str, Any]) -> None:
    taken = connection.execute(sa.select(agents.c.id).where(agents.c.username == row["username"])).first()
    if taken:
        raise ConflictError(f"there is an agent {row['username']!r} already; choose another username")
    connection.execute(sa.insert(agents).values(**row))


async def open_session(database: Database, agent: Row) -> tuple[str, str]:
    """Return the cookie's value, of which only the hash is kept, and the CSRF token."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    now = utcnow()
    async with database.write() as connection:
        await connection.execute(sa.delete(agent_sessions).where(agent_sessions.c.expires_at < now))
        await connection.execute(
            sa.insert(agent_sessions).values(
                token_hash=_hash(token), agent_id=agent.id, csrf_token=csrf, created_at=now, expires_at=now + SESSION_LIFE
            )
        )
        await audit(connection, actor=f"agent:{agent.id}", action="login", subject=agent.username)
    return token, csrf


_SESSIONS = (  # built once: it is read with every call of a desk
    sa.select(agents, agent_sessions.c.csrf_token, agent_sessions.c.token_hash)
    .join(agent_sessions, agent_sessions.c.agent_id == agents.c.id)
    .where(agent_sessions.c.token_hash.in_(sa.bindparam("tokens", expanding=True)))
    .where(agent_sessions.c.expires_at > sa.bindparam("now"), agents.c.active)
)


class Sessions:
    """Sessions by their cookie; desks whose calls and heartbeats come at the same time share a look into SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together: Together[str, Row | None] = Together(self._read, most=AT_ONCE)

    async def of(self, token: str | None) -> Session:
        """Return the session behind a cookie; AuthError when there is none, it is over, or the agent was deactivated."""
        if not token:
            raise AuthError("you are not logged in")
        row = await self._together.do(_hash(token))
        if row is None:
            raise AuthError("your session is over; log in again")
        return Session(agent=row, csrf_token=row.csrf_token)

    async def _read(self, hashes: Sequence[str]) -> list[Row | None]:
        async with self._database.read() as connection:
            rows = await connection.execute(_SESSIONS, {"tokens": list(set(hashes)), "now": utcnow()})
            found = {row.token_hash: row for row in rows}
        return [found.get(one) for one in hashes]


async def close_session(database: Database, token: str) -> None:
    async with database.write() as connection:
        await connection.execute(sa.delete(agent_sessions).where(agent_sessions.c.token_hash == _hash(token)))


async def agent_by_username(database: Database, username: str) -> Row | None:
    async with database.read() as connection:
        return (await connection.execute(sa.select(agents).where(agents.c.username == username, agents.c.active))).first()


async def audit(connection: AsyncConnection, *, actor: str, action: str, subject: str, **details: object) -> None:
    """Record who looked at or did what; never the personal data itself."""
    await connection.execute(
        sa.insert(audit_log).values(id=new_id(), actor=actor, action=action, subject=subject, details=details, created_at=utcnow())
    )


def same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
