"""Find what makes training data bad, before training: `yingda nlu check`, and the part of it that training insists on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.nlu.quality.configured import CLASSIFIER, Configured, read_configured
from bot.nlu.quality.examples import Annotated, Data, read_examples
from bot.nlu.quality.findings import Finding, Kind, in_order
from bot.nlu.quality.structure import MIN_EXAMPLES, annotation_findings, intent_findings, unknown_intents
from bot.nlu.quality.texts import Suspect, duplicate_findings, language_findings, later

if TYPE_CHECKING:
    from bot.encoders import Vectors
    from bot.nlu.quality.doubts import Doubts

Show = Callable[[str, int, int], None]  # what is being done, how much is done, of how much

# What is told of these is not told again by the models.
_SETTLED = frozenset({Kind.DUPLICATE, Kind.DUPLICATE_IN_OTHER_INTENT, Kind.WRONG_LANGUAGE, Kind.BROKEN_MARKUP, Kind.UNKNOWN_INTENT})
_TOGETHER = 0.8  # pairs this alike are held out together, so that neither vouches for the other's intent
_ENCODED_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """`cache` is the folder of the encoder's vectors; `quick` leaves out what needs encoder and model."""

    cache: Path | None = None
    min_examples: int = MIN_EXAMPLES
    quick: bool = False


def check(root: Path, options: CheckOptions, show: Show = lambda what, done, total: None) -> list[Finding]:
    """Return everything wrong with the examples under `root`, by file and line; SettingError for a domain that cannot be read."""
    data, configured = read_examples(root), read_configured(root)
    show("structure", 0, 1)
    found = [*structural(data, configured), *intent_findings(data, configured, min_examples=options.min_examples)]
    found += [*language_findings(data.examples), *_annotated_otherwise(data, configured)]
    show("structure", 1, 1)
    known = [example for example in data.examples if example.intent in configured.intents]
    if options.quick or len({example.intent for example in known}) < 2:
        return in_order([*found, *duplicate_findings(data.examples)])
    return in_order([*found, *_doubted(data, known, configured, options, {one.place for one in found if one.kind in _SETTLED}, show)])


def check_before_training(root: Path) -> list[Finding]:
    """Return what training would lose or learn against itself: what cannot be read, is unknown, misaligned, or in two intents."""
    data, configured = read_examples(root), read_configured(root)
    twice = (one for one in duplicate_findings(data.examples) if one.kind == Kind.DUPLICATE_IN_OTHER_INTENT)
    return in_order([*structural(data, configured), *twice])


def structural(data: Data, configured: Configured) -> Iterator[Finding]:
    """Yield what is broken beyond any judgement."""
    yield from data.findings
    yield from unknown_intents(data, configured)
    yield from annotation_findings(data.examples, configured)


def _annotated_otherwise(data: Data, configured: Configured) -> Iterable[Finding]:
    from bot.nlu.quality.surfaces import surface_findings
    from bot.nlu.segment import Segmenter

    return surface_findings(data.examples, configured, Segmenter(configured.words()))


def _doubted(
    data: Data, known: list[Annotated], configured: Configured, options: CheckOptions, settled: set[str], show: Show
) -> Iterator[Finding]:
    """Yield what only encoder and model see, and the duplicates, now that the likelier of two intents is known."""
    from bot.nlu.model import ModelOptions
    from bot.nlu.quality.doubts import Doubts
    from bot.nlu.quality.likeness import near_pairs
    from bot.nlu.quality.placement import model_examples, place
    from bot.nlu.segment import Segmenter

    vectors = _encode(known, options.cache, show)
    pairs = near_pairs(known, vectors, lambda done, total: show("compare", done, total))
    show("hold out", 0, 1)
    examples = model_examples(known, vectors, Segmenter(configured.words()))
    together = [(pair.first, pair.second) for pair in pairs if pair.ratio >= _TOGETHER]
    options_of_model = ModelOptions.of({**asdict(ModelOptions()), **configured.pipeline.get(CLASSIFIER, {})})
    placements = place(examples, [one.intent for one in known], together, options_of_model)
    show("hold out", 1, 1)
    doubts = Doubts(known, vectors, placements, foreign=configured.option(CLASSIFIER, "out_of_scope_intent", ""))
    twice = list(duplicate_findings(known, _suspect(known, doubts)))
    yield from twice
    settled = settled | {one.place for one in twice}
    alike = [one for one in doubts.pair_findings([pair for pair in pairs if pair.ratio < 1]) if one.place not in settled]
    yield from alike
    settled |= {one.place for one in alike}
    yield from (one for one in doubts.moved_findings() if one.place not in settled)


def _suspect(known: list[Annotated], doubts: Doubts) -> Suspect:
    return lambda first, second: doubts.suspect(first, second) if known[first].intent != known[second].intent else later(first, second)


def _encode(known: list[Annotated], cache: Path | None, show: Show) -> Vectors:
    import numpy as np

    from bot.encoder import Encoder
    from bot.nlu.normalize import fold

    encoder = Encoder(cache / "encoder.sqlite3" if cache else None)
    texts = [fold(example.text).text for example in known]
    parts = []
    for start in range(0, len(texts), _ENCODED_AT_ONCE):
        parts.append(encoder.encode(texts[start : start + _ENCODED_AT_ONCE]))
        show("encode", min(start + _ENCODED_AT_ONCE, len(texts)), len(texts))
    return np.concatenate(parts)
