"""The account: what we know of the customer, masked, since a screen has more than one reader."""

from __future__ import annotations

from actions.cards import facts_card
from actions.context import Talk
from actions.skill import Events, Skill
from bot.customers.profile import Profile, read_profile
from bot.errors import NotFoundError
from bot.shop.masking import mask_name, masked
from bot.shop.protocol import Contact, Money


class ActionMyProfile(Skill):
    action_name = "action_my_profile"

    async def answer(self, talk: Talk) -> Events:
        if not talk.who.shop_customer_id:
            await talk.ask_to_log_in("utter_profile_needs_login")
            return []
        contact = await talk.services.shop.contact(talk.who.shop_customer_id)
        profile = await read_profile(talk.services.database, talk.who.customer_id or "")
        facts = [*_contact_facts(contact), ("membership", await _tier(talk)), *(_profile_facts(talk, profile) if profile else [])]
        title = mask_name(contact.name)
        response = "utter_profile" if profile else "utter_profile_without_profiling"
        talk.say(response, cards=[facts_card(talk.words, "profile", title, facts)])
        return []


def _contact_facts(contact: Contact) -> list[tuple[str, str]]:
    shown = masked(contact)
    return [("phone", shown["phone"]), ("email", shown["email"]), ("home", shown["address"])]


def _profile_facts(talk: Talk, profile: Profile) -> list[tuple[str, str]]:
    return [
        ("orders", talk.words("format.count", count=profile.orders)),
        ("spent", talk.words.money(Money(profile.spent_minor, profile.currency))),
        ("segment", talk.words.known("segment", profile.segment, "unknown")),
    ]


async def _tier(talk: Talk) -> str:
    try:
        membership = await talk.services.shop.membership(talk.who.shop_customer_id or "")
    except NotFoundError:
        return talk.words("membership_status.none")
    return talk.words.known("tier", membership.tier, "other")
