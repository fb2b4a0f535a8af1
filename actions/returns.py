"""Returns, exchanges, refunds."""

from __future__ import annotations

from datetime import timedelta

from rasa_sdk.events import SlotSet

from actions.cards import facts_card, return_card
from actions.choosing import pick
from actions.context import Talk
from actions.forms import CONFIRMED, Answers, Conclusion
from actions.lookups import OrderQuestion
from actions.order_forms import DIGITS_SLOT, OrderForm, names
from actions.skill import Events, Skill
from bot.ids import utcnow
from bot.shop.protocol import Order, OrderLine, OrderStatus, Return
from bot.shop.rules import RETURN_PERIOD, RETURN_REASONS

MOST_RETURNS = 5
_KIND = {"exchange_item": "exchange", "return_item": "return"}
_REASON_OF_INTENT = {"report_damaged": "damaged", "delivery_problem": "wrong_item"}
_STATUSES = frozenset({"requested", "approved", "received", "refunded", "rejected"})
_OTHER = frozenset({"inform", "nlu_fallback", ""})


class ReturnForm(OrderForm):
    form = "return_form"
    triggers = frozenset(_KIND)
    slots = ("form_order", DIGITS_SLOT, "return_kind", "order_line", "return_reason", CONFIRMED)

    def fits(self, order: Order) -> bool:
        return order.status == OrderStatus.DELIVERED and bool(open_lines(order))

    async def fitting(self, talk: Talk) -> list[Order]:
        """Offer what came lately. An older order that the customer names is for the shop to refuse or not."""
        return [order for order in await super().fitting(talk) if _delivered_within(order, RETURN_PERIOD)]

    def refusal(self, order: Order) -> str:
        if order.status == OrderStatus.CANCELLED:
            return "utter_refused_already_cancelled"
        return "utter_refused_return_open" if order.status == OrderStatus.DELIVERED else "utter_refused_not_delivered"

    async def take_details(self, talk: Talk, answers: Answers) -> None:
        answers["return_kind"] = _KIND.get(talk.message.intent) or answers["return_kind"] or "return"
        reason = talk.message.entities.get("return_reason", "")
        if reason in RETURN_REASONS:
            answers["return_reason"] = reason
        product = talk.message.entities.get("product", "")
        if product and answers["form_order"] and talk.who.owner_of(answers["form_order"]):
            named = [line.id for line in open_lines(await talk.order(answers["form_order"])) if names(product, [line])]
            answers["order_line"] = named[0] if len(named) == 1 else answers["order_line"]

    async def understand(self, talk: Talk, answers: Answers, slot: str) -> str | None:
        if slot == "order_line":
            return await self._line_meant(talk, answers)
        reason = talk.message.entities.get("return_reason") or _REASON_OF_INTENT.get(talk.message.intent)
        if reason in RETURN_REASONS:
            return reason
        named_something = "product" in talk.message.entities
        return "other" if talk.message.intent in _OTHER and not named_something else None

    async def _line_meant(self, talk: Talk, answers: Answers) -> str | None:
        lines = open_lines(await talk.order(answers["form_order"]))
        named = talk.message.entities.get("order_line", "")
        if named in {line.id for line in lines}:
            return named
        chosen = pick(talk.message, [(line.product.name_zh, line.product.name_en) for line in lines])
        return lines[chosen].id if chosen is not None else None

    async def next_detail(self, talk: Talk, answers: Answers) -> str:
        if not answers["order_line"]:
            lines = open_lines(await talk.order(answers["form_order"]))
            answers["order_line"] = lines[0].id if len(lines) == 1 else ""
        return next((slot for slot in ("order_line", "return_reason") if not answers[slot]), "")

    async def sum_up(self, talk: Talk, answers: Answers) -> None:
        order = await talk.order(answers["form_order"])
        line = next(line for line in order.lines if line.id == answers["order_line"])
        words, kind = talk.words, answers["return_kind"]
        facts = [
            ("order", order.number),
            ("kind", words.known("return_kind", kind)),
            ("reason", words(f"return_reason.{answers['return_reason']}")),
            ("price", words.money(line.price)),
        ]
        talk.say(
            f"utter_confirm_{kind}",
            cards=[facts_card(words, "return", line.product.name(words.language), facts)],
            buttons=[talk.button("confirm", "affirm"), talk.button("back_out", "deny")],
        )


