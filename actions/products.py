"""Products: what there is, and what may please."""

from __future__ import annotations

from actions.cards import product_card
from actions.context import Talk
from actions.skill import Events, Skill
from bot.customers.profile import read_profile
from bot.shop.protocol import Product

MOST = 3


class ActionRecommendProducts(Skill):
    """By what the customer asks for, else by what their purchases say, else what others like."""

    action_name = "action_recommend_products"

    async def answer(self, talk: Talk) -> Events:
        wanted = talk.message.entities.get("product", "")
        if wanted:
            found = await talk.services.shop.search_products(wanted, limit=MOST)
            return _show(talk, found, "utter_products_found")
        profile = await read_profile(talk.services.database, talk.who.customer_id) if talk.who.customer_id else None
        if profile and profile.recommendations:
            products = await talk.services.shop.products(profile.recommendations[:MOST])
            return _show(talk, products, "utter_recommendations")
        talk.say("utter_what_do_you_like")
        return []


class ActionFindProduct(Skill):
    action_name = "action_find_product"

    async def answer(self, talk: Talk) -> Events:
        wanted = talk.message.entities.get("sku") or talk.message.entities.get("product") or talk.message.text
        found = await talk.services.shop.search_products(wanted, limit=MOST)
        if not found and talk.message.corrected:  # not at first: a brand in Latin letters may look like pinyin
            found = await talk.services.shop.search_products(talk.message.corrected, limit=MOST)
        return _show(talk, found, "utter_products_found")


def _show(talk: Talk, products: list[Product], response: str) -> Events:
    if products:
        talk.say(response, cards=[product_card(talk.words, product) for product in products])
    else:
        talk.say("utter_product_not_found", buttons=[talk.button("recommend", "recommend_products")])
    return []
