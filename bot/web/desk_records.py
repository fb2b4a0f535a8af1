"""The desk's calls for one customer without a conversation: their record, and a message that an agent writes first."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.conversations import accounts
from bot.conversations.outreach import best_way, write_first
from bot.database.people import customers
from bot.errors import InputError, NotFoundError
from bot.privacy.objection import set_objection
from bot.web.desk import REVEALABLE, RevealBody, session_of
from bot.web.desk_privacy import ProfilingBody
from bot.web.panel import contact_of, customer_panel
from bot.web.requests import answer, body, limit, services

FIRST_WORDS_AN_HOUR = 60  # of one agent: to write to customers one by one, not to send a mailing

blueprint = Blueprint("desk_records", url_prefix="/api/desk/customers")


class FirstWordsBody(msgspec.Struct, forbid_unknown_fields=True):
    client_id: str
    text: str


@blueprint.get("/<customer_id:str>")
async def show(request: Request, customer_id: str) -> HTTPResponse:
    """Answer with the panel, and how the customer can be written to."""
    await session_of(request)
    return answer(await _view(request, await _kept(request, customer_id)))


@blueprint.post("/<customer_id:str>/reveal")
async def reveal(request: Request, customer_id: str) -> HTTPResponse:
    """Show one piece of personal data in clear; the look is logged before it is given."""
    session = await session_of(request)
    wanted = body(request, RevealBody)
    if wanted.field not in REVEALABLE:
        raise InputError(f"field is {wanted.field[:32]!r}; allowed are {', '.join(REVEALABLE)}")
    kept = await _kept(request, customer_id)
    async with services(request).database.write() as connection:
        actor = f"agent:{session.agent.id}"
        await accounts.audit(connection, actor=actor, action="reveal", subject=f"customer:{kept}", field=wanted.field)
    return answer({"value": getattr(await contact_of(services(request), kept), wanted.field)})


@blueprint.post("/<customer_id:str>/profiling")
async def profiling(request: Request, customer_id: str) -> HTTPResponse:
    """Note that the customer objects to profiling or takes it back; answer with the record as it is from now on."""
    session = await session_of(request)
    wanted = body(request, ProfilingBody)
    kept = await _kept(request, customer_id)

    def note(plain: sa.Connection) -> Any:
        return set_objection(plain, kept, objects=wanted.objects, actor=f"agent:{session.agent.id}")

    async with services(request).database.write() as connection:
        await connection.run_sync(note)
    return answer(await _view(request, kept))


@blueprint.post("/<customer_id:str>/messages")
async def write(request: Request, customer_id: str) -> HTTPResponse:
    """Send the agent's message; answer with its conversation."""
    session = await session_of(request)
    wanted = body(request, FirstWordsBody)
    if not 1 <= len(wanted.client_id) <= 58:
        raise InputError(f"client_id has {len(wanted.client_id)} characters; allowed are 1 to 58, for example a UUID")
    await limit(request, f"outreach:{session.agent.id}", times=FIRST_WORDS_AN_HOUR, per_s=3600)
    kept = await _kept(request, customer_id)
    box, channels = services(request), request.app.ctx.channels
    conversation_id = await write_first(
        box, channels, agent_id=session.agent.id, customer_id=kept, client_id=wanted.client_id, text=wanted.text
    )
    return answer({"conversation_id": conversation_id})


async def _kept(request: Request, customer_id: str) -> str:
    """Return the record that is kept of this person; NotFoundError when there is none of this id."""
    query = sa.select(sa.func.coalesce(customers.c.merged_into, customers.c.id)).where(customers.c.id == customer_id)
    async with services(request).database.read() as connection:
        kept = await connection.scalar(query)
    if kept is None:
        raise NotFoundError(f"there is no customer {customer_id[:40]!r}")
    return str(kept)


async def _view(request: Request, customer_id: str) -> dict[str, Any]:
    box = services(request)
    async with box.database.read() as connection:
        way = await best_way(connection, request.app.ctx.channels, customer_id)
    reach = {"channel": way.channel, "reach": way.reach, "conversation_id": way.conversation_id or None} if way else None
    return {"customer": await customer_panel(box, customer_id), "way": reach}
