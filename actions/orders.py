"""Orders: where one is, and which there are."""

from __future__ import annotations

from actions.cards import Buttons, order_card
from actions.context import Talk
from actions.lookups import MOST_CARDS, OrderQuestion
from actions.skill import Events, Skill
from bot.ids import utcnow
from bot.shop.protocol import Order, OrderStatus


class ActionOrderStatus(OrderQuestion):
    action_name = "action_order_status"
    intent = "order_status"

    def tiers(self) -> tuple[tuple[str, ...], ...]:
        return (OrderStatus.PLACED, OrderStatus.PAID, OrderStatus.SHIPPED), (OrderStatus.DELIVERED,)

    async def tell(self, talk: Talk, order: Order) -> None:
        talk.say(
            f"utter_order_{_situation(order)}",
            cards=[order_card(talk.words, order, _next_steps(talk, order))],
            order_number=order.number,
            promised=talk.words.day(order.promised_at),
        )


class ActionListOrders(Skill):
    action_name = "action_list_orders"

    async def answer(self, talk: Talk) -> Events:
        orders = await talk.orders(MOST_CARDS)
        if orders:
            cards = [order_card(talk.words, order, _next_steps(talk, order)) for order in orders]
            talk.say("utter_orders", cards=cards, count=len(orders))
        elif talk.who.identified:
            talk.say("utter_no_orders", buttons=[talk.button("recommend", "recommend_products")])
        else:
            await talk.ask_to_log_in("utter_orders_need_login")
        return []


def _situation(order: Order) -> str:
    """Return which sentence fits: the status, or what is wrong with it."""
    if order.status == OrderStatus.PLACED and order.payment_status == "failed":
        return "payment_failed"
    if order.status in {OrderStatus.PAID, OrderStatus.SHIPPED} and order.promised_at < utcnow():
        return "late"
    return order.status.value


def _next_steps(talk: Talk, order: Order) -> Buttons:
    """Offer what makes sense for the order as it is."""
    number = {"order_number": order.number}
    if order.status in {OrderStatus.PLACED, OrderStatus.PAID}:
        return [talk.button("cancel_order", "cancel_order", **number)]
    if order.status == OrderStatus.SHIPPED:
        return [talk.button("track", "track_shipment", **number)]
    if order.status == OrderStatus.DELIVERED:
        invoice = [] if order.invoice_number else [talk.button("invoice", "request_invoice", **number)]
        return [talk.button("return", "return_item", **number), *invoice]
    return []
