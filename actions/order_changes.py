"""Changes to an order that has not left yet: cancel it, send it elsewhere."""

from __future__ import annotations

import re
from abc import abstractmethod

from actions.cards import facts_card, order_card
from actions.context import Talk
from actions.forms import CONFIRMED, Answers, Conclusion
from actions.order_forms import DIGITS_SLOT, OrderForm
from actions.skill import Events
from bot.errors import InputError
from bot.shop.protocol import Order, OrderStatus
from bot.shop.rules import clean_address

_LEAD = re.compile(r"^.*(?:改成|改到|改为|换成|换到|寄到|寄去|送到|送去|发到|新地址[是为:：]?|\bto\b:?|\bis\b:?)\s*", re.I | re.S)
_CORRECTION = re.compile(r"^\W*(?:不对|不是|错了|写错了|等等|no|sorry|wait)\W+(?:应该)?(?:是)?(?:it'?s|it is)?\W*", re.I)
_STREET = re.compile(
    r"[路街道巷弄号栋幢室楼村镇区]|\d+\s*\w*\s+(?:st|street|rd|road|ave|avenue|lane|ln|drive|dr|blvd|way|square|court|close)\b"
    r"|\b(?:street|road|avenue|lane|building|apartment|apt|flat|floor|room|suite)\b",
    re.I,
)
_DATA_INTENTS = frozenset({"inform", "nlu_fallback", "out_of_scope", ""})


class UnshippedForm(OrderForm):
    """Only what has not left can be changed."""

    def fits(self, order: Order) -> bool:
        return order.status in {OrderStatus.PLACED, OrderStatus.PAID}

    def refusal(self, order: Order) -> str:
        return "utter_refused_already_cancelled" if order.status == OrderStatus.CANCELLED else "utter_refused_already_shipped"

    @abstractmethod
    async def sum_up(self, talk: Talk, answers: Answers) -> None: ...


class CancelOrderForm(UnshippedForm):
    form = "cancel_order_form"
    triggers = frozenset({"cancel_order"})
    slots = ("form_order", DIGITS_SLOT, CONFIRMED)

    async def sum_up(self, talk: Talk, answers: Answers) -> None:
        order = await talk.order(answers["form_order"])
        response = "utter_confirm_cancel_order_paid" if order.payment_status == "paid" else "utter_confirm_cancel_order"
        talk.say(
            response,
            cards=[order_card(talk.words, order)],
            buttons=[talk.button("confirm", "affirm"), talk.button("back_out", "deny")],
            order_number=order.number,
            total=talk.words.money(order.total),
        )


class ActionCancelOrder(Conclusion):
    action_name = "action_cancel_order"
    form_slots = CancelOrderForm.slots

    async def conclude(self, talk: Talk, answers: Answers) -> Events:
        if answers[CONFIRMED] != "yes":
            talk.say("utter_order_kept")
            return []
        order = await talk.order(answers["form_order"])  # still theirs: a proof may have run out since
        order = await talk.services.shop.cancel_order(order.number, key=talk.key(self.action_name))
        response = "utter_order_cancelled_refunded" if order.payment_status == "refunded" else "utter_order_cancelled"
        talk.say(response, order_number=order.number, total=talk.words.money(order.total))
        return []


class AddressForm(UnshippedForm):
    form = "address_form"
    triggers = frozenset({"change_address"})
    slots = ("form_order", DIGITS_SLOT, "new_address", CONFIRMED)

    async def take_details(self, talk: Talk, answers: Answers) -> None:
        address = _address_in(talk.message.text)
        if address:
            answers["new_address"], answers[CONFIRMED] = address, ""

    async def understand(self, talk: Talk, answers: Answers, slot: str) -> str | None:
        text = _CORRECTION.sub("", talk.message.text)
        if _STREET.search(text):
            return _cleaned(talk, _address_in(text) or text)
        return _cleaned(talk, text) if talk.message.intent in _DATA_INTENTS else None

    async def correct(self, talk: Talk, answers: Answers) -> bool:
        address = await self.understand(talk, answers, "new_address") if _STREET.search(talk.message.text) else ""
        answers["new_address"] = address or answers["new_address"]
        return bool(address)

    async def next_detail(self, talk: Talk, answers: Answers) -> str:
        return "" if answers["new_address"] else "new_address"

    async def sum_up(self, talk: Talk, answers: Answers) -> None:
        facts = [("order", answers["form_order"]), ("address", answers["new_address"])]
        talk.say(
            "utter_confirm_address",
            cards=[facts_card(talk.words, "order", talk.words("label.address"), facts)],
            buttons=[talk.button("confirm", "affirm"), talk.button("back_out", "deny")],
        )


class ActionChangeAddress(Conclusion):
    action_name = "action_change_address"
    form_slots = AddressForm.slots

    async def conclude(self, talk: Talk, answers: Answers) -> Events:
        if answers[CONFIRMED] != "yes":
            talk.say("utter_address_kept")
            return []
        order = await talk.order(answers["form_order"])
        await talk.services.shop.change_address(order.number, address=answers["new_address"], key=talk.key(self.action_name))
        talk.say("utter_address_changed", order_number=order.number, address=answers["new_address"])
        return []


def _address_in(text: str) -> str:
    """Return the address that a sentence such as "改到上海市世纪大道100号" ends in; empty when there is none to be sure of."""
    lead = _LEAD.match(text)
    rest = text[lead.end() :].strip(" 。.!！") if lead else ""
    return rest if _STREET.search(rest) and any(character.isdigit() for character in rest) else ""


def _cleaned(talk: Talk, text: str) -> str:
    """Return the address as the shop takes it; empty, with a word about it, when it is too short to be one."""
    try:
        return clean_address(text)
    except InputError:
        talk.say("utter_address_hint")
        return ""
