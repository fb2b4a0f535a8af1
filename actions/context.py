"""One turn as an action sees it: the message, who speaks (from SQL), and the way to answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.services import Services, services
from actions.words import Words
from bot.conversations.links import invite
from bot.conversations.who import Who, who
from bot.effects import EffectKey
from bot.errors import NotFoundError
from bot.languages import notice
from bot.messages import HandOff
from bot.shop.protocol import Order

# Where we have asked yes or no, a doubtful reading as something else gives way to the answer among the first few readings.
UNSURE, LEANING, LEAN = 0.6, 4, 0.25

LONGEST_NUMBER = 40  # of an order or a shipment; nothing longer is one


@dataclass(frozen=True)
class Message:
    """What the customer said, as Rasa understood it. Entities are text, never identity."""

    id: str
    epoch: int
    language: str
    text: str
    intent: str
    entities: dict[str, str]
    ranking: list[tuple[str, float]]
    foreign: bool = False  # unlike all examples: nothing of ours, or ours in words never seen
    corrected: str = ""  # as it was understood, where it was written by sound

    @property
    def meant(self) -> str:
        """Return what to search by; names, addresses and numbers are in the text as it was typed."""
        return self.corrected or self.text

    @property
    def confidence(self) -> float:
        """Return how likely the best reading is, also where the message counts as not understood."""
        return next((part for name, part in self.ranking if name != "nlu_fallback"), 0.0)

    @property
    def reading(self) -> str:
        """Return the intent, or for a message that was not understood its likely one; to be used where an answer was asked for."""
        if self.intent == "nlu_fallback" and self.confidence >= UNSURE:
            return next(name for name, _ in self.ranking if name != "nlu_fallback")
        return self.intent

    def leans_to(self, intents: frozenset[str]) -> bool:
        """Say whether one of these is meant, also where another intent is a little ahead of them."""
        if self.intent in intents:
            return True
        return self.confidence < UNSURE and sum(part for name, part in self.ranking[:LEANING] if name in intents) >= LEAN


@dataclass(frozen=True)
class Talk:
    """The turn: what is known in it, and what can be said."""

    message: Message
    who: Who
    words: Words
    services: Services
    tracker: Tracker
    dispatcher: CollectingDispatcher

    def slot(self, name: str) -> str:
        value = self.tracker.slots.get(name)
        return value if isinstance(value, str) else ""

    @property
    def form(self) -> str:
        """Return the name of the open form; empty when there is none."""
        return self.tracker.active_loop_name or ""

    @property
    def asked_for(self) -> str:
        return self.slot("requested_slot")

    def say(
        self,
        response: str,
        *,
        buttons: Sequence[dict[str, str]] = (),
        cards: Sequence[dict[str, Any]] = (),
        **values: object,
    ) -> None:
        """Utter a response of domain.yml, with buttons and cards, as one reply."""
        custom = {"cards": list(cards)} if cards else None
        self.dispatcher.utter_message(response=response, buttons=list(buttons), json_message=custom, **values)

    async def ask_to_log_in(self, response: str) -> None:
        """Say that this takes a log-in; on a channel, which has none, with a link by which the shop can answer for its customer."""
        self.say(response)
        address = await invite(self.services.settings, self.services.database, self.who.thread_id, actor="bot")
        if address:
            self.dispatcher.utter_message(text=notice("link_invitation", self.message.language, url=address))

    def button(self, word: str, intent: str, **entities: str) -> dict[str, str]:
        """Return a button titled with the word `button.<word>`; pressed, it means the intent with the entities."""
        return named_button(self.words(f"button.{word}"), intent, **entities)

    def hand_off(self, hand_off: HandOff) -> None:
        packet = {
            "reason": hand_off.reason.value,
            "topic": hand_off.topic,
            "summary": hand_off.summary,
            "question": hand_off.question,
        }
        self.dispatcher.utter_message(json_message={"hand_off": packet})

    def key(self, action: str) -> EffectKey:
        """Return the key under which this action changes the world once for this message, while the bot owns the conversation."""
        return EffectKey(self.who.conversation_id, self.message.id, action, self.message.epoch)

    async def order(self, number: str) -> Order:
        """Return the order if the speaker may look at it; NotFoundError says the same for one that does not exist."""
        owner = self.who.owner_of(number)
        if owner is None:
            raise NotFoundError(f"order {number[:LONGEST_NUMBER]!r} is not proven in this thread")
        return await self.services.shop.order(number, customer_id=owner)

    async def orders(self, limit: int = 8) -> list[Order]:
        """Return the speaker's newest orders: all of an identified customer's, else the proven ones."""
        if self.who.shop_customer_id:
            return await self.services.shop.orders(self.who.shop_customer_id, limit=limit)
        found = [await self.order(number) for number in self.who.proven_orders]
        return sorted(found, key=lambda order: order.placed_at, reverse=True)[:limit]


async def read_talk(dispatcher: CollectingDispatcher, tracker: Tracker) -> Talk:
    """Parse the tracker; raises KeyError when the message did not come through our channel, NotFoundError for no conversation."""
    message = _message(tracker.latest_message)
    opened = services()
    speaker = await who(opened.database, tracker.sender_id)
    return Talk(message, speaker, Words(message.language, opened.settings.timezone), opened, tracker, dispatcher)


def _message(latest: dict[str, Any]) -> Message:
    metadata = latest["metadata"]
    return Message(
        id=metadata["message_id"],
        epoch=metadata["epoch"],
        language=metadata["language"],
        text=latest.get("text") or "",
        intent=(latest.get("intent") or {}).get("name") or "",
        entities=_entities(latest.get("entities") or []),
        ranking=[(guess["name"], float(guess["confidence"])) for guess in latest.get("intent_ranking") or []],
        foreign=_is_foreign(latest.get("novelty") or {}),
        corrected=latest.get("corrected") or "",
    )


def _is_foreign(novelty: dict[str, float]) -> bool:
    return bool(novelty) and novelty["familiarity"] < novelty["threshold"]


def _entities(found: list[dict[str, Any]]) -> dict[str, str]:
    """Return the first value of each entity; order numbers as the company writes them."""
    values: dict[str, str] = {}
    for entity in found:
        value = str(entity.get("value") or "").strip()
        if value:
            values.setdefault(entity["entity"], value)
    for name in ("order_number", "tracking_number"):
        if name in values:
            values[name] = values[name].upper()[:LONGEST_NUMBER]
    return values


def named_button(title: str, intent: str, **entities: str) -> dict[str, str]:
    payload = json.dumps(entities, ensure_ascii=False) if entities else ""
    return {"title": title, "payload": f"/{intent}{payload}"}
