"""Membership: what one has, and leaving it. Whoever wants to leave can: one offer, never a second, and "cancel now" in sight."""

from __future__ import annotations

from rasa_sdk.events import SlotSet

from actions.cards import coupon_card, membership_card, worth
from actions.context import Talk
from actions.forms import CONFIRMED, Answers, Conclusion, Ended, Form, says_yes
from actions.handing_off import hand_off
from actions.skill import Events, Skill
from bot.customers.offer_log import accept_offer, accepted_lately, make_offer
from bot.customers.offers import Offer, worth_a_person
from bot.customers.profile import read_profile
from bot.errors import NotFoundError
from bot.messages import HandoffReason
from bot.shop.protocol import Membership, Refusal, ShopRefusal

OFFER_MADE = "offer_made"  # in this conversation; kept until it ends

ACCEPTED, DECLINED, UNDECIDED, NOW = "accepted", "declined", "undecided", "now"


class ActionMembershipStatus(Skill):
    action_name = "action_membership_status"

    async def answer(self, talk: Talk) -> Events:
        membership = await _membership(talk)
        if not talk.who.identified:
            await talk.ask_to_log_in("utter_membership_needs_login")
        elif membership is None:
            talk.say("utter_no_membership")
        else:
            renews = talk.words.day_and_year(membership.renews_at)
            status = membership.status if membership.status in {"cancelled", "expired"} else "active"
            talk.say(f"utter_membership_{status}", cards=[membership_card(talk.words, membership)], renews=renews)
        return []


class CancelMembershipForm(Form):
    """`offer_answer`: accepted; declined (a button, or asking to leave again); undecided (a bare "no", so we make sure); now."""

    form = "cancel_membership_form"
    triggers = frozenset({"cancel_membership"})
    slots = ("offer_answer", CONFIRMED)

    async def begin(self, talk: Talk, answers: Answers) -> None:
        membership = await _membership(talk)
        if not talk.who.identified:
            await talk.ask_to_log_in("utter_membership_needs_login")
            raise Ended
        if membership is None or membership.status != "active":
            talk.say(f"utter_refused_{'membership_not_active' if membership else 'no_membership'}")
            raise Ended
        if talk.message.entities.get("offer") == NOW:
            answers["offer_answer"] = NOW
        elif talk.slot(OFFER_MADE) or await accepted_lately(talk.services.database, talk.who.customer_id or ""):
            answers["offer_answer"] = UNDECIDED

    async def listen(self, talk: Talk, answers: Answers) -> bool:
        yes = says_yes(talk)
        pressed = talk.message.entities.get("offer", "")
        if pressed == NOW:
            answers["offer_answer"] = NOW
        elif talk.asked_for == CONFIRMED:
            if talk.message.intent in self.triggers:
                yes = True
            if yes is None:
                return False
            answers[CONFIRMED] = "yes" if yes else "no"
        elif yes:
            answers["offer_answer"] = ACCEPTED
        elif pressed == DECLINED or (yes is None and talk.message.leans_to(self.triggers | {"deny"})):
            answers["offer_answer"] = DECLINED
        elif yes is False:
            answers["offer_answer"] = DECLINED if await _worth_a_person(talk) else UNDECIDED
        else:
            return False
        return True

    async def next_question(self, talk: Talk, answers: Answers) -> str:
        if not answers["offer_answer"]:
            return "offer_answer"
        return CONFIRMED if answers["offer_answer"] == UNDECIDED and not answers[CONFIRMED] else ""

    async def sum_up(self, talk: Talk, answers: Answers) -> None:
        membership = await talk.services.shop.membership(talk.who.shop_customer_id or "")
        talk.say(
            "utter_confirm_cancel_membership",
            cards=[membership_card(talk.words, membership)],
            buttons=[talk.button("cancel_now", "affirm"), talk.button("keep", "deny")],
        )


class ActionAskOfferAnswer(Skill):
    """Makes the offer, the only one of this conversation, beside the way out."""

    action_name = "action_ask_offer_answer"

    async def answer(self, talk: Talk) -> Events:
        offer, membership = await _offer(talk), await _membership(talk)
        talk.say(
            "utter_membership_offer",
            cards=[membership_card(talk.words, membership)] if membership else [],
            buttons=[
                talk.button("accept_offer", "affirm"),
                talk.button("decline_offer", "deny", offer=DECLINED),
            ],
            offer=worth(talk.words, offer.kind, offer.value, membership.price.currency if membership else ""),
        )
        return [SlotSet(OFFER_MADE, "yes")]


class ActionCancelMembership(Conclusion):
    """Grants the offer, hands a customer whom a talk is likely to keep to a human, or cancels."""

    action_name = "action_cancel_membership"
    form_slots = CancelMembershipForm.slots

    async def conclude(self, talk: Talk, answers: Answers) -> Events:
        said = answers["offer_answer"]
        if said == ACCEPTED:
            return await self._grant(talk)
        if said == DECLINED and await _worth_a_person(talk):
            return await self._hand_over(talk)
        if said == UNDECIDED and answers[CONFIRMED] != "yes":
            talk.say("utter_membership_kept")
            return []
        left = await talk.services.shop.cancel_membership(talk.who.shop_customer_id or "", key=talk.key(self.action_name))
        talk.say("utter_membership_was_cancelled", tier=talk.words.known("tier", left.tier, "other"))
        return []

    async def _grant(self, talk: Talk) -> Events:
        offer = await _offer(talk)
        try:
            coupon = await talk.services.shop.grant_offer(
                talk.who.shop_customer_id or "", kind=offer.kind, value=offer.value, key=talk.key(self.action_name)
            )
        except ShopRefusal as refusal:
            if refusal.reason != Refusal.ALREADY_GRANTED:
                raise
            buttons = [talk.button("cancel_now", "cancel_membership", offer=NOW)]
            talk.say(f"utter_refused_{refusal.reason.value}", buttons=buttons)
            return []
        await accept_offer(talk.services.database, talk.who.conversation_id)
        if offer.kind == "membership_months":
            membership = await talk.services.shop.membership(talk.who.shop_customer_id or "")
            renews = talk.words.day_and_year(membership.renews_at)
            talk.say("utter_offer_granted_months", cards=[membership_card(talk.words, membership)], renews=renews)
        else:
            talk.say("utter_offer_granted", cards=[coupon_card(talk.words, coupon)])
        return []

    async def _hand_over(self, talk: Talk) -> Events:
        offer, membership = await _offer(talk), await _membership(talk)
        talk.say("utter_hand_off_churn_risk", buttons=[talk.button("cancel_now", "cancel_membership", offer=NOW)])
        named = worth(talk.words, offer.kind, offer.value, membership.price.currency if membership else "")
        return hand_off(talk, HandoffReason.CHURN_RISK, about="cancel_membership", note=talk.words("hand_off.churn_risk", offer=named))


async def _membership(talk: Talk) -> Membership | None:
    if not talk.who.shop_customer_id:
        return None
    try:
        return await talk.services.shop.membership(talk.who.shop_customer_id)
    except NotFoundError:
        return None


async def _offer(talk: Talk) -> Offer:
    """Return the offer of this conversation, which is recorded with its reasons when it is first asked for."""
    database, customer_id = talk.services.database, talk.who.customer_id or ""
    profile = await read_profile(database, customer_id)
    return await make_offer(database, conversation_id=talk.who.conversation_id, customer_id=customer_id, profile=profile)


async def _worth_a_person(talk: Talk) -> bool:
    return worth_a_person(await read_profile(talk.services.database, talk.who.customer_id or ""))
