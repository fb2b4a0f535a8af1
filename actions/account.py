"""The account: what we know of the customer, masked, since a screen has more than one reader."""

from __future__ import annotations

from actions.cards import facts_card
from actions.context import Talk
from actions.skill import Events, Skill
from bot.customers.profile import Profile, read_profile
from bot.errors import NotFoundError
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
    return [("phone", mask_phone(contact.phone)), ("email", mask_email(contact.email)), ("home", mask_tail(contact.address))]


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


def mask_name(name: str) -> str:
    """Keep a Chinese family name, or the initials of other names."""
    if " " in name:
        return " ".join(part[0] + "." for part in name.split())
    return name[:1] + "*" * (len(name) - 1)


def mask_phone(phone: str) -> str:
    return "*" * max(0, len(phone) - 4) + phone[-4:]


def mask_email(email: str) -> str:
    name, at, host = email.partition("@")
    return f"{name[:1]}***{at}{host}" if at else ""


def mask_tail(text: str) -> str:
    """Keep the first third, which of an address says the town and not the door."""
    kept = len(text) // 3
    return text[:kept] + "*" * 4 if text else ""
