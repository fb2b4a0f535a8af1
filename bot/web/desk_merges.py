"""The supervisor's calls for records that look like one person: what speaks for it, both records side by side, and the decision."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import accounts
from bot.conversations.accounts import Session
from bot.conversations.services import Services
from bot.customers.events import Kind
from bot.customers.resolve import merges
from bot.database.conversations import conversations, threads
from bot.database.intelligence import customer_events, customer_keys, merge_suggestions
from bot.database.people import agents, customer_identities, customers
from bot.errors import ForbiddenError, InputError, NotFoundError
from bot.shop.masking import masked
from bot.shop.protocol import Contact
from bot.web.desk import session_of
from bot.web.requests import answer, body, services
from bot.web.views import iso

PAGE = 50
FARTHEST = 10_000
FIELDS = ("name", "phone", "email", "address", "birth_date")
ACTIONS = {"accept": "merge", "refuse": "refuse_merge", "take_back": "unmerge"}  # as the commands write them into the audit log

blueprint = Blueprint("desk_merges", url_prefix="/api/desk/merges")


class DecisionBody(msgspec.Struct, forbid_unknown_fields=True):
    decision: Literal["accept", "refuse", "take_back"]


async def supervisor(request: Request) -> Session:
    """Return who is at the desk; a wrong merge shows somebody another's orders, so only supervisors decide."""
    session = await session_of(request)
    if session.agent.role != "supervisor":
        raise ForbiddenError("only supervisors decide whether two records are one person")
    return session


@blueprint.get("/")
async def list_suggestions(request: Request) -> HTTPResponse:
    """Answer one page: those to decide on, the likeliest first; or with `status=decided` the latest decisions."""
    await supervisor(request)
    status, start = request.args.get("status", "open"), request.args.get("start", "0")
    if status not in {"open", "decided"}:
        raise InputError(f"status is {status[:32]!r}; allowed are open, decided")
    if not (start.isdecimal() and int(start) <= FARTHEST):
        raise InputError(f"start is {start[:32]!r}; allowed are 0 to {FARTHEST}")
    suggestion = merge_suggestions.c
    which = (suggestion.status == "open") if status == "open" else (suggestion.status != "open")
    order = suggestion.probability.desc() if status == "open" else suggestion.decided_at.desc()
    query = sa.select(merge_suggestions).where(which).order_by(order, suggestion.id).offset(int(start)).limit(PAGE + 1)
    box = services(request)
    async with box.database.read() as connection:
        rows = (await connection.execute(query)).all()
        names = await _names(box, connection, {one for row in rows[:PAGE] for one in (row.left_id, row.right_id)})
    lines = [_line(row) | {"names": [names[row.left_id], names[row.right_id]]} for row in rows[:PAGE]]
    return answer({"suggestions": lines, "more": len(rows) > PAGE})


@blueprint.get("/<suggestion_id:str>")
async def show(request: Request, suggestion_id: str) -> HTTPResponse:
    """Answer with both records side by side, masked."""
    await supervisor(request)
    return answer(await _view(services(request), suggestion_id))


@blueprint.post("/<suggestion_id:str>/reveal")
async def reveal(request: Request, suggestion_id: str) -> HTTPResponse:
    """Answer with both records in clear; the look is logged before it is given."""
    session = await supervisor(request)
    box = services(request)
    async with box.database.write() as connection:
        await _suggestion(connection, suggestion_id)
        actor = f"agent:{session.agent.id}"
        await accounts.audit(connection, actor=actor, action="reveal", subject=f"suggestion:{suggestion_id}")
    return answer(await _view(box, suggestion_id, clear=True))


@blueprint.post("/<suggestion_id:str>/decision")
async def decide(request: Request, suggestion_id: str) -> HTTPResponse:
    """Merge the two, say that they are two people, or take the decision back."""
    session = await supervisor(request)
    wanted, actor = body(request, DecisionBody).decision, f"agent:{session.agent.id}"

    def carry_out(plain: sa.Connection) -> None:
        if wanted == "accept":
            merges.accept(plain, suggestion_id, actor=actor)
        elif wanted == "refuse":
            merges.refuse(plain, suggestion_id, actor=actor)
        else:
            merges.take_back(plain, suggestion_id, actor=actor)

    box = services(request)
    async with box.database.write() as connection:
        await connection.run_sync(carry_out)
        await accounts.audit(connection, actor=actor, action=ACTIONS[wanted], subject=f"suggestion:{suggestion_id}")
    return answer(await _view(box, suggestion_id))


