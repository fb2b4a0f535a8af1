"""The tables that a company may change: ours lie beside the modules that read them, its own in the data directory's folder `tables`.

A file there stands in the place of ours of the same name, whole: what it says is all that holds, and an upgrade changes nothing in it.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from bot.errors import SettingError
from bot.settings import Settings

FOLDER = "tables"

# As msgspec says it: "Expected `int`, got `str` - at `$.idle[...].bot[0]`", and of a name "... - at `key` in `$.days`".
_PLACE = re.compile(r"(?P<says>.*) - at (?P<key>`key` in )?`\$(?P<path>.*)`", re.DOTALL)
_PIECE = re.compile(r"\[[^\]]*\]|[^.\[\]]+")

T = TypeVar("T")

# Of the process, as its settings are: each begins with `use_tables`, before the first table is read and kept.
_folder: Path | None = None


def use_tables(settings: Settings) -> Settings:
    """Let this process read the installation's own tables where there are some; returns the settings."""
    global _folder
    _folder = settings.data_dir / FOLDER
    return settings


def table_path(ours: Path) -> Path:
    """Return the file that holds: the installation's own, or ours."""
    own = _folder / ours.name if _folder else ours
    return own if own.is_file() else ours


def own_tables() -> list[Path]:
    """Return every file of the installation's own, also one that no table has the name of."""
    return sorted(path for path in _folder.iterdir() if path.is_file()) if _folder and _folder.is_dir() else []


def read_table(ours: Path, form: type[T]) -> T:
    """Return the table in its form. SettingError names file, key, value and what is allowed."""
    path = table_path(ours)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} cannot be read as YAML: {error}") from error
    try:
        return msgspec.convert(content, form)
    except msgspec.ValidationError as error:
        raise SettingError(f"{path}: {_sentence(str(error), content, form)}; what is allowed stands in {ours}") from error


def _sentence(error: str, content: Any, form: type[Any]) -> str:
    """Return msgspec's words after the key that they are about and what stands there."""
    found = _PLACE.fullmatch(error)
    if found is None:
        return error
    keys, value = _fault(content, error, found["path"], form)
    if found["key"] or isinstance(value, dict | list):
        value = list(value)
    return f"{keys or 'the whole'} is {_shown(value)}: {found['says']}"


def _fault(content: Any, error: str, path: str, form: type[Any]) -> tuple[str, Any]:
    """Return the key that msgspec's path means, and what stands there. It writes `[...]` for any value of a table by name."""
    keys: list[Any] = []
    found = content
    for piece in _PIECE.findall(path):
        if piece == "[...]":
            key: Any = next((name for name in found if _fails_alone(content, keys, name, form) == error), next(iter(found)))
        else:
            key = int(piece[1:-1]) if piece.startswith("[") else piece
        keys.append(key)
        found = found[key]
    return ".".join(map(str, keys)), found


def _fails_alone(content: Any, keys: list[Any], name: Any, form: type[Any]) -> str:
    """Return why the table would be refused if it had, of the names at `keys`, this one only."""
    alone = copy.deepcopy(content)
    inner = alone
    for key in keys:
        inner = inner[key]
    for other in [each for each in inner if each != name]:
        del inner[other]
    try:
        msgspec.convert(alone, form)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
