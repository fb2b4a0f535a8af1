"""The customer panel at the desk: who this is, masked; what they bought; how likely they are to leave, and why."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa

from bot.conversations.services import Services
from bot.customers.profile import Profile, read_profile
from bot.customers.words import next_action, reason_words, segment_words
from bot.database.people import customer_identities, customers
from bot.errors import BotError
from bot.languages import LANGUAGES, notice
from bot.shop.masking import masked
from bot.shop.protocol import Contact, Money, Order
from bot.web.greeting import money_text
from bot.web.views import iso

log = logging.getLogger(__name__)


async def customer_panel(services: Services, customer_id: str) -> dict[str, Any]:
    """Return what the desk shows; parts that the shop does not give now are left out, the rest stays."""
    async with services.database.read() as connection:
        row = (await connection.execute(sa.select(customers).where(customers.c.id == customer_id))).one()
    profile = await read_profile(services.database, customer_id)
    panel: dict[str, Any] = {"id": row.shop_customer_id or customer_id, "record_id": row.merged_into or customer_id}
    panel |= {"language": row.language, "name": "", "orders": []}
    panel |= {"phone": "", "email": "", "address": "", "membership": None, "recommendations": [], "objects": row.objects_to_profiling}
    panel |= profile_view(profile)
    if row.shop_customer_id:
        try:
            await _from_shop(services, row.shop_customer_id, profile, panel)
        except BotError as error:
            log.warning("the panel of customer %s is not complete: %s", customer_id, error)
    else:
        contact = await ingested_contact(services, customer_id)
        panel |= {"name": contact.name, **masked(contact)}
    return panel


async def contact_of(services: Services, customer_id: str) -> Contact:
    """Return how a customer is reached: as the shop says, or for who is no customer of the shop as a source has told."""
    async with services.database.read() as connection:
        number = await connection.scalar(sa.select(customers.c.shop_customer_id).where(customers.c.id == customer_id))
    return await services.shop.contact(number) if number else await ingested_contact(services, customer_id)


async def ingested_contact(services: Services, customer_id: str) -> Contact:
    """Return what the sources have told of this person, under whichever of their records; what none has told is empty."""
    query = (
        sa.select(customer_identities)
        .join(customers, customers.c.id == customer_identities.c.customer_id)
        .where(sa.or_(customers.c.id == customer_id, customers.c.merged_into == customer_id))
        .order_by(customers.c.merged_into.is_not(None), customers.c.id)  # the kept record first
    )
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).mappings().all()

    def told(field: str) -> str:
        sealed = next((row[field] for row in rows if row[field]), None)
        return services.cipher.decrypt(sealed, column=f"customer_identities.{field}") if sealed else ""

    return Contact(customer_id, told("name"), told("phone"), told("email"), told("address"))


async def _from_shop(services: Services, number: str, profile: Profile | None, panel: dict[str, Any]) -> None:
    shop = services.shop
    contact = await shop.contact(number)
    panel |= {"name": contact.name, **masked(contact)}
    panel["orders"] = [_order_view(order) for order in await shop.orders(number, limit=5)]
    if profile:
        panel["recommendations"] = [
            {"sku": product.sku, "zh": product.name_zh, "en": product.name_en, "price": money_text(product.price)}
            for product in await shop.products(profile.recommendations[:3])
        ]
    try:
        membership = await shop.membership(number)
    except BotError:
        return  # no member
    panel["membership"] = {"tier": membership.tier, "status": membership.status, "renews_at": iso(membership.renews_at)}


def profile_view(profile: Profile | None) -> dict[str, Any]:
    """Return what customer intelligence says: segment, risk with reasons, what is at stake, what to do next."""
    if profile is None:
        return {"segment": None, "churn": None, "next_action": None}
    churn = None
    if profile.churn:
        churn = {
            "probability": round(profile.churn.probability, 3),
            "level": profile.churn.level,
            "expected_loss": money_text(Money(round(profile.expected_loss_minor, -2), profile.currency)),  # an estimate has no cents
            "held_out": profile.held_out,
            "reasons": [reason_words(reason) for reason in profile.churn.reasons],
        }
    segment = {"key": profile.segment, **segment_words(profile.segment)} if profile.segment else None
    return {"segment": segment, "churn": churn, "next_action": next_action(profile)}


def _order_view(order: Order) -> dict[str, Any]:
    status = {language: notice(f"order_{order.status.value}", language) for language in LANGUAGES}
    return {
        "number": order.number,
        "status": {"key": order.status.value, **status},
        "total": money_text(order.total),
        "placed_at": iso(order.placed_at),
        "items": {
            "zh": "、".join(line.product.name_zh for line in order.lines),
            "en": ", ".join(line.product.name_en for line in order.lines),
        },
    }
