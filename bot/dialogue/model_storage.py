"""How a model's archive is read for serving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rasa.shared.utils.io
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.storage import ModelMetadata

# The last node of Rasa's NLU: it reads `/intent{…}` out of a text.
INTENT_SYNTAX = "run_RegexMessageHandler"
METADATA_FILE = "metadata.json"

# Components that are trained as Rasa's and served as ours.
REPLACED = {
    "rasa.core.policies.rule_policy.RulePolicy": "bot.dialogue.rules.ServedRulePolicy",
    "rasa.core.policies.memoization.MemoizationPolicy": "bot.dialogue.rules.ServedMemoizationPolicy",
}


class ServedModel(LocalModelStorage):  # type: ignore[misc]
    """Reads the metadata without the training graph, whose classes nobody will run, and with text that is only text."""

    @staticmethod
    def _load_metadata(directory: Path) -> ModelMetadata:
        metadata = rasa.shared.utils.io.read_json_file(directory / METADATA_FILE)
        return ModelMetadata.from_dict(for_serving(metadata))


def for_serving(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata with NLU ending before the node that reads Rasa's intent syntax; ValueError when it does not end there."""
    if metadata["nlu_target"] != INTENT_SYNTAX:
        raise ValueError(f"the model's NLU ends in {metadata['nlu_target']}; expected {INTENT_SYNTAX}, which must be taken out")
    nodes = {name: {**node, "uses": REPLACED.get(node["uses"], node["uses"])} for name, node in metadata["predict_schema"]["nodes"].items()}
    return {
        **metadata,
        "nlu_target": nodes[INTENT_SYNTAX]["needs"]["messages"],
        "train_schema": {"nodes": {}},
        "predict_schema": {"nodes": nodes},
    }