class ActionCreateReturn(Conclusion):
    action_name = "action_create_return"
    form_slots = ReturnForm.slots

    async def conclude(self, talk: Talk, answers: Answers) -> Events:
        if answers[CONFIRMED] != "yes":
            talk.say("utter_no_return_made")
            return []
        order = await talk.order(answers["form_order"])
        made = await talk.services.shop.create_return(
            order.number,
            answers["order_line"],
            kind=answers["return_kind"],
            reason=answers["return_reason"],
            key=talk.key(self.action_name),
        )
        card = return_card(talk.words, made, _item(order, made, talk.words.language))
        talk.say(f"utter_{made.kind}_created", cards=[card], number=made.number)
        return []


class ActionRefundStatus(OrderQuestion):
    """Where the money is: of all returns of an identified customer, or of one proven order."""

    action_name = "action_refund_status"
    intent = "refund_status"

    async def answer(self, talk: Talk) -> Events:
        if talk.who.shop_customer_id and not talk.message.entities.get("order_number"):
            returns = await talk.services.shop.returns(talk.who.shop_customer_id, limit=MOST_RETURNS)
            _tell_returns(talk, returns, await talk.orders(50))
            return []
        return await super().answer(talk)

    async def tell(self, talk: Talk, order: Order) -> None:
        lines = {line.id for line in order.lines}
        returns = [made for made in await talk.services.shop.returns(order.customer_id, limit=50) if made.order_line_id in lines]
        if not returns and order.payment_status == "refunded":
            talk.say("utter_order_was_refunded", order_number=order.number, total=talk.words.money(order.total))
            return
        _tell_returns(talk, returns, [order])


class ActionReportDamaged(Skill):
    """Something arrived broken: an apology, and every way out at once."""

    action_name = "action_report_damaged"

    async def answer(self, talk: Talk) -> Events:
        said = talk.message.entities
        number = said.get("order_number", "")
        entities = {"return_reason": "damaged"} | {name: said[name] for name in ("order_number", "product") if name in said}
        buttons = [
            talk.button("exchange", "exchange_item", **entities),
            talk.button("return", "return_item", **entities),
            talk.button("human", "human_handoff"),
        ]
        talk.say("utter_damaged", buttons=buttons)
        return [SlotSet("order_number", number)] if number else []


def open_lines(order: Order) -> list[OrderLine]:
    """Return the lines that can still go back."""
    return [line for line in order.lines if line.return_status in {"", "rejected"}]


def _delivered_within(order: Order, period: timedelta) -> bool:
    delivered = [event.at for shipment in order.shipments for event in shipment.events if event.code == "delivered"]
    return not delivered or utcnow() - max(delivered) <= period


def _tell_returns(talk: Talk, returns: list[Return], orders: list[Order]) -> None:
    if not returns:
        talk.say("utter_no_refunds")
        return
    names = {line.id: line.product.name(talk.words.language) for order in orders for line in order.lines}
    cards = [return_card(talk.words, made, names.get(made.order_line_id, made.order_line_id)) for made in returns]
    newest = returns[0]
    status = newest.status if newest.status in _STATUSES and newest.kind != "exchange" else "unknown"
    talk.say(f"utter_refund_{status}", cards=cards, amount=talk.words.money(newest.amount))


def _item(order: Order, made: Return, language: str) -> str:
    return next(line.product.name(language) for line in order.lines if line.id == made.order_line_id)
