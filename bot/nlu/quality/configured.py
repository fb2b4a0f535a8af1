"""What domain.yml and config.yml say that the data are measured by: intents, entities, words, rules, the classifier's options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.errors import SettingError

TOKENIZER = "bot.nlu.tokenizer.BilingualTokenizer"
CLASSIFIER = "bot.nlu.intents.EncoderIntentClassifier"
EXTRACTOR = "bot.nlu.entities.RuleEntityExtractor"
# Made by the classifier, not learned from examples.
NOT_LEARNED = frozenset({"nlu_fallback"})


@dataclass(frozen=True)
class Configured:
    """A project's names; `intents` with the line of domain.yml that each stands in."""

    root: Path
    intents: dict[str, int]
    entities: frozenset[str]
    pipeline: dict[str, dict[str, Any]]  # options by component

    def option(self, component: str, name: str, default: Any = None) -> Any:
        return self.pipeline.get(component, {}).get(name, default)

    def words(self) -> list[str]:
        """Return what the tokenizer keeps whole."""
        from bot.nlu.words import read_words

        dictionary = self.option(TOKENIZER, "user_dictionary")
        names = self.option(TOKENIZER, "names", [])
        return read_words(self.root / dictionary if dictionary else None, [self.root / name for name in names])


def read_configured(root: Path) -> Configured:
    """Read both files; SettingError for one that cannot be read."""
    domain, config = _mapping(root / "domain.yml"), _read(root / "config.yml") or {}
    pipeline = {str(one["name"]): one for one in config.get("pipeline") or [] if isinstance(one, dict) and "name" in one}
    return Configured(root, _names(domain, "intents"), frozenset(_names(domain, "entities")), pipeline)


def _names(domain: yaml.MappingNode, section: str) -> dict[str, int]:
    """Return the names of a list, some of which are mappings with options, and their lines."""
    for key, value in domain.value:
        if key.value == section and isinstance(value, yaml.SequenceNode):
            names = [one.value[0][0] if isinstance(one, yaml.MappingNode) else one for one in value.value]
            return {str(name.value): name.start_mark.line + 1 for name in names}
    return {}


def _mapping(path: Path) -> yaml.MappingNode:
    try:
        node = yaml.compose(path.read_text(encoding="utf8"), yaml.SafeLoader)
    except (OSError, yaml.YAMLError) as error:
        raise SettingError(f"{path} cannot be read: {error}") from error
    if not isinstance(node, yaml.MappingNode):
        raise SettingError(f"{path} holds no mapping; it needs `intents` and `entities`")
    return node


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf8"))
    except (OSError, yaml.YAMLError) as error:
        raise SettingError(f"{path} cannot be read: {error}") from error
