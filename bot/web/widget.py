"""The widget's calls: open a session, send, catch up, rate."""

from __future__ import annotations

from typing import Any

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.conversations import store
from bot.conversations.visitors import Visitor, Visitors, thread_of
from bot.errors import AuthError, InputError, NotFoundError
from bot.messages import InboundMessage, Status
from bot.web.board import Board
from bot.web.callers import Callers
from bot.web.greeting import greeting
from bot.web.requests import answer, body, caller, limit, limit_each, pseudonym, services
from bot.web.views import conversation_view, message_view, messages_view, standing_view

INBOX = "website"
PAGE = 200  # messages in one answer

# A minute's calls of one address, behind which a whole school may sit.
MESSAGES_OF_A_CALLER = 600
CATCH_UPS_OF_A_CALLER = 1200
HUMANS_OF_A_CALLER = 60  # presses of the button that asks for a person
RATINGS_OF_A_CALLER = 120

blueprint = Blueprint("widget", url_prefix="/api/widget")


class SessionBody(msgspec.Struct, forbid_unknown_fields=True):
    inbox: str = INBOX
    language: str = ""
    page: str = ""
    token: str = ""
    identity: str = ""


class MessageBody(msgspec.Struct, forbid_unknown_fields=True):
    client_id: str
    text: str = ""
    button_id: str = ""
    page: str = ""
    language: str = ""


class CsatBody(msgspec.Struct, forbid_unknown_fields=True):
    conversation_id: str
    score: int
    comment: str = ""


@blueprint.post("/session")
async def open_session(request: Request) -> HTTPResponse:
    """Give the page a visitor's token, the greeting, and where the conversation stands."""
    await limit(request, f"session:{caller(request)}", times=120, per_s=60)
    wanted = body(request, SessionBody)
    if wanted.inbox != INBOX:
        raise NotFoundError(f"there is no inbox {wanted.inbox[:64]!r}; this installation has {INBOX!r}")
    box, board = services(request), board_of(request)
    language = _language(wanted.language) or box.settings.default_language
    visitors: Visitors = request.app.ctx.visitors
    visitor = await visitors.begin(inbox_id=INBOX, token=wanted.token, identity=wanted.identity, language=language)
    hello = await greeting(box, visitor, language=language, page=wanted.page[:500])
    async with box.database.read() as connection:
        thread = await store.thread_of(connection, inbox_id=visitor.inbox_id, channel_user=visitor.channel_user)
        newest = await store.newest_conversation(connection, thread.id) if thread else None
        conversation = await conversation_view(connection, newest) if newest is not None else None
    return answer(
        {
            "token": visitors.sign(visitor),
            "language": language,
            "company": {"zh": box.settings.company_name_zh, "en": box.settings.company_name_en},
            "customer": {"name": hello.customer_name} if visitor.customer_id else None,
            "greeting": hello.view(),
            "cursor": "",
            "conversation": await board.placed(conversation) if conversation else None,
        }
    )


@blueprint.get("/messages")
async def catch_up(request: Request) -> HTTPResponse:
    """Return what the visitor has not seen, at most a page of it."""
    visitor = visitor_of(request)
    await limit(request, f"catch_up:ip:{caller(request)}", times=CATCH_UPS_OF_A_CALLER, per_s=60)
    conversation_id, seq = parse_cursor(request.args.get("after", ""))
    box, board = services(request), board_of(request)
    async with box.database.read() as connection:
        thread = await thread_of(connection, visitor)
        if thread is None:
            return answer({"messages": [], "conversation": None, "cursor": "", "more": False})
        found = await store.thread_after(connection, thread.id, conversation_id, seq, limit=PAGE + 1)
        page = found[:PAGE]
        newest = await store.newest_conversation(connection, thread.id)
        conversation = await conversation_view(connection, newest) if newest is not None else None
        views = await messages_view(connection, page, shares=box.shares)
    cursor = f"{page[-1].conversation_id}:{page[-1].seq}" if page else request.args.get("after", "")
    return answer(
        {
            "messages": views,
            "conversation": await board.placed(conversation) if conversation else None,
            "cursor": cursor,
            "more": len(found) > PAGE,
        }
    )


