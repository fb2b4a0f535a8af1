"""Does our prediction graph give what Rasa's gives? `compare.py MODEL` walks through conversations with both; the exit code answers."""

import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

warnings.simplefilter("ignore")

from rasa.core.policies.policy import PolicyPrediction  # noqa: E402
from rasa.engine import loader  # noqa: E402
from rasa.engine.constants import PLACEHOLDER_TRACKER  # noqa: E402
from rasa.engine.runner.dask import DaskGraphRunner  # noqa: E402
from rasa.engine.storage.local_model_storage import LocalModelStorage  # noqa: E402
from rasa.shared.core.events import ActionExecuted, ActionExecutionRejected, ActiveLoop, SlotSet, UserUttered  # noqa: E402
from rasa.shared.core.trackers import DialogueStateTracker  # noqa: E402

from bot.dialogue.model_storage import ServedModel  # noqa: E402
from bot.dialogue.runner import StraightRunner  # noqa: E402

CONVERSATIONS = [
    ["greet", "order_status", "cancel_order", "greet"],
    ["inform", "greet", "inform", "inform"],
    ["return_item", "inform", "greet"],
    ["return_item", "greet", "stop", "greet"],
    ["return_item", "order_status", "inform", "return_item", "stop"],
    ["greet"] * 12 + ["return_item", "human_handoff", "inform"],
]


def load(model, storage, runner):
    with TemporaryDirectory() as folder:
        return loader.load_predict_graph_runner(Path(folder), model, storage, runner)


def predict(metadata, runner, tracker) -> PolicyPrediction:
    return runner.run(inputs={PLACEHOLDER_TRACKER: tracker}, targets=[metadata.core_target])[metadata.core_target]


def after(action, tracker, domain):
    """Apply roughly what the action would do; a form asks, and rejects what is not for it."""
    events = [ActionExecuted(action)]
    if action == "return_form":
        if tracker.active_loop_name is None:
            events += [ActiveLoop("return_form"), SlotSet("requested_slot", "order_number")]
        elif tracker.latest_message.intent["name"] == "inform":
            events += [SlotSet("order_number", "A-1"), SlotSet("requested_slot", None), ActiveLoop(None)]
        else:
            events = [ActionExecutionRejected(action)]
    if action == "action_deactivate_loop":
        events += [ActiveLoop(None), SlotSet("requested_slot", None)]
    for event in events:
        tracker.update(event, domain)


def main(model: Path) -> int:
    theirs, their_runner = load(model, LocalModelStorage, DaskGraphRunner)
    ours, our_runner = load(model, ServedModel, StraightRunner)
    compared = 0
    for intents in CONVERSATIONS:
        tracker = DialogueStateTracker("c", theirs.domain.slots)
        tracker.update(ActionExecuted("action_listen"))
        for intent in intents:
            tracker.update(UserUttered("words", {"name": intent, "confidence": 1.0}))
            for _ in range(8):
                expected, got = predict(theirs, their_runner, tracker), predict(ours, our_runner, tracker)
                shown = [(p.max_confidence_index, list(p.probabilities), p.events, p.is_no_user_prediction) for p in (expected, got)]
                assert shown[0] == shown[1], (intents, intent, shown)
                compared += 1
                action = theirs.domain.action_names_or_texts[got.max_confidence_index]
                after(action, tracker, theirs.domain)
                if action == "action_listen":
                    break
    print(f"{compared} predictions are equal")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
