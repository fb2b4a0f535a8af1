"""What an action is told, and how much its answer is checked: Rasa's `RemoteAction`, made light."""

from __future__ import annotations

from itertools import islice
from typing import Any

import rasa
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event
from rasa.shared.core.trackers import DialogueStateTracker

from bot.dialogue.events import encode, event_class

# Actions look at the last few messages at most; Rasa sends the whole conversation, rankings and all, with each call.
EVENTS_SENT = 60

VALIDATION = ("validate_", "action_validate_slot_mappings")


def lighten_remote_actions(domain: Domain) -> None:
    """Change how every RemoteAction calls and reads its answer, those included that Rasa's forms make for themselves.

    Only an action that validates, or asks for the domain, gets of it what it reads: slots and forms. The answer was checked by
    ActionEndpoint already; by jsonschema, as here, it takes longer than the whole turn.
    """
    values = domain.as_dict()
    slots_and_forms = {"slots": values["slots"], "forms": values["forms"]}

    def call(action: RemoteAction, tracker: DialogueStateTracker, _domain: Domain) -> dict[str, Any]:
        name = action.name()
        reads_domain = name.startswith(VALIDATION) or domain.does_custom_action_explicitly_need_domain(name)
        return action_call(name, tracker, slots_and_forms if reads_domain else None)

    RemoteAction._action_call_format = call
    Event.resolve_by_type = staticmethod(event_class)
    RemoteAction._validate_action_result = lambda _action, _result: True


def action_call(name: str, tracker: DialogueStateTracker, domain: dict[str, Any] | None) -> dict[str, Any]:
    """Return the body of the call, in rasa_sdk's protocol."""
    call = {"next_action": name, "sender_id": tracker.sender_id, "tracker": tracker_state(tracker), "version": rasa.__version__}
    return {**call, "domain": domain} if domain is not None else call


def tracker_state(tracker: DialogueStateTracker) -> dict[str, Any]:
    """Return what `tracker.current_state()` does, with the recent events only, and without copying the message that opened a form."""
    loop = tracker.active_loop
    recent = islice(tracker.events, max(0, len(tracker.events) - EVENTS_SENT), None)
    return {
        "sender_id": tracker.sender_id,
        "slots": tracker.current_slot_values(),
        "latest_message": tracker._latest_message_data(),
        "latest_event_time": tracker.events[-1].timestamp if tracker.events else None,
        "followup_action": tracker.followup_action,
        "paused": tracker.is_paused(),
        "events": [encode(event) for event in recent],
        "latest_input_channel": tracker.get_latest_input_channel(),
        "active_loop": {"name": loop.name, "is_interrupted": loop.is_interrupted, "rejected": loop.rejected} if loop else {},
        "latest_action": tracker.latest_action,
        "latest_action_name": tracker.latest_action_name,
    }
