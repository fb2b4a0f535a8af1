"""Cross-validate our own examples: each is judged by a model that has not seen it, in both languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from sklearn.metrics import f1_score

from bot.languages import LANGUAGES
from bot.nlu.intents import FALLBACK
from bot.nlu.quality.components import Components
from bot.nlu.quality.examples import Annotated
from bot.nlu.quality.measures import calibration_error, macro_f1
from bot.nlu.tokenizer import FOLDED

FOLDS = 5
Progress = Callable[[int, int], None]  # folds done, of how many


@dataclass(frozen=True)
class Outcome:
    """What held-out models said. `predicted` and `confidences` follow `examples`; entity counts are by language and entity."""

    examples: Sequence[Annotated]
    predicted: list[str]
    confidences: NDArray[np.float64]
    entities: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)

    def intent_f1(self, language: str) -> dict[str, float]:
        """Return each intent's F1 in one language."""
        wanted, predicted = self._pairs(language)
        labels = sorted(set(wanted))
        return dict(zip(labels, map(float, f1_score(wanted, predicted, labels=labels, average=None, zero_division=0)), strict=True))

    def macro_f1(self, language: str) -> float:
        return macro_f1(*self._pairs(language))

    def accuracy(self, language: str) -> float:
        return float(np.mean([wanted == predicted for wanted, predicted in zip(*self._pairs(language), strict=True)]))

    def ece(self) -> float:
        right = np.array([one.intent == predicted for one, predicted in zip(self.examples, self.predicted, strict=True)])
        return calibration_error(self.confidences, right)

    def entity_f1(self, language: str) -> dict[str, float]:
        """Return F1 by entity and, under "", of all: same kind at exactly the same place."""
        counts = self.entities[language]
        names = sorted({name for name, _ in counts})
        return {name: _f1(counts, [name]) for name in names} | {"": _f1(counts, names)}

    def confusions(self) -> list[tuple[str, str, int]]:
        """Return (wanted, predicted, count) of what was mistaken, the most frequent first."""
        pairs = zip((one.intent for one in self.examples), self.predicted, strict=True)
        return [(*pair, count) for pair, count in Counter(pair for pair in pairs if pair[0] != pair[1]).most_common()]

    def _pairs(self, language: str) -> tuple[list[str], list[str]]:
        chosen = [(one.intent, said) for one, said in zip(self.examples, self.predicted, strict=True) if one.language == language]
        return [wanted for wanted, _ in chosen], [said for _, said in chosen]


def cross_validate(examples: Sequence[Annotated], pipeline: Sequence[dict[str, Any]], folder: Path, progress: Progress) -> Outcome:
    """Run the pipeline of `settled_config` over five folds, each with its share of every intent in every language."""
    components = Components(pipeline, folder)
    messages = components.featurised([one.text for one in examples], [one.intent for one in examples])
    folds = _folds(examples)
    predicted, confidences = [""] * len(examples), np.zeros(len(examples))
    for fold in range(FOLDS):
        progress(fold, FOLDS)
        classifier = components.classifier([message for message, one in zip(messages, folds, strict=True) if one != fold])
        for place in np.flatnonzero(folds == fold):
            message = classifier.process([_unlabelled(messages[place])])[0]
            best = next(one for one in message.get(INTENT_RANKING_KEY) if one["name"] != FALLBACK)
            predicted[place], confidences[place] = best["name"], best["confidence"]
    progress(FOLDS, FOLDS)
    return Outcome(examples, predicted, confidences, _entities(examples, messages, components))


def _folds(examples: Sequence[Annotated]) -> NDArray[np.int64]:
    generator = np.random.default_rng(0)
    groups = np.array([f"{one.language} {one.intent}" for one in examples])
    folds = np.empty(len(examples), dtype=np.int64)
    for group in np.unique(groups):
        places = generator.permutation(np.flatnonzero(groups == group))
        folds[places] = (np.arange(len(places)) + generator.integers(FOLDS)) % FOLDS
    return folds


def _unlabelled(message: Message) -> Message:
    copy = Message({key: value for key, value in message.data.items() if key != INTENT})
    copy.features = message.features
    return copy


def _entities(examples: Sequence[Annotated], messages: Sequence[Message], components: Components) -> dict[str, Counter[tuple[str, str]]]:
    """Count hits, misses and false finds; the rules learn nothing from examples, so that folds are not needed."""
    extractor = components.extractor(messages)
    counts: dict[str, Counter[tuple[str, str]]] = {language: Counter() for language in LANGUAGES}
    for example, message in zip(examples, messages, strict=True):
        bare = Message({TEXT: example.text, FOLDED: message.get(FOLDED), INTENT: {"name": example.intent}})
        found = {(one["entity"], one["start"], one["end"]) for one in extractor.process([bare])[0].get(ENTITIES)}
        wanted = {(one.entity, one.start, one.end) for one in example.entities}
        for kind, some in (("hit", found & wanted), ("false", found - wanted), ("miss", wanted - found)):
            counts[example.language].update((entity, kind) for entity, _, _ in some)
    return counts


def _f1(counts: Counter[tuple[str, str]], names: Sequence[str]) -> float:
    hits, wrong = sum(counts[name, "hit"] for name in names), sum(counts[name, "false"] + counts[name, "miss"] for name in names)
    return 2 * hits / (2 * hits + wrong) if hits or wrong else 1.0
