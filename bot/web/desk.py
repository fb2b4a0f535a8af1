"""The desk's calls: log in, see the queue, claim, reply, resolve, reveal."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.conversations import accounts, store
from bot.conversations.accounts import Session
from bot.conversations.links import known_customer
from bot.conversations.shift import begin_shift, choose_presence
from bot.conversations.transfer import Wish, colleagues_for, transfer
from bot.database.conversations import threads
from bot.errors import AuthError, ForbiddenError, InputError, NotFoundError
from bot.messages import Status
from bot.redis import REDIS_DOWN
from bot.web.board import look_at, queue_view
from bot.web.deliveries import delivery_view, repeat
from bot.web.entries import escalation_view, past_entries
from bot.web.origins import check_origin
from bot.web.panel import contact_of, customer_panel
from bot.web.requests import answer, body, caller, limit, services, uncount
from bot.web.views import conversation_view, message_view, messages_view

COOKIE = "yingda_session"
LONGEST_CONVERSATION = 5000  # messages shown at once; more come over the live connection
REVEALABLE = ("phone", "email", "address")

blueprint = Blueprint("desk", url_prefix="/api/desk")


class LoginBody(msgspec.Struct, forbid_unknown_fields=True):
    username: str
    password: str


class ClaimBody(msgspec.Struct, forbid_unknown_fields=True):
    escalation_id: str = ""


class ReplyBody(msgspec.Struct, forbid_unknown_fields=True):
    client_id: str
    text: str


class TransferBody(msgspec.Struct, forbid_unknown_fields=True):
    agent_id: str = ""
    topic: str = ""
    note: str = ""


class RevealBody(msgspec.Struct, forbid_unknown_fields=True):
    field: str


class PresenceBody(msgspec.Struct, forbid_unknown_fields=True):
    presence: str


async def session_of(request: Request) -> Session:
    """Return who is at the desk; what changes something must carry the session's CSRF token and come from our own pages."""
    session = await services(request).sessions.of(request.cookies.get(COOKIE))
    if request.method not in {"GET", "HEAD"}:
        check_origin(request, own_only=True)
        if not accounts.same(request.headers.get("X-CSRF-Token", ""), session.csrf_token):
            raise ForbiddenError("the header X-CSRF-Token is missing or not this session's; load the desk again")
    return session


async def check_own(request: Request, conversation_id: str) -> Session:
    """Return the session; ForbiddenError unless the conversation is this agent's, or was theirs last, or they are a supervisor."""
    session = await session_of(request)
    async with services(request).database.read() as connection:
        row = await store.conversation(connection, conversation_id)
    if row.agent_id != session.agent.id and session.agent.role != "supervisor":
        raise ForbiddenError("this conversation is not yours; its agent or a supervisor does this")
    return session


@blueprint.post("/login")
async def login(request: Request) -> HTTPResponse:
    check_origin(request, own_only=True)
    wanted = body(request, LoginBody)
    # Counted before the password is looked at, so that many at once are not more; who knows it has not guessed, not before either.
    # One after the other: who is refused adds nothing to the next count, and nobody locks a name for others with a few tries.
    name = wanted.username[:64].lower()
    here, account = f"login:ip:{caller(request)}", f"login:name:{name}"
    mine = f"login:both:{caller(request)}:{name}"
    for counted, times in {here: 30, mine: 10, account: 200}.items():
        await limit(request, counted, times=times, per_s=900)
    database = services(request).database
    agent = await accounts.agent_by_username(database, wanted.username[:64])
    # Without an agent a hash is verified all the same: the time taken must not tell which usernames exist.
    known = agent.password_hash if agent is not None else request.app.ctx.no_agent_hash
    matches = await asyncio.to_thread(accounts.password_matches, known, wanted.password[:200])
    if agent is None or not matches:
        raise AuthError("username or password is wrong")
    await uncount(request, here)
    await uncount(request, mine, those_before=True)
    await uncount(request, account)
    token, csrf = await accounts.open_session(database, agent)
    await begin_shift(services(request), agent.id)
    response = answer({"agent": agent_view(agent), "csrf": csrf})
    response.add_cookie(
        COOKIE,
        token,
        httponly=True,
        samesite="Strict",
        secure=request.app.ctx.settings.public_url.startswith("https://"),
        path="/",
        max_age=int(accounts.SESSION_LIFE.total_seconds()),
    )
    return response


@blueprint.get("/me")
async def me(request: Request) -> HTTPResponse:
    session = await session_of(request)
    return answer({"agent": agent_view(session.agent), "csrf": session.csrf_token})


@blueprint.post("/logout")
async def logout(request: Request) -> HTTPResponse:
    session = await session_of(request)
    await accounts.close_session(services(request).database, request.cookies.get(COOKIE) or "")
    with contextlib.suppress(*REDIS_DOWN):  # without beats the presence ends by itself
        await services(request).presence.leave(session.agent.id)
    response = answer({})
    response.delete_cookie(COOKIE, path="/")
    return response


@blueprint.get("/queue")
async def queue(request: Request) -> HTTPResponse:
    session = await session_of(request)
    box = services(request)
    return answer(queue_view(session.agent, await look_at(box), await request.app.ctx.board.own(session.agent.id)))


@blueprint.post("/claim")
async def claim(request: Request) -> HTTPResponse:
    session = await session_of(request)
    wanted = body(request, ClaimBody)
    conversation_id = await request.app.ctx.assignment.claim(session.agent, chosen=wanted.escalation_id[:36])
    return answer({"conversation_id": conversation_id})


