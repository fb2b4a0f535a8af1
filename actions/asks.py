"""The questions of forms that need what we know: which order, which item, is that right?"""

from __future__ import annotations

from actions.cards import line_card, order_card
from actions.context import Talk
from actions.forms import Form
from actions.invoices import InvoiceForm
from actions.lookups import MOST_CARDS, LookupForm
from actions.membership import CancelMembershipForm
from actions.order_changes import AddressForm, CancelOrderForm
from actions.order_forms import OrderForm
from actions.returns import ReturnForm, open_lines
from actions.skill import Events, Skill

FORMS: dict[str, type[Form]] = {
    form.form: form for form in (LookupForm, ReturnForm, CancelOrderForm, AddressForm, InvoiceForm, CancelMembershipForm)
}


class ActionAskFormOrder(Skill):
    """Which order? Those that fit, as cards; an anonymous visitor types the number."""

    action_name = "action_ask_form_order"

    async def answer(self, talk: Talk) -> Events:
        form = FORMS[talk.form]()
        fitting = await form.fitting(talk) if isinstance(form, OrderForm) else []
        cards = [
            order_card(talk.words, order, [talk.button("this_order", "inform", order_number=order.number)])
            for order in fitting[:MOST_CARDS]
        ]
        talk.say("utter_which_order" if cards else "utter_ask_order_number", cards=cards)
        return []


class ActionAskOrderLine(Skill):
    action_name = "action_ask_order_line"

    async def answer(self, talk: Talk) -> Events:
        lines = open_lines(await talk.order(talk.slot("form_order")))
        cards = [line_card(talk.words, line, [talk.button("this_item", "inform", order_line=line.id)]) for line in lines]
        talk.say("utter_which_item", cards=cards)
        return []


class ActionAskConfirmed(Skill):
    """Sums up what will be done, with yes and no to press."""

    action_name = "action_ask_confirmed"

    async def answer(self, talk: Talk) -> Events:
        form = FORMS[talk.form]()
        await form.sum_up(talk, {slot: talk.slot(slot) for slot in form.slots})
        return []
