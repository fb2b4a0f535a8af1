"""What is wrong with single examples and with the list of intents, seen without a model: part of the check, and before training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from bot.languages import LANGUAGES
from bot.nlu.normalize import fold
from bot.nlu.quality.configured import NOT_LEARNED, Configured
from bot.nlu.quality.examples import Annotated, Data
from bot.nlu.quality.findings import Finding, Kind
from bot.nlu.quality.markup import Annotation
from bot.nlu.segment import Segmenter

MIN_EXAMPLES = 25  # an intent and language; CONTRIBUTING.md asks for them


def annotation_findings(examples: Sequence[Annotated], configured: Configured) -> Iterator[Finding]:
    """Yield entities that the domain has not, that are empty or padded, or whose borders cut a word of our tokenizer."""
    segmenter = Segmenter(configured.words()) if any(one.entities for one in examples) else None
    for example in examples:
        borders = token_borders(example.text, segmenter) if segmenter and example.entities else (set(), set())
        for entity in example.entities:
            yield from _entity_findings(example, entity, configured, borders)


def token_borders(text: str, segmenter: Segmenter) -> tuple[set[int], set[int]]:
    """Return where tokens begin and where they end in `text`."""
    folded = fold(text)
    spans = [folded.original(start, end) for start, end in segmenter.segment(folded.text)]
    return {start for start, _ in spans}, {end for _, end in spans}


def _entity_findings(
    example: Annotated, entity: Annotation, configured: Configured, borders: tuple[set[int], set[int]]
) -> Iterator[Finding]:
    surface = example.text[entity.start : entity.end]
    if entity.entity not in configured.entities:
        known = ", ".join(sorted(configured.entities))
        yield _at(example, Kind.UNKNOWN_ENTITY, f"domain.yml has no entity {entity.entity!r}", f"known are {known}")
    if not surface.strip():
        yield _at(example, Kind.EMPTY_ENTITY, f"{entity.entity} is annotated on no text", "remove the brackets")
    elif surface != surface.strip():
        yield _at(example, Kind.PADDED_ENTITY, f"{entity.entity} begins or ends with a blank: {surface!r}", "put the blank outside")
    elif entity.start not in borders[0] or entity.end not in borders[1]:
        wrong = f"{entity.entity} {surface!r} begins or ends inside of a word of the tokenizer"
        todo = "move the brackets, or teach the tokenizer the word (nlu_data/jieba/userdict.txt)"
        yield _at(example, Kind.MISALIGNED_ENTITY, wrong, todo)


def intent_findings(data: Data, configured: Configured, *, min_examples: int = MIN_EXAMPLES) -> Iterator[Finding]:
    """Yield intents that only domain.yml or only the examples know, and those with too few examples in a language."""
    domain = (configured.root / "domain.yml").relative_to(configured.root)
    counts = Counter((one.intent, one.language) for one in data.examples)
    for intent, line in configured.intents.items():
        if intent in NOT_LEARNED:
            continue
        there = [language for language in LANGUAGES if counts[intent, language]]
        if not there:
            yield Finding(Kind.MISSING_INTENT, domain, line, "", f"{intent} has no examples", f"write {min_examples} in each language")
            continue
        for language in LANGUAGES:
            count = counts[intent, language]
            todo = f"write {min_examples - count} more"
            if not count:
                yield Finding(Kind.MISSING_INTENT, domain, line, "", f"{intent} has no examples in {language}", todo)
            elif count < min_examples:
                file, heading = data.headings[intent, language]
                yield Finding(Kind.FEW_EXAMPLES, file, heading, "", f"{intent} has {count} examples in {language}", todo)


def unknown_intents(data: Data, configured: Configured) -> Iterator[Finding]:
    """Yield headings of intents that domain.yml does not have."""
    for (intent, _), (file, line) in data.headings.items():
        if intent not in configured.intents:
            yield Finding(Kind.UNKNOWN_INTENT, file, line, "", f"domain.yml has no intent {intent!r}", "correct the name or add it there")


def _at(example: Annotated, kind: Kind, wrong: str, todo: str) -> Finding:
    return Finding(kind, example.file, example.line, example.text, wrong, todo)
