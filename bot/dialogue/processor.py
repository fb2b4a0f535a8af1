"""Rasa's message processor with our seams, and without what costs time and serves debugging only."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rasa.core.actions.action import Action, ActionExecutionRejection, ActionExtractSlots
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.engine import loader
from rasa.engine.runner.interface import GraphRunner
from rasa.engine.storage.storage import ModelMetadata
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    DefinePrevUserUtteredFeaturization,
    Event,
    SessionStarted,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.dialogue.action_call import lighten_remote_actions
from bot.dialogue.context import current_turn
from bot.dialogue.endpoint import ActionEndpoint
from bot.dialogue.model_storage import ServedModel
from bot.dialogue.output import Output
from bot.dialogue.responses import Responses
from bot.dialogue.runner import StraightRunner
from bot.dialogue.tracker_store import SqlTrackerStore

logger = logging.getLogger(__name__)


class TurnProcessor(MessageProcessor):  # type: ignore[misc]
    """Runs one message through the loaded model.

    What differs from Rasa's: text is never read as `/intent{…}`; an action that fails is noted in the turn; a conversation has one
    session, since it is one enquiry; the graph runs without dask; nothing is copied for the sake of a debug log that is off.
    """

    def __init__(self, model: Path, *, store: SqlTrackerStore, responses: Responses, endpoint: ActionEndpoint) -> None:
        super().__init__(model, store, InMemoryLockStore(), responses, endpoint)
        self._actions: dict[str, Action] = {}
        self._extract_slots = ActionExtractSlots(endpoint)
        store.domain = self.domain
        responses.responses = self.domain.responses
        lighten_remote_actions(self.domain)

    @staticmethod
    def _load_model(model_path: Path) -> tuple[str, ModelMetadata, GraphRunner]:
        with TemporaryDirectory() as folder:
            metadata, runner = loader.load_predict_graph_runner(Path(folder), model_path, ServedModel, StraightRunner)
        return model_path.name, metadata, runner

    async def _update_tracker_session(
        self, tracker: DialogueStateTracker, output_channel: Output, metadata: dict[str, Any] | None = None
    ) -> None:
        """Begin the conversation's only session: sessions do not expire here, the service closes conversations."""
        if any(isinstance(event, SessionStarted) for event in tracker.events):
            return
        for event in (ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted(), ActionExecuted(ACTION_LISTEN_NAME)):
            tracker.update(event, self.domain)

    async def run_action_extract_slots(self, output_channel: Output, tracker: DialogueStateTracker) -> DialogueStateTracker:
        events = await self._extract_slots.run(output_channel, self.nlg, tracker, self.domain)
        await self._send_bot_messages(events, tracker, output_channel)
        tracker.update_with_events(events, self.domain)
        return tracker

    def predict_next_with_tracker_if_should(self, tracker: DialogueStateTracker) -> tuple[Action, PolicyPrediction]:
        name = tracker.latest_action_name
        if self.is_action_limit_reached(tracker, self.should_predict_another_action(name)):
            # Rasa stops here without a word; the customer would be left with half an answer.
            current_turn.get().fail(name or "")
        return super().predict_next_with_tracker_if_should(tracker)  # type: ignore[no-any-return]

    async def _run_action(
        self, action: Action, tracker: DialogueStateTracker, output_channel: Output, nlg: Responses, prediction: PolicyPrediction
    ) -> bool:
        """Run the action and log it; an exception is noted in the turn, where Rasa would only write it to its log."""
        name = action.name()
        events: list[Event] = []
        try:
            events = await action.run(output_channel, nlg, self._as_the_action_sees_it(tracker, prediction), self.domain)
        except ActionExecutionRejection:
            tracker.update(ActionExecutionRejected(name, prediction.policy_name, prediction.max_confidence))
            return bool(self.should_predict_another_action(name))
        except Exception:
            logger.exception("action %s failed in conversation %s", name, tracker.sender_id)
            current_turn.get().fail(name)
        self._log_action_on_tracker(tracker, action, events, prediction)
        await self.execute_side_effects(events, tracker, output_channel)
        return bool(self.should_predict_another_action(name))

    def _as_the_action_sees_it(self, tracker: DialogueStateTracker, prediction: PolicyPrediction) -> DialogueStateTracker:
        """Return the tracker with the policies' events applied: a copy, replayed from its first event, only when there are such."""
        if all(isinstance(event, DefinePrevUserUtteredFeaturization) for event in prediction.events):
            return tracker
        seen = tracker.copy()
        seen.update_with_events(prediction.events, self.domain)
        return seen

    def _log_action_on_tracker(
        self, tracker: DialogueStateTracker, action: Action, events: list[Event] | None, prediction: PolicyPrediction
    ) -> None:
        events = events or []
        if not any(isinstance(event, ActionExecutionRejected) for event in events):
            tracker.update_with_events(prediction.events, self.domain)
            tracker.update(action.event_for_successful_execution(prediction))
        tracker.update_with_events(events, self.domain)

    def _check_for_unseen_features(self, parse_data: dict[str, Any]) -> None:
        """Intents and entities were checked against the domain in training; Rasa builds an empty domain at each message to compare."""

    @staticmethod
    def _log_slots(tracker: DialogueStateTracker) -> None:
        """Slots hold what customers say; they are not logged."""
