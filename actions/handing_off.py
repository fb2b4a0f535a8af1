"""To a human: why, on which topic, and what the agent should know at a glance."""

from __future__ import annotations

from rasa_sdk.events import ActiveLoop, SlotSet

from actions.context import Talk
from actions.forms import REQUESTED_SLOT
from actions.skill import Events
from actions.words import intent_names, skill_of
from bot.messages import HandOff, HandoffReason

GENERAL = "general"
LONGEST_WORDS = 120  # characters of the customer's own words in a summary

_SAYS_NOTHING = frozenset({"human_handoff", "affirm", "deny", "greet", "stop", "thank", "goodbye", "inform"})
_FORM_INTENT = {
    "return_form": "return_item",
    "cancel_order_form": "cancel_order",
    "address_form": "change_address",
    "invoice_form": "request_invoice",
    "cancel_membership_form": "cancel_membership",
}


def hand_off(talk: Talk, reason: HandoffReason, *, about: str = "", note: str = "", question: str = "") -> Events:
    """Emit the hand-off and end whatever form is open.

    `about` is the intent that it is about, where that is known; `note` goes before the summary; one `question`, which may be skipped.
    """
    wish = about or _last_wish(talk)
    topic = skill_of(wish) or GENERAL
    talk.hand_off(HandOff(reason=reason, topic=topic, summary=_summary(talk, wish, note), question=question))
    return [ActiveLoop(None), SlotSet(REQUESTED_SLOT, None)]


def topic_of(talk: Talk) -> str:
    """Return the skill of the open form, else of the last thing that was asked about."""
    return skill_of(_last_wish(talk)) or GENERAL


def _last_wish(talk: Talk) -> str:
    """Return the intent of the open form, else the newest intent that names a topic; empty when there is none."""
    if talk.form in _FORM_INTENT:
        return _FORM_INTENT[talk.form]
    return next((intent for intent in reversed(intents_said(talk)) if skill_of(intent) not in {"", GENERAL}), "")


def intents_said(talk: Talk) -> list[str]:
    """Return the intents of the customer's messages so far, this one included, oldest first."""
    users = [event for event in talk.tracker.events if event.get("event") == "user"]
    return [((event.get("parse_data") or {}).get("intent") or {}).get("name") or "" for event in users]


def _summary(talk: Talk, wish: str, note: str) -> str:
    words = talk.words
    names = intent_names(words.language)
    order = talk.message.entities.get("order_number") or talk.slot("form_order") or talk.slot("order_number")
    parts = [note]
    if wish in names:
        parts.append(words("hand_off.form" if talk.form in _FORM_INTENT else "hand_off.wants", intent=names[wish]))
    if order:
        parts.append(words("hand_off.order", order=order))
    if talk.message.entities.get("tracking_number"):
        parts.append(words("hand_off.tracking", tracking=talk.message.entities["tracking_number"]))
    said = _own_words(talk)
    if said:
        parts.append(words("hand_off.words", text=said))
    return words("hand_off.separator").join(part for part in parts if part)


def _own_words(talk: Talk) -> str:
    """Return the newest thing that the customer said beyond asking for a person."""
    users = [event for event in talk.tracker.events if event.get("event") == "user"]
    for event in reversed(users):
        intent = ((event.get("parse_data") or {}).get("intent") or {}).get("name")
        text = (event.get("text") or "").strip()
        if text and intent not in _SAYS_NOTHING:
            return text[:LONGEST_WORDS]
    return ""