@blueprint.get("/conversations")
async def past(request: Request) -> HTTPResponse:
    session = await session_of(request)
    status, wanted = request.args.get("status", ""), request.args.get("q", "")
    if status and status not in set(Status):
        raise InputError(f"status is {status[:32]!r}; allowed are {', '.join(Status)}")
    found = await past_entries(services(request), status=status, wanted=wanted[:100])
    if wanted.strip():
        await services(request).looks.by_search(session.agent.id, found=len(found))
    return answer({"conversations": found})


@blueprint.get("/conversations/<conversation_id:str>")
async def show(request: Request, conversation_id: str) -> HTTPResponse:
    session = await session_of(request)
    box = services(request)
    async with box.database.read() as connection:
        row = await store.conversation(connection, conversation_id)
        customer_id, known_by = await known_customer(connection, row.thread_id)
        said = await store.messages_after(connection, conversation_id, 0, limit=LONGEST_CONVERSATION)
        delivery = await delivery_view(connection, request.app.ctx.channels, row)
        linkable = delivery is not None and bool(box.settings.link_page)
        view = {
            "conversation": await conversation_view(connection, row) | {"delivery": delivery, "linkable": linkable},
            "messages": await messages_view(connection, said, desk=True),
            "escalation": await escalation_view(connection, conversation_id),
        }
    await box.looks.at_conversation(session.agent.id, conversation_id, owner=row.agent_id)
    panel = await customer_panel(box, customer_id) | {"known_by": known_by} if customer_id else None
    return answer(view | {"customer": panel})


@blueprint.post("/conversations/<conversation_id:str>/messages")
async def reply(request: Request, conversation_id: str) -> HTTPResponse:
    session = await session_of(request)
    wanted = body(request, ReplyBody)
    client_id = check_client_id(wanted.client_id)
    message = await request.app.ctx.service.reply_as_agent(session.agent.id, conversation_id, client_id=client_id, text=wanted.text)
    return answer({"message": message_view(message, {session.agent.id: session.agent.display_name}, desk=True)})


def check_client_id(client_id: str) -> str:
    if not 1 <= len(client_id) <= 58:
        raise InputError(f"client_id has {len(client_id)} characters; allowed are 1 to 58, for example a UUID")
    return client_id


@blueprint.post("/conversations/<conversation_id:str>/messages/<message_id:str>/repeat")
async def repeat_message(request: Request, conversation_id: str, message_id: str) -> HTTPResponse:
    """Send again what its channel did not deliver."""
    await check_own(request, conversation_id)
    await repeat(services(request), conversation_id, message_id)
    return answer({})


@blueprint.post("/conversations/<conversation_id:str>/resolve")
async def resolve(request: Request, conversation_id: str) -> HTTPResponse:
    session = await session_of(request)
    await request.app.ctx.service.resolve(session.agent.id, conversation_id)
    return answer({})


@blueprint.post("/conversations/<conversation_id:str>/return")
async def return_to_bot(request: Request, conversation_id: str) -> HTTPResponse:
    agent_id = (await session_of(request)).agent.id
    service = request.app.ctx.service
    await service.return_to_bot(conversation_id, actor=f"agent:{agent_id}", expected=Status.AGENT, agent_id=agent_id)
    return answer({})


@blueprint.get("/conversations/<conversation_id:str>/colleagues")
async def colleagues(request: Request, conversation_id: str) -> HTTPResponse:
    """Say to whom this conversation can be passed on."""
    await session_of(request)
    return answer(await colleagues_for(services(request), conversation_id))


@blueprint.post("/conversations/<conversation_id:str>/transfer")
async def pass_on(request: Request, conversation_id: str) -> HTTPResponse:
    session = await session_of(request)
    wanted = body(request, TransferBody)
    wish = Wish(agent_id=wanted.agent_id[:36], topic=wanted.topic[:32], note=wanted.note)
    await transfer(services(request), request.app.ctx.assignment, session.agent, conversation_id, wish)
    return answer({})


@blueprint.post("/conversations/<conversation_id:str>/reveal")
async def reveal(request: Request, conversation_id: str) -> HTTPResponse:
    """Show one piece of personal data in clear; the look is logged before it is given."""
    session = await session_of(request)
    wanted = body(request, RevealBody)
    if wanted.field not in REVEALABLE:
        raise InputError(f"field is {wanted.field[:32]!r}; allowed are {', '.join(REVEALABLE)}")
    box = services(request)
    async with box.database.write() as connection:
        row = await store.conversation(connection, conversation_id)
        customer_id = await _customer_id(connection, row.thread_id)
        if customer_id is None:
            raise NotFoundError("this visitor is not identified; there is nothing to reveal")
        actor = f"agent:{session.agent.id}"
        await accounts.audit(connection, actor=actor, action="reveal", subject=f"customer:{customer_id}", field=wanted.field)
    return answer({"value": getattr(await contact_of(box, customer_id), wanted.field)})


@blueprint.put("/presence")
async def presence(request: Request) -> HTTPResponse:
    session = await session_of(request)
    wanted = body(request, PresenceBody)
    return answer({"presence": await choose_presence(services(request), session.agent.id, wanted.presence)})


async def _customer_id(connection: Any, thread_id: str) -> str | None:
    found: str | None = await connection.scalar(sa.select(threads.c.customer_id).where(threads.c.id == thread_id))
    return found


def agent_view(agent: store.Row) -> dict[str, Any]:
    return {
        "id": agent.id,
        "username": agent.username,
        "display_name": agent.display_name,
        "role": agent.role,
        "languages": agent.languages,
    }
