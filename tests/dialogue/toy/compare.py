"""Does our prediction graph give what Rasa's gives? `compare.py MODEL` takes random walks with both."""

import random
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

CONVERSATIONS, LONGEST, SEED = 40, 10, 7


def load(model, storage, runner):
    with TemporaryDirectory() as folder:
        return loader.load_predict_graph_runner(Path(folder), model, storage, runner)


def predict(metadata, runner, tracker) -> PolicyPrediction:
    return runner.run(inputs={PLACEHOLDER_TRACKER: tracker}, targets=[metadata.core_target])[metadata.core_target]


def after(action, tracker, domain, chance):
    """Return events that the action might have: a form begins, ends or rejects; others fill a slot now and then."""
    if action in domain.form_names:
        begins, ends = tracker.active_loop_name is None, chance.random() < 0.4
        if not begins and chance.random() < 0.3:
            return [ActionExecutionRejected(action)]
        loop = [ActiveLoop(action), SlotSet("requested_slot", "some_slot")] if begins else []
        return [ActionExecuted(action), *loop] + ([SlotSet("requested_slot", None), ActiveLoop(None)] if ends else [])
    if action == "action_deactivate_loop":
        return [ActionExecuted(action), ActiveLoop(None), SlotSet("requested_slot", None)]
    slot = chance.choice([slot.name for slot in domain.slots])
    fill = [SlotSet(slot, chance.choice(["x", True, None]))] if action != "action_listen" and chance.random() < 0.3 else []
    return [ActionExecuted(action), *fill]


def main(model: Path) -> int:
    theirs, their_runner = load(model, LocalModelStorage, DaskGraphRunner)
    ours, our_runner = load(model, ServedModel, StraightRunner)
    domain, chance, compared = theirs.domain, random.Random(SEED), 0
    intents = sorted(set(domain.intents) - {"back", "restart", "session_start"})
    for number in range(CONVERSATIONS):
        tracker = DialogueStateTracker(str(number), domain.slots)
        tracker.update(ActionExecuted("action_listen"))
        for _ in range(chance.randint(1, LONGEST)):
            tracker.update(UserUttered("words", {"name": chance.choice(intents), "confidence": 1.0}))
            for _ in range(6):
                expected, got = predict(theirs, their_runner, tracker), predict(ours, our_runner, tracker)
                shown = [(list(p.probabilities), p.events, p.is_no_user_prediction) for p in (expected, got)]
                assert shown[0] == shown[1], tracker.events
                compared += 1
                action = domain.action_names_or_texts[got.max_confidence_index]
                for event in after(action, tracker, domain, chance):
                    tracker.update(event)
                if action == "action_listen":
                    break
    print(f"{compared} predictions are equal")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
