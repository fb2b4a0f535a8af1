"""Rasa's entity markup: `[earbuds](product)`, `[earbuds]{"entity": "product", "value": "…"}`; what is broken is told, not raised."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.nlu.quality.findings import Kind

# The bracket that follows says what it is; "[微笑]" with nothing behind it is what people type.
_ANNOTATION = re.compile(r"\[(?P<text>[^\[\]]*)\](?:\((?P<name>[^()\[\]]*)\)|(?P<one>\{[^{}]*\})|\[(?P<many>(?:\{[^{}]*\}[, ]*)+)\])")
_HALF_MARKUP = re.compile(r"\]\s*[(（{｛]|\[[^\[\]()]*\([A-Za-z_]+\)|\([a-z]+(?:_[a-z0-9]+)+\)|[（｛][a-z_]+[)）｝]|\{\s*\"entity\"")
_SMILEY = re.compile(r"[:;=]-?[\[\]]")


@dataclass(frozen=True, slots=True)
class Annotation:
    """An entity at `start:end` of the text without markup; `value` is "" where the text itself is the value."""

    start: int
    end: int
    entity: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a piece of markup."""

    kind: Kind
    wrong: str
    todo: str


def read_markup(marked: str) -> tuple[str, tuple[Annotation, ...], list[Fault]]:
    """Return the text without markup, its entities in order, and what is broken; broken markup stays in the text."""
    text, done = "", 0
    entities: list[Annotation] = []
    faults: list[Fault] = []
    for match in _ANNOTATION.finditer(marked):
        before = marked[done : match.start()]
        text += before
        names = list(_named(match, faults))
        surface = match["text"]
        for entity, value in names:
            entities.append(Annotation(len(text), len(text) + len(surface), entity, value))
        if len(names) > 1:
            faults.append(Fault(Kind.NESTED_ENTITY, f"{surface!r} is annotated {len(names)} times", "keep one entity"))
        if "[" in _SMILEY.sub("", before) and _open(marked, match.start()):
            faults.append(Fault(Kind.NESTED_ENTITY, f"the entity {surface!r} lies inside of another", "keep one of the two"))
        text += surface
        done = match.end()
    text += marked[done:]
    if not any(fault.kind == Kind.NESTED_ENTITY for fault in faults):
        faults.extend(_leftovers(_ANNOTATION.sub(" ", marked)))
    return text, tuple(entities), faults


def _named(match: re.Match[str], faults: list[Fault]) -> Iterator[tuple[str, str]]:
    """Yield name and value of each entity of one annotation."""
    if match["name"] is not None:
        name, _, value = match["name"].partition(":")
        yield name.strip(), value
        return
    try:
        raw = json.loads(match["one"] or f"[{match['many']}]")
        for one in raw if isinstance(raw, list) else [raw]:
            yield str(one["entity"]), _text(one.get("value"))
    except (ValueError, KeyError):
        faults.append(Fault(Kind.BROKEN_MARKUP, f"{match[0]!r} is no JSON with an entity", 'write [text]{"entity": "name", "value": "…"}'))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _open(marked: str, index: int) -> bool:
    """Does `index` lie inside of another pair of brackets that is an annotation?"""
    rest = _ANNOTATION.sub("x", marked[index:])
    before = _ANNOTATION.sub("x", marked[:index])
    return before.count("[") > before.count("]") and re.search(r"^[^\[]*\]\s*[({]", rest) is not None


def _leftovers(rest: str) -> Iterator[Fault]:
    half = _HALF_MARKUP.search(rest)
    plain = _SMILEY.sub("", rest)
    if half or plain.count("[") != plain.count("]"):
        what = half[0] if half else "a bracket without its other one"
        todo = "write [text](entity), with plain brackets and no blank between"
        yield Fault(Kind.BROKEN_MARKUP, f"holds a piece of markup: {what!r}", todo)
