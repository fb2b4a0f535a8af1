"""What a model's parses of labelled messages are worth."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.nlu.quality.measures import calibration_error, foreign_auroc, foreign_recall, macro_f1
from bot.nlu.quality.rows import Row

FALLBACK = "nlu_fallback"  # Rasa's name, see bot.nlu.intents
_SLASH = "\N{FRACTION SLASH}"


@dataclass(frozen=True, slots=True)
class Judged:
    """One message with what the model said of it."""

    row: Row
    best: str  # the likeliest intent, whether or not the bot would act on it
    confidence: float  # of `best`
    familiarity: float  # out-of-scope score: higher is more like the training examples
    refused: bool  # the bot would not act: foreign, or no intent likely enough


def rasa_name(intent: str) -> str:
    """Return a name that Rasa takes as it is: what stands behind a plain slash it takes for one of an intent's responses."""
    return intent.replace("/", _SLASH)


def judge(row: Row, parse: Mapping[str, Any], *, foreign_intent: str) -> Judged:
    ranking = [(one["name"], one["confidence"]) for one in parse.get("intent_ranking", []) if one["name"] != FALLBACK]
    best, confidence = ranking[0] if ranking else ("", 0.0)
    refused = parse["intent"]["name"] in (FALLBACK, foreign_intent, None)
    return Judged(row, best.replace(_SLASH, "/"), confidence, parse.get("novelty", {}).get("familiarity", confidence), refused)


def measures(judged: Sequence[Judged], *, foreign_labels: Collection[str]) -> dict[str, Any]:
    """Return accuracy, macro_f1, accuracy by language and ece of what is in scope; with foreign ones also how well they are told apart.

    Accuracy counts the likeliest intent, refused or not; `in_scope_kept` and `oos_recall` say what the model's own threshold does.
    """
    ours = [one for one in judged if one.row.intent not in foreign_labels]
    foreign = [one for one in judged if one.row.intent in foreign_labels]
    if not ours:
        return {"oos_recall": _refused(foreign)}
    right = np.array([one.best == one.row.intent for one in ours])
    result: dict[str, Any] = {
        "rows": len(ours),
        "accuracy": float(right.mean()),
        "macro_f1": macro_f1([one.row.intent for one in ours], [one.best for one in ours]),
        "accuracy_by_language": _by_language(ours),
        "ece": calibration_error(np.array([one.confidence for one in ours]), right),
        "in_scope_kept": 1 - _refused(ours),
    }
    if foreign:
        result |= _apart(ours, foreign)
        by_label = {label: [one for one in foreign if one.row.intent == label] for label in sorted({one.row.intent for one in foreign})}
        if len(by_label) > 1:
            result["by_oos_label"] = {label: _apart(ours, some) for label, some in by_label.items()}
    return result


def _apart(ours: Sequence[Judged], foreign: Sequence[Judged]) -> dict[str, Any]:
    known = np.array([one.familiarity for one in ours])
    strange = np.array([one.familiarity for one in foreign])
    return {
        "oos_rows": len(foreign),
        "oos_auroc": foreign_auroc(known, strange),
        "oos_recall_at_90": foreign_recall(known, strange),
        "oos_recall": _refused(foreign),
    }


def _refused(judged: Sequence[Judged]) -> float:
    return float(np.mean([one.refused for one in judged]))


def _by_language(judged: Sequence[Judged]) -> dict[str, float]:
    languages = sorted({one.row.language for one in judged})
    groups = {language: [one for one in judged if one.row.language == language] for language in languages}
    return {language: float(np.mean([one.best == one.row.intent for one in some])) for language, some in groups.items()}
