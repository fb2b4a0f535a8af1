"""The desk's list of customers: whom the company is likely to lose most with, one click from their conversation."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations.services import Services
from bot.customers.holdout import held_out
from bot.customers.profile import Profile
from bot.database.conversations import conversations, threads
from bot.database.people import customer_identities, customer_profiles, customers
from bot.errors import InputError
from bot.web.desk import session_of
from bot.web.panel import profile_view
from bot.web.requests import answer, services
from bot.web.views import iso

PAGE = 50
FARTHEST = 10_000  # rows that can be paged through; whoever looks further filters

blueprint = Blueprint("desk_customers", url_prefix="/api/desk/customers")


@blueprint.get("/")
async def list_customers(request: Request) -> HTTPResponse:
    """Answer one page, the highest expected loss first; `level` keeps those of one risk."""
    await session_of(request)
    level, start = request.args.get("level", ""), request.args.get("start", "0")
    if level not in {"", "low", "medium", "high"}:
        raise InputError(f"level is {level[:32]!r}; allowed are low, medium, high")
    if not (start.isdecimal() and int(start) <= FARTHEST):
        raise InputError(f"start is {start[:32]!r}; allowed are 0 to {FARTHEST}")
    rows, more = await _page(services(request), level=level, start=int(start))
    return answer({"customers": rows, "more": more})


async def _page(services: Services, *, level: str, start: int) -> tuple[list[dict[str, Any]], bool]:
    query = (
        sa.select(customer_profiles.c.customer_id, customer_profiles.c.record, customers.c.shop_customer_id, customer_identities.c.name)
        .join(customers, customers.c.id == customer_profiles.c.customer_id)
        .outerjoin(customer_identities, customer_identities.c.customer_id == customers.c.id)
        .where(customers.c.objects_to_profiling.is_(False), customers.c.merged_into.is_(None))
        .order_by(customer_profiles.c.expected_loss_minor.desc(), customer_profiles.c.customer_id)
        .offset(start)
        .limit(PAGE + 1)
    )
    if level:
        query = query.where(customer_profiles.c.record["churn"]["level"].as_string() == level)
    async with services.database.read() as connection:
        found = (await connection.execute(query)).all()
        latest = await _latest_conversations(connection, [row.customer_id for row in found])
    return [_line(services, row, latest.get(row.customer_id)) for row in found[:PAGE]], len(found) > PAGE


async def _latest_conversations(connection: AsyncConnection, customer_ids: list[str]) -> dict[str, str]:
    """Return each person's newest conversation, under whichever of their records it was held; ids grow with time."""
    person = sa.func.coalesce(customers.c.merged_into, customers.c.id)
    query = (
        sa.select(person, sa.func.max(conversations.c.id))
        .select_from(conversations)
        .join(threads, threads.c.id == conversations.c.thread_id)
        .join(customers, customers.c.id == threads.c.customer_id)
        .where(sa.or_(customers.c.id.in_(customer_ids), customers.c.merged_into.in_(customer_ids)))
        .group_by(person)
    )
    return {customer_id: newest for customer_id, newest in await connection.execute(query)}


def _line(services: Services, row: sa.Row[Any], conversation_id: str | None) -> dict[str, Any]:
    profile = msgspec.convert(row.record, Profile)
    profile = msgspec.structs.replace(profile, held_out=held_out(row.shop_customer_id or row.customer_id))
    name = services.cipher.decrypt(row.name, column="customer_identities.name") if row.name else ""
    return {
        "id": row.shop_customer_id or row.customer_id,
        "record_id": row.customer_id,
        "customer": name or f"#{row.customer_id[-4:].upper()}",
        "conversation_id": conversation_id,
        "last_order_at": iso(profile.last_order_at),
        **profile_view(profile),
    }
