"""The base of all actions: parse the tracker, answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Talk, read_talk
from bot.shop.protocol import ShopRefusal

Events = list[dict[str, Any]]


class Skill(Action, ABC):  # type: ignore[misc]
    """An action with the name `action_name`. What the shop refuses is said in the words of `utter_refused_<reason>`.

    Other errors leave the action: the turn has then failed, and the service hands over.
    """

    action_name: ClassVar[str]

    def name(self) -> str:
        return self.action_name

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        talk = await read_talk(dispatcher, tracker)
        try:
            return await self.answer(talk)
        except ShopRefusal as refusal:
            talk.say(f"utter_refused_{refusal.reason.value}")
            return []

    @abstractmethod
    async def answer(self, talk: Talk) -> Events:
        """Say something, and return the events of the turn."""
