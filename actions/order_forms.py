"""Forms about one order: which one, the proof of it where the visitor is anonymous, then the form's own questions."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import ClassVar

from actions.choosing import is_called, pick
from actions.context import Talk
from actions.forms import CONFIRMED, Answers, Ended, Form, says_yes
from bot.conversations.proofs import prove
from bot.errors import NotFoundError, TooManyError
from bot.languages import LANGUAGES
from bot.shop.protocol import Order, OrderLine

DIGITS_SLOT = "phone_last4"

_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_ABOUT_THE_NUMBER = 12  # characters beside an order number that make no question of their own
# Said clearly, these go before any answer that may be read out of the same words.
_WAYS_OUT, SURE = frozenset({"stop", "complaint", "human_handoff"}), 0.8
_NOTHING_SAID = frozenset({"inform", "nlu_fallback", ""})


class OrderForm(Form):
    """`order_slot` keeps the order that the form is about. The digits of the proof are never kept."""

    order_slot: ClassVar[str] = "form_order"

    @abstractmethod
    def fits(self, order: Order) -> bool:
        """Say whether the form makes sense for the order."""

    @abstractmethod
    def refusal(self, order: Order) -> str:
        """Return the response that says why this order, which does not fit, cannot be taken."""

    async def fitting(self, talk: Talk) -> list[Order]:
        return [order for order in await talk.orders() if self.fits(order)]

    async def understand(self, talk: Talk, answers: Answers, slot: str) -> str | None:
        """Return the answer to the form's own question; empty for one that cannot be (it is asked again), None for no answer at all."""
        return None

    async def next_detail(self, talk: Talk, answers: Answers) -> str:
        """Return the next of the form's own questions; empty when all are answered."""
        return ""

    async def take_details(self, talk: Talk, answers: Answers) -> None:
        """Take answers that the message holds unasked, such as a button's entities."""

    async def correct(self, talk: Talk, answers: Answers) -> bool:
        """Take data that come instead of a yes or no; False when there are none."""
        before = dict(answers)
        await self.take_details(talk, answers)
        return answers != before

    async def begin(self, talk: Talk, answers: Answers) -> None:
        number = talk.message.entities.get("order_number", "")
        if number:
            await self._take_number(talk, answers, number)
        else:
            await self._take_known(talk, answers)
        await self._prove_at_once(talk, answers)
        await self.take_details(talk, answers)

    async def listen(self, talk: Talk, answers: Answers) -> bool:
        if talk.message.intent in _WAYS_OUT and talk.message.confidence >= SURE:
            return False
        asked = talk.asked_for
        value = await self._detail(talk, answers) if asked not in {self.order_slot, DIGITS_SLOT} else None
        if value:
            answers[asked] = value
            return True
        if talk.message.intent in self.triggers:
            await self._hear_again(talk, answers)
            return True
        if asked == CONFIRMED and talk.message.reading in {"inform", "nlu_fallback"}:
            return await self.correct(talk, answers)
        if asked == self.order_slot:
            return await self._hear_order(talk, answers)
        if asked == DIGITS_SLOT:
            return await self._hear_digits(talk, answers)
        return value is not None

    async def next_question(self, talk: Talk, answers: Answers) -> str:
        number = answers[self.order_slot]
        if not number:
            return self.order_slot
        if talk.who.owner_of(number) is None:
            return DIGITS_SLOT
        slot = await self.next_detail(talk, answers)
        if slot or CONFIRMED not in self.slots:
            return slot
        return "" if answers[CONFIRMED] else CONFIRMED

    async def _detail(self, talk: Talk, answers: Answers) -> str | None:
        if talk.asked_for != CONFIRMED:
            return await self.understand(talk, answers, talk.asked_for)
        yes = says_yes(talk)
        return None if yes is None else "yes" if yes else "no"

    async def _hear_again(self, talk: Talk, answers: Answers) -> None:
        """The customer says once more what the form is for, perhaps about another order or with more of its answers."""
        number = talk.message.entities.get("order_number", "")
        if number and number != answers[self.order_slot]:
            answers.update(dict.fromkeys(self.slots, ""))
            await self._take_number(talk, answers, number)
        await self.take_details(talk, answers)

    async def _take_known(self, talk: Talk, answers: Answers) -> None:
        """Take the order that was spoken of, or the only one that fits."""
        fitting = {order.number: order for order in await self.fitting(talk)}
        spoken_of = talk.slot("order_number")
        product = talk.message.entities.get("product", "")
        holding = [number for number, order in fitting.items() if product and names(product, order.lines)]
        if product and fitting:
            answers[self.order_slot] = holding[0] if len(holding) == 1 else ""
        elif spoken_of in fitting or (spoken_of and not talk.who.identified and talk.who.owner_of(spoken_of) is None):
            answers[self.order_slot] = spoken_of
        elif len(fitting) == 1:
            answers[self.order_slot] = next(iter(fitting))
        elif talk.who.identified and not fitting:
            talk.say(f"utter_no_order_for_{self.form}")
            raise Ended

    async def _take_number(self, talk: Talk, answers: Answers, number: str) -> None:
        """Take the order that the customer names, if it is theirs and fits; an unproven one for now."""
        if talk.who.owner_of(number) is None:
            answers[self.order_slot] = number
            return
        try:
            order = await talk.order(number)
        except NotFoundError:
            talk.say("utter_order_not_found", order_number=number)
        else:
            if self.fits(order):
                answers[self.order_slot] = order.number
                return
            talk.say(self.refusal(order), order_number=order.number)
        if talk.who.identified and not await self.fitting(talk):
            raise Ended

    async def _hear_order(self, talk: Talk, answers: Answers) -> bool:
        message = talk.message
        number = message.entities.get("order_number", "")
        if number:
            if message.intent not in _NOTHING_SAID and len(message.text) - len(number) > _ABOUT_THE_NUMBER:
                return False
            await self._take_number(talk, answers, number)
            await self._prove_at_once(talk, answers)
            return True
        fitting = await self.fitting(talk)
        chosen = pick(message, [product_names(order.lines) for order in fitting])
        if chosen is not None:
            answers[self.order_slot] = fitting[chosen].number
            return True
        if message.intent == "inform":
            talk.say("utter_order_number_hint")
            return True
        return False

    async def _prove_at_once(self, talk: Talk, answers: Answers) -> None:
        """Use the digits that came together with the number, if there are any."""
        number = answers[self.order_slot]
        digits = _digits(talk)
        if number and digits and talk.who.owner_of(number) is None:
            await self._prove(talk, answers, digits)

    async def _hear_digits(self, talk: Talk, answers: Answers) -> bool:
        number = talk.message.entities.get("order_number", "")
        digits = _digits(talk) or _bare_digits(talk)
        if number:
            answers[self.order_slot] = number
        if digits and talk.who.owner_of(answers[self.order_slot]) is None:
            await self._prove(talk, answers, digits)
            return True
        if not number and talk.message.intent == "inform":
            talk.say("utter_four_digits_hint")
            return True
        return bool(number)

    async def _prove(self, talk: Talk, answers: Answers, digits: str) -> None:
        number = answers[self.order_slot]
        try:
            order = await prove(
                talk.services.database, talk.services.shop, talk.who, number, phone_last4=digits, message_id=talk.message.id
            )
        except NotFoundError:
            talk.say("utter_proof_wrong")
            return
        except TooManyError:
            talk.say("utter_locked_out", buttons=[talk.button("human", "human_handoff")])
            raise Ended from None
        talk.who.proven_orders[order.number] = order.customer_id
        answers[self.order_slot] = order.number
        if not self.fits(order):
            talk.say(self.refusal(order), order_number=order.number)
            raise Ended


def product_names(lines: list[OrderLine]) -> list[str]:
    return [line.product.name(language) for line in lines for language in LANGUAGES]


def names(product: str, lines: list[OrderLine]) -> bool:
    """Say whether what the customer calls a product is in one of the lines."""
    return any(product == line.product.sku or is_called(product, line_name) for line in lines for line_name in product_names([line]))


def _digits(talk: Talk) -> str:
    entities = talk.message.entities
    return entities.get("phone_last4") or entities.get("phone", "")[-4:]


def _bare_digits(talk: Talk) -> str:
    """Return four digits that stand alone in the text, beside an order number at most."""
    number = talk.message.entities.get("order_number", "")
    rest = re.sub(r"[A-Za-z]\d{8}-?\d{4}", " ", talk.message.text) if number else talk.message.text
    found = _FOUR_DIGITS.search(rest)
    return found[0] if found else ""
