"""Files of names (cities, products): what they hold, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.errors import SettingError

_FORM = "it needs `entries: [{zh: [names], en: [names]}]`"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a list: its names by language, the canonical one first; `sku` where it is one product of the shop."""

    zh: tuple[str, ...]
    en: tuple[str, ...]
    sku: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """A list's entries, and what stands around them."""

    entries: tuple[Entry, ...] = ()
    phrases: tuple[str, ...] = ()  # in which a name is none ("in that case")
    no_names: tuple[str, ...] = ()  # regular expressions of the same
    not_followed_by: str = ""  # a regular expression: what comes after a name that is none
    modifiers: tuple[str, ...] = ()  # words before a kind that belong to it

    def __add__(self, other: Names) -> Names:
        """Join two lists; of a name in both the first one's entry counts."""
        return Names(
            self.entries + other.entries,
            self.phrases + other.phrases,
            self.no_names + other.no_names,
            self.not_followed_by or other.not_followed_by,
            self.modifiers + other.modifiers,
        )


def read_names(files: Iterable[Path]) -> Names:
    """Read and join files of names. Raises SettingError for one that is missing, broken or of another form."""
    return sum((_read(path) for path in files), Names())


def _read(path: Path) -> Names:
    try:
        raw = yaml.load(path.read_text(encoding="utf8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        return _names(raw)
    except (OSError, TypeError, KeyError, AttributeError, ValueError, yaml.YAMLError, re.error) as error:
        raise SettingError(f"The lookup file {path} cannot be read ({error}); {_FORM}") from error


def _names(raw: Any) -> Names:
    entries = [Entry(_texts(one.get("zh")), _texts(one.get("en")), str(one.get("sku") or "").strip()) for one in raw["entries"]]
    kinds = raw.get("kinds") or {}
    entries += [Entry(zh=(name,), en=()) for name in _texts(kinds.get("zh"))]
    entries += [Entry(zh=(), en=(name,)) for name in _texts(kinds.get("en"))]
    modifiers = raw.get("modifiers") or {}
    no_names, after = _texts(raw.get("not_patterns")), str(raw.get("not_followed_by") or "")
    for pattern in (*no_names, after):
        re.compile(pattern)
    return Names(tuple(entries), _texts(raw.get("not")), no_names, after, tuple(one for some in modifiers.values() for one in _texts(some)))


def _texts(names: Any) -> tuple[str, ...]:
    if names is not None and not isinstance(names, list):
        raise ValueError(f"{str(names)[:40]!r} is no list of names")
    return tuple(str(name).strip() for name in names or ())
