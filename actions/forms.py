"""Forms: several questions to one end. Rasa keeps the form and its slots, we read the answers.

Rasa calls `validate_<form>` when the form starts, at each message while it is open, and when it comes back after another question.
The answer is what Rasa does next: slots and the slot to ask for, or no slot at all, which says that the message was about something
else, so that its own rule answers it and the form then asks again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from rasa_sdk import Tracker
from rasa_sdk.events import SlotSet

from actions.context import Talk
from actions.skill import Events, Skill
from bot.errors import NotFoundError
from bot.shop.protocol import ShopRefusal

REQUESTED_SLOT = "requested_slot"
RESUME_FORM = "resume_form"
CONFIRMED = "confirmed"

Answers = dict[str, str]


class Ended(Exception):
    """The form cannot go on; the customer has been told why."""


class Form(Skill, ABC):
    """`slots` are this form's alone and empty when it starts; `triggers` are the intents that start it."""

    form: ClassVar[str]
    triggers: ClassVar[frozenset[str]]
    slots: ClassVar[tuple[str, ...]]

    def name(self) -> str:
        return f"validate_{self.form}"

    async def answer(self, talk: Talk) -> Events:
        kept = {slot: talk.slot(slot) for slot in self.slots}
        answers = dict(kept)
        try:
            if started(talk.tracker, self.form) and talk.slot(RESUME_FORM) != self.form:
                answers = dict.fromkeys(self.slots, "")
                await self.begin(talk, answers)
            elif not came_back(talk.tracker, self.form) and not await self.listen(talk, answers):
                return [SlotSet(REQUESTED_SLOT, talk.asked_for)]
            following = await self.next_question(talk, answers)
        except NotFoundError:  # what the form was about is no longer theirs: they have logged in as somebody else
            talk.say("utter_order_not_found")
            return self._emptied()
        except Ended:
            return self._emptied()
        changed = [SlotSet(slot, value or None) for slot, value in answers.items() if value != kept[slot]]
        return [*(changed or self._heard(kept)), *self._resumed(talk), SlotSet(REQUESTED_SLOT, following or None)]

    def _emptied(self) -> Events:
        return [*(SlotSet(slot, None) for slot in self.slots), SlotSet(REQUESTED_SLOT, None)]

    def _heard(self, kept: Answers) -> Events:
        """Rasa takes a message as heard when a slot was set: set one to what it is."""
        slot = self.slots[0]
        return [SlotSet(slot, kept[slot] or None)]

    def _resumed(self, talk: Talk) -> Events:
        return [SlotSet(RESUME_FORM, None)] if talk.slot(RESUME_FORM) == self.form else []

    @abstractmethod
    async def begin(self, talk: Talk, answers: Answers) -> None:
        """Take from the first message, and from what we know, what need not be asked. Raises Ended."""

    @abstractmethod
    async def listen(self, talk: Talk, answers: Answers) -> bool:
        """Take the answer out of the message; False when the message is about something else. Raises Ended."""

    @abstractmethod
    async def next_question(self, talk: Talk, answers: Answers) -> str:
        """Return the slot to ask for; empty when all is known."""

    async def sum_up(self, talk: Talk, answers: Answers) -> None:
        """Say what will be done and ask for the customer's yes, where the form has such a question."""
        raise NotImplementedError(f"{self.form} asks for no confirmation")


class Conclusion(Skill, ABC):
    """What follows a form: the deed, if the customer has said yes. Empties the form's slots in any case."""

    form_slots: ClassVar[tuple[str, ...]]

    async def answer(self, talk: Talk) -> Events:
        answers = {slot: talk.slot(slot) for slot in self.form_slots}
        empty: Events = [SlotSet(slot, None) for slot in self.form_slots]
        if not any(answers.values()):
            return empty  # the form ended itself, and has said why
        try:
            return [*empty, *await self.conclude(talk, answers)]
        except ShopRefusal as refusal:
            talk.say(f"utter_refused_{refusal.reason.value}")
        except NotFoundError:
            talk.say("utter_order_not_found")
        return empty

    @abstractmethod
    async def conclude(self, talk: Talk, answers: Answers) -> Events:
        """Do what was asked for and say so. ShopRefusal and NotFoundError are told in their own words."""


def started(tracker: Tracker, form: str) -> bool:
    """Say whether the form was started by the message being answered."""
    return any(event.get("event") == "active_loop" and event.get("name") == form for event in _this_turn(tracker))


def came_back(tracker: Tracker, form: str) -> bool:
    """Say whether another action has answered the message already, so that the form only has to ask again."""
    names = {event.get("name") for event in _this_turn(tracker) if event.get("event") == "action"}
    return bool(names - {form, "action_listen"})


def _this_turn(tracker: Tracker) -> Events:
    events: Events = tracker.events
    last = max((index for index, event in enumerate(events) if event.get("event") == "user"), default=-1)
    return events[last + 1 :]


def says_yes(talk: Talk) -> bool | None:
    """Return the yes or no of the message, None when it is neither. Strange words for it are fine where yes or no was asked."""
    return {"affirm": True, "deny": False}.get(talk.message.reading)
