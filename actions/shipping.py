"""Shipping: where a parcel is, and what is wrong with it."""

from __future__ import annotations

from datetime import datetime, timedelta

from actions.cards import order_card, shipment_card
from actions.context import Talk
from actions.lookups import OrderQuestion
from actions.skill import Events
from bot.errors import NotFoundError
from bot.ids import utcnow
from bot.shop.protocol import Order, OrderStatus

RECENT = timedelta(days=14)  # who misses a parcel says so sooner

_STATUSES = frozenset({"late", "in_transit", "out_for_delivery", "delivered", "exception"})
_UNDERWAY = (OrderStatus.PAID, OrderStatus.SHIPPED)


class ActionTrackShipment(OrderQuestion):
    action_name = "action_track_shipment"
    intent = "track_shipment"

    def tiers(self) -> tuple[tuple[str, ...], ...]:
        return (OrderStatus.SHIPPED,), _UNDERWAY, (OrderStatus.DELIVERED,)

    async def number_named(self, talk: Talk) -> str:
        """Return the order named, also by the number of its parcel."""
        tracking = talk.message.entities.get("tracking_number", "")
        if tracking and talk.who.shop_customer_id:
            try:
                shipment = await talk.services.shop.shipment(tracking, customer_id=talk.who.shop_customer_id)
            except NotFoundError:
                pass
            else:
                return shipment.order_number
        return await super().number_named(talk)

    async def answer(self, talk: Talk) -> Events:
        tracking = talk.message.entities.get("tracking_number", "")
        if tracking and talk.who.identified and not await self.number_named(talk):
            talk.say("utter_shipment_not_found", tracking_number=tracking, buttons=[talk.button("other_orders", "list_orders")])
            return []
        return await super().answer(talk)

    async def tell(self, talk: Talk, order: Order) -> None:
        if not order.shipments:
            cancelled = order.status == OrderStatus.CANCELLED
            unpaid = order.payment_status in {"pending", "failed"}
            talk.say(
                f"utter_not_shipped_{'cancelled' if cancelled else order.payment_status if unpaid else 'paid'}",
                cards=[order_card(talk.words, order)],
                promised=talk.words.day(order.promised_at),
            )
            return
        late = order.status != OrderStatus.DELIVERED and order.promised_at < utcnow()
        status = "late" if late else order.shipments[0].status
        status = status if status in _STATUSES else "in_transit"
        buttons = [talk.button("human", "human_handoff")] if status in {"late", "exception"} else []
        talk.say(
            f"utter_shipment_{status}",
            cards=[shipment_card(talk.words, shipment) for shipment in order.shipments],
            buttons=buttons,
            order_number=order.number,
            promised=talk.words.day(order.promised_at),
        )


class ActionDeliveryProblem(OrderQuestion):
    """Late, lost, not there although delivered, or the wrong thing."""

    action_name = "action_delivery_problem"
    intent = "delivery_problem"

    def likely(self, orders: list[Order]) -> list[Order]:
        lately = utcnow() - RECENT
        return [order for order in orders if order.status == OrderStatus.SHIPPED or _delivered_since(order, lately)] or orders

    async def tell(self, talk: Talk, order: Order) -> None:
        number = {"order_number": order.number}
        wrong = talk.button("wrong_item", "exchange_item", return_reason="wrong_item", **number)
        check = talk.button("not_received", "human_handoff", **number)
        delivered = order.status == OrderStatus.DELIVERED
        late = not delivered and order.promised_at < utcnow()
        talk.say(
            f"utter_delivery_problem_{'delivered' if delivered else 'late' if late else 'on_its_way'}",
            cards=[shipment_card(talk.words, shipment) for shipment in order.shipments] or [order_card(talk.words, order)],
            buttons=[check, wrong] if delivered else [check],
            order_number=order.number,
            promised=talk.words.day(order.promised_at),
        )


def _delivered_since(order: Order, moment: datetime) -> bool:
    return any(event.code == "delivered" and event.at > moment for shipment in order.shipments for event in shipment.events)
