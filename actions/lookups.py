"""Questions about one order: find out which, and who may ask, then tell.

An identified customer chooses from cards, whose buttons are whole questions. An anonymous visitor is asked for number and digits by
`lookup_form`; whatever form was open is taken up again afterwards.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from rasa_sdk.events import FollowupAction, SlotSet

from actions.cards import order_card
from actions.context import Talk
from actions.forms import RESUME_FORM
from actions.order_forms import DIGITS_SLOT, OrderForm
from actions.skill import Events, Skill
from bot.errors import NotFoundError
from bot.shop.protocol import Order

LOOKUP_FORM = "lookup_form"
MOST_CARDS = 5


class OrderQuestion(Skill):
    """A question about one order, asked with `intent`."""

    intent: ClassVar[str]

    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """Return which order statuses are most likely meant; the first tier that has an order decides."""
        return ()

    def likely(self, orders: list[Order]) -> list[Order]:
        """Return the orders that may be meant; exactly one is taken without asking."""
        for tier in self.tiers():
            found = [order for order in orders if order.status in tier]
            if found:
                return found
        return orders

    @abstractmethod
    async def tell(self, talk: Talk, order: Order) -> None:
        """Answer the question for an order that the speaker may look at."""

    async def number_named(self, talk: Talk) -> str:
        return talk.message.entities.get("order_number", "")

    async def answer(self, talk: Talk) -> Events:
        number = await self.number_named(talk)
        if number:
            return await self._about(talk, number)
        spoken_of = talk.slot("order_number")
        if spoken_of and talk.who.owner_of(spoken_of) and await self._exists(talk, spoken_of):
            return await self._about(talk, spoken_of)
        likely = self.likely(await talk.orders())
        if len(likely) == 1:
            await self.tell(talk, likely[0])
            return [SlotSet("order_number", likely[0].number)]
        if likely:
            cards = [order_card(talk.words, order, [self.button(talk, order)]) for order in likely[:MOST_CARDS]]
            talk.say("utter_which_order", cards=cards)
            return []
        if talk.who.identified:
            talk.say("utter_no_orders", buttons=[talk.button("recommend", "recommend_products")])
            return []
        return self._ask(talk)

    async def _about(self, talk: Talk, number: str) -> Events:
        if talk.who.owner_of(number) is None:
            return self._ask(talk)
        try:
            order = await talk.order(number)
        except NotFoundError:
            talk.say("utter_order_not_found", order_number=number, buttons=[talk.button("other_orders", "list_orders")])
            return [SlotSet("order_number", None)]
        await self.tell(talk, order)
        return [SlotSet("order_number", order.number)]

    async def _exists(self, talk: Talk, number: str) -> bool:
        """Say whether the remembered number is one of theirs; a number that was mistyped once must not stand in the way."""
        try:
            await talk.order(number)
        except NotFoundError:
            return False
        return True

    def button(self, talk: Talk, order: Order) -> dict[str, str]:
        return talk.button("this_order", self.intent, order_number=order.number)

    def _ask(self, talk: Talk) -> Events:
        """Begin the look-up form, which comes back to this question and then to the form that was open."""
        resume = talk.form if talk.form != LOOKUP_FORM else talk.slot(RESUME_FORM)
        return [SlotSet("lookup", self.action_name), SlotSet(RESUME_FORM, resume or None), FollowupAction(LOOKUP_FORM)]


class LookupForm(OrderForm):
    form = LOOKUP_FORM
    triggers = frozenset()
    order_slot = "lookup_order"
    slots = ("lookup_order", DIGITS_SLOT)

    def fits(self, order: Order) -> bool:
        return True

    def refusal(self, order: Order) -> str:
        raise AssertionError("every order fits a look-up")
