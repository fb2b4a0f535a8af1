"""What an opened widget shows before anybody has written: a word from the bot, questions that fit, recent orders."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from bot.conversations.services import Services
from bot.conversations.visitors import Visitor
from bot.database.people import customer_identities, customers
from bot.errors import BotError
from bot.languages import notice
from bot.shop.protocol import Money, Order, OrderStatus

QUESTIONS = 5
ORDER_CARDS = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Greeting:
    text: str
    questions: list[tuple[str, str]]  # button id, title
    orders: list[dict[str, Any]] = field(default_factory=list)
    customer_name: str = ""

    def view(self) -> dict[str, Any]:
        return {"text": self.text, "buttons": [{"id": key, "title": title} for key, title in self.questions], "cards": self.orders}


async def greeting(services: Services, visitor: Visitor, *, language: str, page: str) -> Greeting:
    """Return the greeting; without orders and name when the shop does not answer, since a greeting must not fail."""
    settings = services.settings
    company = settings.company_name_zh if language == "zh" else settings.company_name_en
    name = ""
    orders: list[Order] = []
    if visitor.customer_id:
        try:
            name, orders = await _customer(services, visitor.customer_id)
        except BotError as error:
            log.warning("the greeting of customer %s has no orders: %s", visitor.customer_id, error)
    text = notice("greeting_named", language, name=name, company=company) if name else notice("greeting", language, company=company)
    questions = [(f"ask:{intent}", notice(f"button_{intent}", language)) for intent in fitting_questions(page, orders)]
    return Greeting(text, questions, [_order_card(order, language) for order in orders[:ORDER_CARDS]], name)


def fitting_questions(page: str, orders: list[Order]) -> list[str]:
    """Return up to five intents: first what the page and the orders' state suggest, then the usual."""
    wanted: list[str] = []
    if "member" in page:
        wanted += ["membership_status", "membership_benefits"]
    if "product" in page or "cart" in page:
        wanted += ["recommend_products", "delivery_time"]
    states = {order.status for order in orders}
    if OrderStatus.SHIPPED in states:
        wanted += ["track_shipment"]
    if states & {OrderStatus.PLACED, OrderStatus.PAID}:
        wanted += ["cancel_order"]
    if OrderStatus.DELIVERED in states:
        wanted += ["return_item", "request_invoice"]
    wanted += ["order_status", "track_shipment", "return_item", "delivery_time", "recommend_products"]
    return list(dict.fromkeys(wanted))[:QUESTIONS]


async def _customer(services: Services, customer_id: str) -> tuple[str, list[Order]]:
    query = (
        sa.select(customers.c.shop_customer_id, customer_identities.c.name)
        .join(customer_identities, customer_identities.c.customer_id == customers.c.id, isouter=True)
        .where(customers.c.id == customer_id)
    )
    async with services.database.read() as connection:
        row = (await connection.execute(query)).first()
    if row is None or row.shop_customer_id is None:
        return "", []
    name = services.cipher.decrypt(row.name, column="customer_identities.name") if row.name else ""
    return name, await services.shop.orders(row.shop_customer_id, limit=ORDER_CARDS)


def _order_card(order: Order, language: str) -> dict[str, Any]:
    names = [line.product.name(language) for line in order.lines]
    return {
        "title": order.number,
        "subtitle": ("、" if language == "zh" else ", ").join(names[:2]) + (" …" if len(names) > 2 else ""),
        "kind": "order",
        "badge": notice(f"order_{order.status.value}", language),
        "rows": [[notice("order_total", language), money_text(order.total)]],
        "steps": [],
        "buttons": [{"id": f"order:{order.number}", "title": notice("button_order_status", language)}],
    }


def money_text(money: Money) -> str:
    """Return an amount as people write it, whole ones without decimals; minor units are hundredths in all currencies that we know."""
    sign = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}.get(money.currency, money.currency + " ")
    return sign + f"{money.minor / 100:,.2f}".removesuffix(".00")
