"""Tracker events as JSON, and back.

One row of `tracker_events` holds what `Event.as_dict()` gives. The service may append events too, in a transaction of its own that
adds their number to `conversations.tracker_seq` (`bot.conversations.tracker`); it needs no Rasa for that, since these are plain JSON:

    {"event": "active_loop", "name": null}                        the form is over
    {"event": "slot", "name": "requested_slot", "value": null}    and asks for nothing
    {"event": "action", "name": "action_listen"}                  an action of the domain was executed

`timestamp` (seconds, UTC) may be added and is otherwise the time of loading. The last action must remain `action_listen`.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.utils.common import all_subclasses

from bot.dialogue.plain import plain

logger = logging.getLogger(__name__)

# The desk shows a few alternatives; a whole ranking would be most of a conversation's bytes.
RANKING_LENGTH = 5


@cache
def event_types() -> dict[str, type[Event]]:
    """Map the JSON name of each event to its class (Rasa walks all subclasses at each look-up)."""
    types: dict[str, type[Event]] = {}
    for subclass in all_subclasses(Event):
        types.setdefault(subclass.type_name, subclass)
    return types


def event_class(type_name: str, default: type[Event] | None = None) -> type[Event] | None:
    """Stand in for `Event.resolve_by_type`; raises ValueError for a name that no event has."""
    found = event_types().get(type_name, default)
    if found is None:
        raise ValueError(f"Unknown event name {type_name!r}.")
    return found


def encode(event: Event) -> dict[str, Any]:
    """Return the event as plain JSON values; numbers of numpy become Python's."""
    raw = event.as_dict()
    parse_data = raw.get("parse_data")
    if parse_data and len(parse_data.get("intent_ranking", ())) > RANKING_LENGTH:
        raw = {**raw, "parse_data": {**parse_data, "intent_ranking": parse_data["intent_ranking"][:RANKING_LENGTH]}}
    values: dict[str, Any] = plain(raw)
    return values


def last_message(tracker: DialogueStateTracker) -> UserUttered:
    """Return what the customer said last, even when a fallback took it back (`tracker.latest_message` is then the one before)."""
    said = (event for event in reversed(tracker.events) if isinstance(event, UserUttered))
    return next(said, None) or UserUttered.empty()


def decode(rows: list[dict[str, Any]], domain: Domain) -> list[Event]:
    """Return the events that the domain still knows; those of an older domain are skipped with one warning each."""
    types = event_types()
    slots = {slot.name for slot in domain.slots}
    events = []
    for row in rows:
        known = types.get(row.get("event", ""))
        event = known._from_parameters(row) if known else None
        if event is not None and _is_known(event, domain, slots):
            events.append(event)
        else:
            logger.warning("skipped an event that this model does not know: %s %s", row.get("event"), row.get("name"))
    return events


def _is_known(event: Event, domain: Domain, slots: set[str]) -> bool:
    if isinstance(event, SlotSet):
        return event.key in slots
    if isinstance(event, ActionExecuted):
        return event.action_name is None or event.action_name in domain.action_names_or_texts
    if isinstance(event, ActiveLoop):
        return event.name is None or event.name in domain.form_names
    return True