@blueprint.post("/messages")
async def send(request: Request) -> HTTPResponse:
    """Store the message; the 200 is given when it is in SQL."""
    visitor = visitor_of(request)
    wanted = body(request, MessageBody)
    here, callers = caller(request), callers_of(request)
    counted = {f"message:{visitor.channel_user}": 40, f"message:ip:{here}": MESSAGES_OF_A_CALLER}
    if wanted.button_id == "human":
        counted[f"human:ip:{here}"] = HUMANS_OF_A_CALLER
    await limit_each(request, counted, per_s=60)
    if not 1 <= len(wanted.client_id) <= 64:
        raise InputError(f"client_id has {len(wanted.client_id)} characters; allowed are 1 to 64, for example a UUID")
    if bool(wanted.text.strip()) == bool(wanted.button_id):
        raise InputError("send exactly one of text and button_id")
    if not callers.may_begin(here) and not await _goes_on(request, visitor):
        raise callers.refuse_to_begin()
    message = await request.app.ctx.service.receive(
        InboundMessage(
            inbox_id=visitor.inbox_id,
            channel_user=visitor.channel_user,
            client_id=wanted.client_id,
            text=wanted.text,
            button_id=wanted.button_id,
            language_hint=_language(wanted.language),
            page=wanted.page[:500],
            caller=pseudonym(request),
            customer_id=visitor.customer_id,
        )
    )
    if message.seq == 1:
        callers.begins(here)
    standing = await services(request).standings.of(message.conversation_id, message.seq)
    assert standing is not None  # the message stands in it
    view = standing_view(standing.row, standing.row.agent_name)
    return answer({"message": message_view(message, {}), "conversation": await board_of(request).placed(view)})


async def _goes_on(request: Request, visitor: Visitor) -> bool:
    """Say whether what the visitor writes belongs to a conversation that is open."""
    async with services(request).database.read() as connection:
        thread = await thread_of(connection, visitor)
        newest = await store.newest_conversation(connection, thread.id) if thread else None
    return newest is not None and newest.status != Status.RESOLVED


@blueprint.post("/csat")
async def rate(request: Request) -> HTTPResponse:
    visitor = visitor_of(request)
    await limit(request, f"csat:ip:{caller(request)}", times=RATINGS_OF_A_CALLER, per_s=60)
    wanted = body(request, CsatBody)
    async with services(request).database.read() as connection:
        thread = await thread_of(connection, visitor)
    if thread is None:
        raise NotFoundError(f"there is no conversation {wanted.conversation_id[:64]!r} of yours")
    await request.app.ctx.service.rate(thread.id, wanted.conversation_id, score=wanted.score, comment=wanted.comment[:1000])
    return answer({})


def callers_of(request: Request) -> Callers:
    found: Callers = request.app.ctx.callers
    return found


def board_of(request: Request) -> Board:
    found: Board = request.app.ctx.board
    return found


def visitor_of(request: Request) -> Visitor:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise AuthError("send the visitor's token as: Authorization: Bearer <token>")
    visitors: Visitors = request.app.ctx.visitors
    return visitors.read(token)


def parse_cursor(text: Any) -> tuple[str, int]:
    """Return conversation id and seq of a cursor; the empty one is before everything."""
    if not text:
        return "", 0
    conversation_id, separator, seq = str(text).partition(":")
    if not separator or not seq.isdecimal() or len(seq) > 9 or len(conversation_id) > 36:
        raise InputError(f"the cursor is {str(text)[:64]!r}; it must be one that we gave: <conversation id>:<seq>, or empty")
    return conversation_id, int(seq)


def _language(wanted: str) -> str:
    """Return zh or en for a language tag such as zh-CN; empty for anything else, which leaves the choice to us."""
    short = wanted[:2].lower()
    return short if short in {"zh", "en"} else ""
