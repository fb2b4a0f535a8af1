"""Payments: what went wrong, coupons, price protection."""

from __future__ import annotations

from actions.cards import coupon_card, order_card
from actions.context import Talk
from actions.lookups import OrderQuestion
from actions.skill import Events, Skill
from bot.ids import utcnow
from bot.shop.protocol import Order, OrderStatus
from bot.shop.rules import PRICE_PROTECTION

MOST_COUPONS = 6


class ActionPaymentProblem(Skill):
    """Says what we see of the customer's own payments, and what usually helps."""

    action_name = "action_payment_problem"

    async def answer(self, talk: Talk) -> Events:
        open_ones = [
            order for order in await talk.orders() if order.payment_status in {"failed", "pending"} and order.status == OrderStatus.PLACED
        ]
        response = f"utter_payment_{open_ones[0].payment_status}" if open_ones else "utter_payment_problem"
        talk.say(
            response,
            cards=[order_card(talk.words, order) for order in open_ones[:2]],
            buttons=[talk.button("human", "human_handoff")],
        )
        return []


class ActionListCoupons(Skill):
    action_name = "action_list_coupons"

    async def answer(self, talk: Talk) -> Events:
        if not talk.who.shop_customer_id:
            await talk.ask_to_log_in("utter_coupons_need_login")
            return []
        coupons = await talk.services.shop.coupons(talk.who.shop_customer_id)
        cards = [coupon_card(talk.words, coupon) for coupon in coupons[:MOST_COUPONS]]
        talk.say("utter_coupons" if coupons else "utter_no_coupons", cards=cards, count=len(coupons))
        return []


class ActionPriceProtection(OrderQuestion):
    """Bought dearer than it is now: the difference as a coupon, at once."""

    action_name = "action_price_protection"
    intent = "price_protection"

    def likely(self, orders: list[Order]) -> list[Order]:
        """Return those in which something costs less now, else the newest one, so that the shop says why not."""
        return [order for order in orders if _is_cheaper_now(order)] or orders[:1]

    def button(self, talk: Talk, order: Order) -> dict[str, str]:
        return talk.button("price_protection", self.intent, order_number=order.number)

    async def tell(self, talk: Talk, order: Order) -> None:
        coupon = await talk.services.shop.protect_price(order.number, key=talk.key(self.action_name))
        talk.say("utter_price_protected", cards=[coupon_card(talk.words, coupon)], order_number=order.number)


def _is_cheaper_now(order: Order) -> bool:
    in_time = order.payment_status == "paid" and utcnow() - order.placed_at <= PRICE_PROTECTION
    return in_time and any(line.product.price.minor < line.price.minor for line in order.lines)
