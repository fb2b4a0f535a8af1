"""Questions about one order that come back: after the look-up form, or when only a number is said."""

from __future__ import annotations

from rasa_sdk.events import FollowupAction, SlotSet

from actions.context import Talk
from actions.forms import RESUME_FORM, Answers, Conclusion
from actions.handing_off import intents_said
from actions.lookups import LookupForm, OrderQuestion
from actions.orders import ActionOrderStatus
from actions.payments import ActionPriceProtection
from actions.returns import ActionRefundStatus
from actions.shipping import ActionDeliveryProblem, ActionTrackShipment
from actions.skill import Events, Skill

QUESTIONS: tuple[type[OrderQuestion], ...] = (
    ActionOrderStatus,
    ActionTrackShipment,
    ActionDeliveryProblem,
    ActionRefundStatus,
    ActionPriceProtection,
)


class ActionLookup(Conclusion):
    """Answers the question for which the look-up form was needed, then goes back to the form that it interrupted."""

    action_name = "action_lookup"
    form_slots = LookupForm.slots

    async def answer(self, talk: Talk) -> Events:
        events = await super().answer(talk)
        resume = talk.slot(RESUME_FORM)
        return [*events, SlotSet("lookup", None), *([FollowupAction(resume)] if resume else [])]

    async def conclude(self, talk: Talk, answers: Answers) -> Events:
        order = await talk.order(answers["lookup_order"])
        asked = {question.action_name: question for question in QUESTIONS}
        await asked.get(talk.slot("lookup"), ActionOrderStatus)().tell(talk, order)
        return [SlotSet("order_number", order.number)]


class ActionInform(Skill):
    """A number without a question: answers the question that was asked last, else where the order is."""

    action_name = "action_inform"

    async def answer(self, talk: Talk) -> Events:
        if talk.message.entities.get("tracking_number"):
            return await ActionTrackShipment().answer(talk)
        if not talk.message.entities.get("order_number"):
            talk.say("utter_what_about_it")
            return []
        asked = {question.intent: question for question in QUESTIONS}
        last = next((intent for intent in reversed(intents_said(talk)) if intent in asked), "order_status")
        return await asked[last]().answer(talk)
