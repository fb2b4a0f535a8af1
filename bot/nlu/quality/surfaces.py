"""Words that are annotated in one example and not, or otherwise, in another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot.nlu.names import read_names
from bot.nlu.normalize import fold
from bot.nlu.quality.configured import EXTRACTOR, Configured
from bot.nlu.quality.examples import Annotated
from bot.nlu.quality.findings import Finding, Kind
from bot.nlu.rules import EntityRules
from bot.nlu.segment import Segmenter, Span

# A word is an entity when it is annotated this often, and in this part of the examples that have it.
MIN_ANNOTATED = 4
ANNOTATED_SHARE = 0.75
_MAX_TOKENS = 6  # the longest names
_ANY_DAY = date(2026, 1, 1)  # where a day is named, not which
_DIGITS = str.maketrans("123456789", "000000000")  # 299元 and 459元 are one form

Surfaces = Mapping[tuple[str, str], int]  # (entity, folded text) to how often it is annotated


@dataclass(frozen=True, slots=True)
class _Seen:
    """An example in folded lower-case coordinates."""

    example: Annotated
    text: str
    entities: tuple[tuple[int, int, str], ...]


def surface_findings(examples: Sequence[Annotated], configured: Configured, segmenter: Segmenter) -> Iterator[Finding]:
    """Yield annotations that are one character off, and words without the annotation that they mostly have."""
    seen = [_see(example) for example in examples]
    surfaces = Counter((entity, one.text[start:end]) for one in seen for start, end, entity in one.entities)
    yield from _shifted(seen, surfaces, _listed(configured))
    yield from _unmarked(seen, surfaces, segmenter, _rules(configured))


def _see(example: Annotated) -> _Seen:
    folded = fold(example.text)
    text = folded.text.lower().translate(_DIGITS)
    if len(text) != len(folded.text):
        return _Seen(example, folded.text, ())
    places = [(*folded.folded(one.start, one.end), one.entity) for one in example.entities if one.start < one.end]
    return _Seen(example, text, tuple(places))


def _listed(configured: Configured) -> set[tuple[str, str]]:
    """Return the names in the lists of the entity extractor."""
    folder = configured.root / Path(configured.option(EXTRACTOR, "rules", "nlu_data/lookups"))
    lists: dict[str, list[str]] = configured.option(EXTRACTOR, "lists", {})
    entries = ((entity, entry) for entity, files in lists.items() for entry in read_names(folder / file for file in files).entries)
    return {(entity, fold(name).text.lower().translate(_DIGITS)) for entity, entry in entries for name in (*entry.zh, *entry.en)}


def _shifted(seen: Sequence[_Seen], surfaces: Surfaces, listed: set[tuple[str, str]]) -> Iterator[Finding]:
    begins, finishes = _edges(surfaces)
    for one in seen:
        for start, end, entity in one.entities:
            surface = one.text[start:end]
            if surfaces[entity, surface] > 1 or (entity, surface) in listed:
                continue
            for better in _moved(one.text, start, end):
                often = surfaces.get((entity, better), 0) > 1 and not better.isdecimal()
                grown = len(surface) > len(better)
                if (often or (entity, better) in listed) and not (
                    grown and _is_usual_edge(surface, better, begins[entity], finishes[entity])
                ):
                    wrong = f"{entity} {surface!r} is annotated nowhere else, {better!r} often"
                    yield _at(one.example, Kind.SHIFTED_ENTITY, wrong, "move the brackets by a character")
                    break


def _moved(text: str, start: int, end: int) -> Iterator[str]:
    """Yield the text of the span with one border or both moved by a character.

    Not by a Latin letter or a digit: that cuts a word, which is found without looking elsewhere, or is a plural.
    """
    for first, last in ((1, 0), (0, -1), (-1, 0), (0, 1), (-1, -1), (1, 1)):
        if 0 <= start + first < end + last <= len(text):
            better = text[start + first : end + last]
            crossed = text[min(start, start + first) : max(start, start + first)] + text[min(end, end + last) : max(end, end + last)]
            if any(character.isascii() for character in crossed):
                continue
            if len(better) > 1 and better == better.strip():
                yield better


def _edges(surfaces: Surfaces) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Return for each entity with which characters its annotated forms begin and finish, and how many do."""
    begins: dict[str, Counter[str]] = defaultdict(Counter)
    finishes: dict[str, Counter[str]] = defaultdict(Counter)
    for entity, surface in surfaces:
        if surface:
            begins[entity][surface[0]] += 1
            finishes[entity][surface[-1]] += 1
    return begins, finishes


def _is_usual_edge(surface: str, better: str, begins: Counter[str], finishes: Counter[str]) -> bool:
    """Is the character that `surface` has more than `better` one with which others begin or finish too?"""
    return begins[surface[0]] > 1 if surface.endswith(better) else finishes[surface[-1]] > 1


def _unmarked(seen: Sequence[_Seen], surfaces: Surfaces, segmenter: Segmenter, rules: EntityRules | None) -> Iterator[Finding]:
    entity_of = {surface: entity for (entity, surface), count in surfaces.items() if count >= MIN_ANNOTATED and len(surface) > 1}
    bare: dict[str, list[tuple[_Seen, Span]]] = defaultdict(list)
    for one in seen:
        for start, end in _bare_spans(one, segmenter, entity_of):
            bare[one.text[start:end]].append((one, (start, end)))
    for surface, places in bare.items():
        entity = entity_of[surface]
        annotated = surfaces[entity, surface]
        if annotated < ANNOTATED_SHARE * (annotated + len(places)):
            continue
        for one, (start, end) in places:
            if rules and not _is_found(rules, one, start, end, entity):
                continue
            wrong = f"{one.text[start:end]!r} is no entity here and {entity} in {annotated} other places"
            yield _at(one.example, Kind.UNMARKED_ENTITY, wrong, f"annotate it as {entity}")


def _rules(configured: Configured) -> EntityRules | None:
    """Return the extractor's rules, a second witness: they know that nothing is bought in "watch a film"."""
    folder = configured.root / Path(configured.option(EXTRACTOR, "rules", ""))
    lists = configured.option(EXTRACTOR, "lists", {})
    return EntityRules(folder, lists) if EXTRACTOR in configured.pipeline else None


def _is_found(rules: EntityRules, one: _Seen, start: int, end: int, entity: str) -> bool:
    found = rules.find(fold(one.example.text).text, _ANY_DAY)
    return any((find.entity, find.start, find.end) == (entity, start, end) for find in found)


def _bare_spans(one: _Seen, segmenter: Segmenter, entity_of: Mapping[str, str]) -> list[Span]:
    """Return where words stand that are entities elsewhere, outside of all entities, the longest only."""
    tokens = segmenter.segment(one.text)
    found: list[Span] = []
    for index, (start, _) in enumerate(tokens):
        for _, end in reversed(tokens[index : index + _MAX_TOKENS]):
            taken = (*one.entities, *((first, last, "") for first, last in found))
            if one.text[start:end] in entity_of and not any(start < last and first < end for first, last, _ in taken):
                found.append((start, end))
                break
    return found


def _at(example: Annotated, kind: Kind, wrong: str, todo: str) -> Finding:
    return Finding(kind, example.file, example.line, example.text, wrong, todo)
