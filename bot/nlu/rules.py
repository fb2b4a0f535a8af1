"""All the rules that find entities, read from one folder of YAML files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from bot.errors import SettingError
from bot.nlu.dates import DateFinder, DateWords
from bot.nlu.lookup import Lookup
from bot.nlu.names import read_names
from bot.nlu.patterns import PatternFinder
from bot.nlu.periods import PeriodFinder
from bot.nlu.reasons import RETURN_REASON, ReasonFinder
from bot.nlu.ruler import RULER_FILE, read_ruler
from bot.nlu.spans import Found, without_overlaps

RULE_FILES = ("patterns.yml", "currencies.yml", "return_reasons.yml", "reason_grammar.yml", "dates.yml")
_WORDS_FILE = "words.txt"  # in a model: what its training data hold; beside the rules there is none


class EntityRules:
    """All finders, from the files of one folder (`nlu_data/lookups` or a model's copy of it)."""

    def __init__(self, folder: Path, lists: dict[str, list[str]]) -> None:
        self.words = words = frozenset(_read_text(folder / _WORDS_FILE).split("\n"))
        self.ruler = read_ruler(folder / RULER_FILE)
        patterns, currencies, reasons, grammar, dates = (_read(folder / name) for name in RULE_FILES)
        self._patterns = PatternFinder(patterns, currencies)
        self._reasons = ReasonFinder(reasons, grammar)
        words_of_time = DateWords.of(dates)
        self._dates, self._periods = DateFinder(words_of_time), PeriodFinder(words_of_time)
        self._lookups = [Lookup(entity, read_names(folder / name for name in names), words=words) for entity, names in lists.items()]

    def find(
        self, text: str, today: date, *, without: frozenset[str] = frozenset(), catalogue: Lookup | None = None, more: Iterable[Found] = ()
    ) -> list[Found]:
        """Return what there is in a folded text, in its order, without overlaps; entities of `without` are not looked for.

        Of equal finds those of `more` (a company's own patterns) count first, then those of the live catalogue.
        """
        text = _lower(text)
        found = [*more, *(catalogue.find(text) if catalogue else ())]
        found += [*self._patterns.find(text), *self._dates.find(text, today), *self._periods.find(text, today)]
        if RETURN_REASON not in without:
            found.extend(self._reasons.find(text))
        for lookup in self._lookups:
            found.extend(lookup.find(text))
        return without_overlaps(one for one in found if one.entity not in without)


def copy_rules(source: Path, target: Path, lists: dict[str, list[str]], *, words: set[str]) -> None:
    """Put the rules of `source` and the training data's words into `target`."""
    for name in (*RULE_FILES, *(name for names in lists.values() for name in names)):
        shutil.copyfile(source / name, target / name)
    if (source / RULER_FILE).is_file():
        shutil.copyfile(source / RULER_FILE, target / RULER_FILE)
    (target / _WORDS_FILE).write_text("\n".join(sorted(words)), encoding="utf8")


def _lower(text: str) -> str:
    """Lower-case without changing any place: a few letters grow (İ)."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(low if len(low := one.lower()) == 1 else one for one in text)


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf8"))
    except (OSError, yaml.YAMLError) as error:
        raise SettingError(f"The rules in {path} cannot be read: {error}") from error


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf8") if path.is_file() else ""
