"""What was not understood: a text of the FAQ that is like it, else an answer that fits, and at the second time a human.

There are two kinds. Between two intents of ours: "did you mean A or B?". Unlike all that we know: "that is nothing I can help with".
"""

from __future__ import annotations

from actions.context import Talk, named_button
from actions.handing_off import hand_off
from actions.skill import Events, Skill
from actions.words import intent_names
from bot.messages import HandoffReason

# Below it a foreign topic is a guess. The classifier gives real ones 0.9 and more, gibberish 0.5 to 0.75.
SURE = 0.8

# Below it the second guess of the classifier is noise. What is above is offered, at most two.
PLAUSIBLE = 0.12
MOST_GUESSES = 2

_NOT_UNDERSTOOD = frozenset({"utter_did_you_mean", "utter_not_understood", "utter_not_understood_in_form"})
_OUT_OF_SCOPE = "utter_out_of_scope"


class ActionDefaultFallback(Skill):
    """Rasa's name for it. Two messages in a row that were not understood go to a human; a foreign topic before this one counts too."""

    action_name = "action_default_fallback"

    async def answer(self, talk: Talk) -> Events:
        return await not_understood(talk)


class ActionOutOfScope(Skill):
    """A topic that is none of ours: says so, with a way to a human. Twice in a row is no misunderstanding and hands nothing over.

    A doubtful one may be a question of ours in strange words, or no words at all: it counts as not understood.
    """

    action_name = "action_out_of_scope"

    async def answer(self, talk: Talk) -> Events:
        if talk.message.confidence < SURE:
            return await not_understood(talk)
        talk.say(_OUT_OF_SCOPE, buttons=[talk.button("human", "human_handoff")])
        return []


async def not_understood(talk: Talk) -> Events:
    found = talk.services.faq.search(talk.message.meant, talk.message.language) if talk.message.text else None
    if found:
        talk.say("utter_faq", answer=found.entry.answer)
        return []
    if said_before(talk) & (_NOT_UNDERSTOOD | {_OUT_OF_SCOPE}):
        talk.say("utter_hand_off_not_understood")
        return hand_off(talk, HandoffReason.NOT_UNDERSTOOD, note=talk.words("hand_off.not_understood"))
    if talk.form:
        talk.say("utter_not_understood_in_form")
        return []
    guesses = _guesses(talk)
    if talk.message.foreign:
        talk.say(_OUT_OF_SCOPE, buttons=[*guesses, talk.button("human", "human_handoff")])
    elif guesses:
        talk.say("utter_did_you_mean", buttons=[*guesses, talk.button("human", "human_handoff")])
    else:
        talk.say("utter_not_understood", buttons=[talk.button("human", "human_handoff")])
    return []


def said_before(talk: Talk) -> set[str]:
    """Return the responses that the bot gave to the message before this one."""
    users = [index for index, event in enumerate(talk.tracker.events) if event.get("event") == "user"]
    if len(users) < 2:
        return set()
    between = talk.tracker.events[users[-2] : users[-1]]
    return {(event.get("metadata") or {}).get("utter_action") or "" for event in between if event.get("event") == "bot"}


def _guesses(talk: Talk) -> list[dict[str, str]]:
    """Return buttons of the intents that may be meant, keeping what the message named."""
    names = intent_names(talk.words.language)
    likely = [intent for intent, confidence in talk.message.ranking if intent in names and confidence >= PLAUSIBLE]
    kept = {name: value for name, value in talk.message.entities.items() if name in {"order_number", "tracking_number", "product"}}
    return [named_button(names[intent], intent, **kept) for intent in likely[:MOST_GUESSES]]
