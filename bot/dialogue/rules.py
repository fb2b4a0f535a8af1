"""Rasa's RulePolicy for serving: the same predictions without the work that cannot change them."""

from __future__ import annotations

from itertools import chain
from typing import Any

from rasa.core.policies.rule_policy import RulePolicy
from rasa.shared.core.constants import ACTION_LISTEN_NAME, PREVIOUS_ACTION, USER
from rasa.shared.core.domain import Domain, State
from rasa.shared.core.events import ActionExecuted
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ACTION_NAME, INTENT

RULES = ("rules", "rules_for_loop_unhappy_path")


class ServedRulePolicy(RulePolicy):  # type: ignore[misc]
    """Looks as far back as the longest rule, at the customer's words only when a rule has some, and writes no debug text.

    Rasa builds the states of the whole conversation twice for each prediction, and their description for a log that is off.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rules = [self._rule_key_to_state(key) for name in RULES for key in self.lookup.get(name, {})]
        self._longest = max(map(len, rules), default=0)
        self._reads_words = any(_follows_any_intent(rule[-1]) for rule in rules)

    def _find_action_from_rules(
        self, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool
    ) -> tuple[str | None, str | None, bool]:
        if use_text_for_last_user_input and not self._reads_words:
            return None, None, False
        found: tuple[str | None, str | None, bool] = super()._find_action_from_rules(tracker, domain, use_text_for_last_user_input)
        return found

    def _prediction_states(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        use_text_for_last_user_input: bool = False,
        rule_only_data: dict[str, Any] | None = None,
    ) -> list[State]:
        states = recent_states(tracker, domain, self._longest)
        self.featurizer._choose_last_user_input([states], use_text_for_last_user_input)
        return states

    def format_tracker_states(self, states: list[State]) -> str:
        return ""


def _follows_any_intent(state: State) -> bool:
    """Return whether a rule that ends in this state can match right after a message whatever its intent."""
    return state.get(PREVIOUS_ACTION, {}).get(ACTION_NAME) == ACTION_LISTEN_NAME and INTENT not in state.get(USER, {})


def recent_states(tracker: DialogueStateTracker, domain: Domain, count: int) -> list[State]:
    """Return the last `count` of what `tracker.past_states(domain)` gives: one state before each action, and the present one."""
    replayed = tracker.init_copy()
    events = tracker.applied_events()
    skipped = sum(isinstance(event, ActionExecuted) for event in events) + 1 - count
    states = []
    for event in chain(events, [None]):
        if event is None or isinstance(event, ActionExecuted):
            skipped -= 1
            if skipped < 0:
                states.append(domain.get_active_state(replayed))
        if event is not None:
            replayed.update(event)
    return states
