"""Rasa's RulePolicy and MemoizationPolicy for serving: the same predictions without the work that cannot change them."""

from __future__ import annotations

from itertools import chain
from typing import Any

from rasa.core.policies.memoization import MemoizationPolicy
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.shared.core.constants import ACTION_LISTEN_NAME, PREVIOUS_ACTION, SHOULD_NOT_BE_SET, USER
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
        self._by_action = {id(lookup): self._index(lookup) for lookup in map(self.lookup.get, RULES) if lookup}

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

    def _index(self, lookup: dict[str, str]) -> dict[str, list[str]]:
        """Group the rules by the action that must have come last; "" is any."""
        index: dict[str, list[str]] = {}
        for key in lookup:
            index.setdefault(_last_action(self._rule_key_to_state(key)[-1]), []).append(key)
        return index

    def _get_possible_keys(self, lookup: dict[str, str], states: list[State]) -> set[str]:
        index = self._by_action.get(id(lookup), {})
        candidates = [*index.get(_last_action(states[-1]), ()), *index.get("", ())]
        possible: set[str] = super()._get_possible_keys(dict.fromkeys(candidates), states)
        return possible

    def format_tracker_states(self, states: list[State]) -> str:
        return ""


class ServedMemoizationPolicy(MemoizationPolicy):  # type: ignore[misc]
    """Remembers nothing quickly when there are no stories."""

    def predict_action_probabilities(
        self, tracker: DialogueStateTracker, domain: Domain, rule_only_data: dict[str, Any] | None = None, **kwargs: Any
    ) -> PolicyPrediction:
        if not self.lookup:
            return self._prediction(self._default_predictions(domain))
        return super().predict_action_probabilities(tracker, domain, rule_only_data, **kwargs)


def _last_action(state: State) -> str:
    name = state.get(PREVIOUS_ACTION, {}).get(ACTION_NAME) or ""
    return "" if name == SHOULD_NOT_BE_SET else str(name)


def _follows_any_intent(state: State) -> bool:
    """Return whether a rule that ends in this state can match right after a message whatever its intent."""
    return _last_action(state) in {ACTION_LISTEN_NAME, ""} and INTENT not in state.get(USER, {})


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
