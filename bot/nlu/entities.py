"""Entities by rules and lists: exact places, normalised values, none inside of another."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.errors import SettingError
from bot.nlu.dates import DateFinder, DateWords
from bot.nlu.lookup import Lookup, read_entries, read_phrases
from bot.nlu.normalize import Folded
from bot.nlu.patterns import PatternFinder, ReasonFinder
from bot.nlu.spans import Found, without_overlaps
from bot.nlu.tokenizer import folded_text

_RULE_FILES = ("patterns.yml", "currencies.yml", "return_reasons.yml", "dates.yml")


class EntityRules:
    """All finders, from the files of one folder (`nlu_data/lookups` or a model's copy of it)."""

    def __init__(self, folder: Path, lists: dict[str, list[str]]) -> None:
        patterns, currencies, reasons, dates = (_read(folder / name) for name in _RULE_FILES)
        self._patterns = PatternFinder(patterns, currencies)
        self._reasons = ReasonFinder(reasons)
        self._dates = DateFinder(DateWords(**dates))
        self._lookups = [_lookup(entity, [folder / name for name in names]) for entity, names in lists.items()]

    def find(self, text: str, today: date) -> list[Found]:
        """Return what there is in a folded text, in its order, without overlaps."""
        text = _lower(text)
        found = [*self._patterns.find(text), *self._reasons.find(text), *self._dates.find(text, today)]
        for lookup in self._lookups:
            found.extend(lookup.find(text))
        return without_overlaps(found)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class RuleEntityExtractor(GraphComponent, EntityExtractorMixin):  # type: ignore[misc]
    """Adds `entities` to the parse. Training only puts the rules into the model."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            # Folder of patterns.yml, currencies.yml, return_reasons.yml, dates.yml and the lists below.
            "rules": "nlu_data/lookups",
            # Entity: files in that folder with its names; of a name in two of them the first file's counts.
            "lists": {"city": ["cities.yml"], "product": ["products.yml", "product_kinds.yml"]},
            # Where "yesterday" is reckoned.
            "timezone": "Asia/Shanghai",
        }

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        rules: EntityRules | None = None,
        today: Callable[[], date] | None = None,
    ) -> None:
        self._folder = Path(config["rules"])
        self._lists: dict[str, list[str]] = config["lists"]
        self._zone = ZoneInfo(config["timezone"])
        self._model_storage = model_storage
        self._resource = resource
        self._rules = rules or EntityRules(self._folder, self._lists)
        self._today = today or (lambda: datetime.now(self._zone).date())

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> RuleEntityExtractor:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> RuleEntityExtractor:
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, EntityRules(folder, config["lists"]))

    def train(self, training_data: TrainingData) -> Resource:
        with self._model_storage.write_to(self._resource) as folder:
            for name in (*_RULE_FILES, *(name for names in self._lists.values() for name in names)):
                shutil.copyfile(self._folder / name, folder / name)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            folded = folded_text(message)
            found = self._rules.find(folded.text, self._today())
            entities = [self._entity(one, folded, message.get(TEXT)) for one in found]
            message.set(ENTITIES, [*message.get(ENTITIES, []), *entities], add_to_output=True)
        return messages

    def _entity(self, found: Found, folded: Folded, text: str) -> dict[str, Any]:
        start, end = folded.original(found.start, found.end)
        return {
            "entity": found.entity,
            "start": start,
            "end": end,
            "value": found.value,
            "text": text[start:end],
            "confidence_entity": found.confidence,
            "extractor": self.name,
        }


def _lookup(entity: str, files: list[Path]) -> Lookup:
    entries = [entry for file in files for entry in read_entries(file)]
    return Lookup(entity, entries, phrases=[phrase for file in files for phrase in read_phrases(file)])


def _lower(text: str) -> str:
    """Lower-case without changing any place: a few letters grow (İ)."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(low if len(low := one.lower()) == 1 else one for one in text)


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf8"))
    except (OSError, yaml.YAMLError) as error:
        raise SettingError(f"The rules in {path} cannot be read: {error}") from error
