"""What belongs to no skill: texts of the FAQ, hand-off, complaint, a word that ends a form."""

from __future__ import annotations

from rasa_sdk.events import ActiveLoop, SlotSet

from actions.cards import membership_card
from actions.context import Talk
from actions.forms import REQUESTED_SLOT
from actions.handing_off import GENERAL, hand_off, topic_of
from actions.skill import Events, Skill
from bot.conversations.proofs import locked
from bot.errors import NotFoundError
from bot.messages import HandoffReason


class ActionFaq(Skill):
    """Answers an intent with its text. A member who asks about renewal also sees their own membership."""

    action_name = "action_faq"

    async def answer(self, talk: Talk) -> Events:
        entry = talk.services.faq.about(talk.message.intent, talk.message.meant, talk.message.language)
        if entry is None:
            talk.say("utter_no_answer", buttons=[talk.button("human", "human_handoff")])
            return []
        cards = []
        if talk.message.intent == "renew_membership" and talk.who.shop_customer_id:
            try:
                cards = [membership_card(talk.words, await talk.services.shop.membership(talk.who.shop_customer_id))]
            except NotFoundError:
                cards = []
        talk.say("utter_faq", cards=cards, answer=entry.answer)
        return []


class ActionStop(Skill):
    """算了: ends whatever form is open, and says so."""

    action_name = "action_stop"

    async def answer(self, talk: Talk) -> Events:
        talk.say("utter_stopped" if talk.form else "utter_nothing_to_stop")
        return [ActiveLoop(None), SlotSet(REQUESTED_SLOT, None)]


class ActionHandOff(Skill):
    """The customer asks for a person. One question when the topic is unknown, which may be skipped."""

    action_name = "action_hand_off"

    async def answer(self, talk: Talk) -> Events:
        if not talk.who.identified and await locked(talk.services.database, talk.who.thread_id):
            return hand_off(talk, HandoffReason.LOCKED_OUT, note=talk.words("hand_off.locked_out"))
        question = talk.words("hand_off.topic_question") if topic_of(talk) == GENERAL else ""
        return hand_off(talk, HandoffReason.CUSTOMER_REQUEST, question=question)


class ActionComplaint(Skill):
    action_name = "action_complaint"

    async def answer(self, talk: Talk) -> Events:
        talk.say("utter_complaint")
        unknown = topic_of(talk) == GENERAL and not talk.message.entities.get("order_number")
        question = talk.words("hand_off.complaint_question") if unknown else ""
        return hand_off(talk, HandoffReason.COMPLAINT, note=talk.words("hand_off.complaint"), question=question)