async def _suggestion(connection: AsyncConnection, suggestion_id: str) -> sa.Row[Any]:
    row = (await connection.execute(sa.select(merge_suggestions).where(merge_suggestions.c.id == suggestion_id))).first()
    if row is None:
        raise NotFoundError(f"there is no suggestion {suggestion_id[:40]!r}")
    return row


def _line(row: sa.Row[Any]) -> dict[str, Any]:
    return {"id": row.id, "status": row.status, "probability": round(row.probability, 4), "decided_at": iso(row.decided_at)}


async def _names(box: Services, connection: AsyncConnection, customer_ids: set[str]) -> dict[str, str]:
    """Return what each record is called in a list; one without a name has a label such as #64E5."""
    query = sa.select(customer_identities.c.customer_id, customer_identities.c.name).where(
        customer_identities.c.customer_id.in_(customer_ids)
    )
    sealed = {row.customer_id: row.name for row in await connection.execute(query) if row.name}
    opened = {one: box.cipher.decrypt(name, column="customer_identities.name") for one, name in sealed.items()}
    return {one: opened.get(one) or f"#{one[-4:].upper()}" for one in customer_ids}


async def _view(box: Services, suggestion_id: str, *, clear: bool = False) -> dict[str, Any]:
    async with box.database.read() as connection:
        row = await _suggestion(connection, suggestion_id)
        found = [await _record(box, connection, one) for one in (row.left_id, row.right_id)]
        by = await connection.scalar(sa.select(agents.c.display_name).where(sa.literal("agent:") + agents.c.id == row.decided_by))
    left, right = (values for _, values in found)
    evidence = [{"field": field, "bits": bits if isinstance(bits, int | float) else None} for field, bits in row.reasons.items()]
    return {
        "suggestion": _line(row) | {"decided_by": by or row.decided_by},
        "evidence": sorted(evidence, key=lambda one: -abs(one["bits"] or 0)),
        "same": [field for field in FIELDS if left[field] and left[field] == right[field]],
        "records": [facts | (values if clear else _masked(values)) for facts, values in found],
        "clear": clear,
    }


async def _record(box: Services, connection: AsyncConnection, customer_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what is known of a record, and its personal data in clear."""
    row = (await connection.execute(sa.select(customers).where(customers.c.id == customer_id))).one()
    identity = (
        (await connection.execute(sa.select(customer_identities).where(customer_identities.c.customer_id == customer_id)))
        .mappings()
        .first()
    )
    sealed = {field: identity[field] if identity else None for field in FIELDS}
    values = {field: box.cipher.decrypt(value, column=f"customer_identities.{field}") if value else "" for field, value in sealed.items()}
    sources = (
        sa.select(customer_keys.c.source).where(customer_keys.c.customer_id == customer_id).distinct().order_by(customer_keys.c.source)
    )
    event = customer_events.c
    standing = (event.customer_id == customer_id, event.superseded_at.is_(None), sa.not_(event.withdrawn))
    placed = sa.select(sa.func.count(), sa.func.max(event.at)).where(*standing, event.kind == Kind.ORDER_PLACED.value)
    orders, last = (await connection.execute(placed)).one()
    talks = sa.select(sa.func.count()).select_from(conversations.join(threads, threads.c.id == conversations.c.thread_id))
    facts = {
        "id": customer_id,
        "number": row.shop_customer_id,
        "sources": list((await connection.execute(sources)).scalars()),
        "since": iso(row.created_at),
        "orders": orders,
        "last_order_at": iso(last),
        "conversations": await connection.scalar(talks.where(threads.c.customer_id == customer_id)),
        "objects": row.objects_to_profiling,
    }
    return facts, values


def _masked(values: dict[str, str]) -> dict[str, str]:
    contact = Contact("", values["name"], values["phone"], values["email"], values["address"])
    year = values["birth_date"][:4]
    return {"name": values["name"], **masked(contact), "birth_date": f"{year}-**-**" if year else ""}
