"""The feature views: one SQL file each in views/, with a header that says whose it is, by which times it is cut, and what its columns mean.

A view is a SELECT over the relations of `relations.py`; it may use `:observed_at` and `:ago_N`, N days before the observation. Features
are named `view:feature`, as Feast does. Light: nothing here runs a view.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from bot.customers.events import Kind
from bot.errors import InputError

FOLDER = Path(__file__).parent / "views"
ENTITIES = ("customer", "currency", "trait", "product")
TYPES = ("count", "number", "time", "text")  # a count is never missing: 0 where nothing happened
FOREVER = "forever"

_SETTING = re.compile(r"-- (entity|kinds|event time|created time|ttl|owner): (.+)")
_COLUMN = re.compile(r"-- (\w+) \((\w+)\): (.+?) \| (.+)")
_TTL = re.compile(r"(\d+) days")
_PARAMETER = re.compile(r":(observed_at|ago_\d+)\b")
_RELATION = re.compile(r"\b(?:FROM|JOIN) (\w+)\b")


@dataclass(frozen=True)
class Column:
    name: str
    type: str  # of TYPES
    meaning: dict[str, str]  # by language


@dataclass(frozen=True)
class View:
    """A view as its file says; `ttl` None: an event is seen however old it is."""

    name: str
    about: str
    entity: tuple[str, ...]
    kinds: tuple[Kind, ...]  # of the events that it reads; none for a view over traits
    event_time: str
    created_time: str
    ttl: timedelta | None
    owner: str
    columns: tuple[Column, ...]
    sql: str = field(repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that say whose row it is."""
        return ("customer_id", *self.entity[1:])

    @property
    def parameters(self) -> set[str]:
        return set(_PARAMETER.findall(self.sql))

    @property
    def relations(self) -> set[str]:
        return set(_RELATION.findall(self.sql))

    def refs(self) -> list[str]:
        return [f"{self.name}:{column.name}" for column in self.columns]


@cache
def views() -> dict[str, View]:
    """Return every view by its name."""
    return {path.stem: parse(path.stem, path.read_text(encoding="utf8")) for path in sorted(FOLDER.glob("*.sql"))}


def parse(name: str, text: str) -> View:
    """Read a view's header. Raises InputError that names the view and what its header lacks."""
    comments = [line for line in text.splitlines() if line.startswith("--")]
    settings = {found[1]: found[2].strip() for line in comments if (found := _SETTING.fullmatch(line))}
    columns = [Column(found[1], found[2], {"zh": found[3], "en": found[4]}) for line in comments if (found := _COLUMN.fullmatch(line))]
    missing = {"entity", "event time", "created time", "ttl", "owner"} - settings.keys()
    if missing:
        raise InputError(f"the header of the feature view {name} has no `-- {min(missing)}: …`; see CONTRIBUTING.md")
    entity = tuple(part.strip() for part in settings["entity"].split(","))
    if entity[0] != "customer" or set(entity) - set(ENTITIES):
        raise InputError(
            f"the feature view {name} is of the entity {settings['entity']!r}; it begins with customer, of {', '.join(ENTITIES)}"
        )
    if not columns:
        raise InputError(f"the feature view {name} names no column; write `-- name (type): 中文 | English` for each")
    for column in columns:
        if column.type not in TYPES:
            raise InputError(f"the column {name}:{column.name} has the type {column.type!r}; there are {', '.join(TYPES)}")
    return View(
        name,
        comments[0].removeprefix("-- "),
        entity,
        _kinds(name, settings.get("kinds", "")),
        settings["event time"],
        settings["created time"],
        _ttl(name, settings["ttl"]),
        settings["owner"],
        tuple(columns),
        "\n".join(line for line in text.splitlines() if not line.startswith("--")),
    )


def moment(parameter: str, observed_at: datetime) -> datetime:
    """Return what a view's parameter means: `observed_at` itself or `ago_N`, N days before."""
    return observed_at if parameter == "observed_at" else observed_at - timedelta(days=int(parameter.removeprefix("ago_")))


def _kinds(name: str, text: str) -> tuple[Kind, ...]:
    try:
        return tuple(Kind(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise InputError(f"the feature view {name} has the kinds {text!r}; there are {', '.join(Kind)}") from error


def _ttl(name: str, text: str) -> timedelta | None:
    if text == FOREVER:
        return None
    found = _TTL.fullmatch(text)
    if found is None:
        raise InputError(f"the feature view {name} has the ttl {text!r}; write `forever` or `N days`")
    return timedelta(days=int(found[1]))
