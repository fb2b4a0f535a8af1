"""New examples out of what customers said and the bot did not understand: masked, grouped, with the intent that fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from bot.crypto import open_cipher
from bot.encoder import Encoder, search_model
from bot.encoders import Vectors
from bot.ids import utcnow
from bot.languages import LANGUAGES, detect_language
from bot.nlu.normalize import fold
from bot.nlu.quality.configured import EXTRACTOR, read_configured
from bot.nlu.quality.examples import Annotated, read_examples
from bot.nlu.quality.markup import read_markup
from bot.nlu.quality.masking import Masker
from bot.nlu.quality.misunderstood import NOT_UNDERSTOOD, Misunderstood, read_misunderstood
from bot.nlu.quality.texts import plain
from bot.nlu.rules import EntityRules
from bot.settings import Settings

Show = Callable[[str, int, int], None]

SAME_GROUP = 0.5  # cosine to the middle of a group; of two examples of different intents 98 in 100 lie below it
FITS = 0.55  # mean cosine to the nearest examples of an intent; a group below it with every intent is something new
_NEAREST = 3
_CHOICE_WEIGHT = 0.5  # of a customer's press among the cosines: it decides between intents that are about as near
NEW_INTENT = "new_intent"


@dataclass
class Group:
    """Like messages: `texts` are masked and in nlu_data's markup, with how often and in which language; `vector` is their middle."""

    texts: dict[str, tuple[str, int]] = field(default_factory=dict)  # text to language and count
    chosen: Counter[str] = field(default_factory=Counter)  # intents that customers pressed
    why: Counter[str] = field(default_factory=Counter)
    vector: Vectors = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    intent: str = NEW_INTENT
    fit: float = 0.0
    next_intent: str = ""

    @property
    def count(self) -> int:
        return sum(count for _, count in self.texts.values())


@dataclass(frozen=True)
class Suggestions:
    """Groups, the largest first; `files` say where an intent's examples are: (intent, language) to file."""

    groups: list[Group]
    files: dict[tuple[str, str], Path]

    @property
    def messages(self) -> int:
        return sum(group.count for group in self.groups)

    def as_yaml(self) -> str:
        """Return the form of nlu_data, with a comment about each group."""
        lines = ["# Made by `yingda nlu suggest`: read, correct, and move what is good to nlu_data/nlu.", 'version: "3.1"', "nlu:"]
        for group in self.groups:
            for language in LANGUAGES:
                lines.extend(self._block(group, language))
        return "\n".join(lines) + "\n"

    def _block(self, group: Group, language: str) -> Iterator[str]:
        texts = [(text, count) for text, (own, count) in group.texts.items() if own == language]
        if not texts:
            return
        said = ", ".join(f"{count} {why}" for why, count in group.why.most_common())
        file = self.files.get((group.intent, language))
        fits = f"fits {group.intent} ({group.fit:.2f})" if group.intent in {intent for intent, _ in self.files} else "fits no intent"
        yield f"# {group.count} messages ({said}); {fits}, next {group.next_intent}; {language}: {file or 'a file of your choice'}"
        yield f"- intent: {group.intent}"
        yield "  examples: |"
        for text, _ in sorted(texts, key=lambda one: -one[1]):
            yield f"    - {text}"


def suggest(engine: sa.Engine, settings: Settings, root: Path, *, days: float, show: Show = lambda what, done, total: None) -> Suggestions:
    """Look at the messages of the last `days`; no group where the bot understood everything.

    Raises SettingError for identities that do not decrypt, and for a domain that cannot be read.
    """
    with engine.connect() as connection:
        cipher = open_cipher(settings)
        show("read", 0, 1)
        rows = list(read_misunderstood(connection, cipher, since=utcnow() - timedelta(days=days)))
        show("read", 1, 1)
    data, configured = read_examples(root), read_configured(root)
    files = {heading: file for heading, (file, _) in data.headings.items()}
    if not rows:
        return Suggestions([], files)
    folder = root / Path(configured.option(EXTRACTOR, "rules", "nlu_data/lookups"))
    masker = Masker(EntityRules(folder, configured.option(EXTRACTOR, "lists", {})))
    known = {plain(example.text) for example in data.examples}
    wordings = _wordings(rows, masker, known)
    encoder = Encoder(settings.data_dir / "cache" / "encoder.sqlite3", model=search_model(settings.encoder))
    groups = _grouped(wordings, _vectors(encoder, [read_markup(group_text)[0] for group_text in wordings], "encode messages", show))
    vectors = _vectors(encoder, [example.text for example in data.examples], "encode examples", show)
    _propose(groups, data.examples, vectors)
    return Suggestions(sorted(groups, key=lambda group: -group.count), files)


def _wordings(rows: Sequence[Misunderstood], masker: Masker, known: set[str]) -> dict[str, Group]:
    """Return each masked wording, as a group of its own; what is an example already is known to the next training."""
    wordings: dict[str, Group] = {}
    spelling: dict[str, str] = {}
    for row in rows:
        masked = masker.mask(row.text, row.identity)
        key = plain(read_markup(masked)[0])
        if not key or key in known:
            continue
        text = spelling.setdefault(key, masked)
        group = wordings.setdefault(text, Group())
        language = "zh" if detect_language(row.text) in ("zh", "mixed") else "en"
        group.texts[text] = (group.texts.get(text, (language, 0))[0], group.count + 1)
        group.why[row.why] += 1
        if row.chosen:
            group.chosen[row.chosen] += 1
    return wordings


def _grouped(wordings: dict[str, Group], vectors: Vectors) -> list[Group]:
    """Put each wording, the most frequent first, to the nearest group or make it the first of a new one (leader clustering)."""
    groups: list[Group] = []
    singles = sorted(zip(wordings.values(), vectors, strict=True), key=lambda pair: -pair[0].count)
    for single, vector in singles:
        likeness = [float(group.vector @ vector / np.linalg.norm(group.vector)) for group in groups]
        best = int(np.argmax(likeness)) if likeness else -1
        if best < 0 or likeness[best] < SAME_GROUP:
            single.vector = vector * single.count
            groups.append(single)
            continue
        group = groups[best]
        group.vector = group.vector + vector * single.count
        group.texts |= single.texts
        group.chosen += single.chosen
        group.why += single.why
    return groups


def _propose(groups: list[Group], examples: Sequence[Annotated], vectors: Vectors) -> None:
    """Name the intent whose nearest examples are most like the group, and that customers chose; none is near enough: a new one."""
    intents = np.array([example.intent for example in examples])
    labels = [label for label in sorted(set(intents)) if label not in NOT_UNDERSTOOD]
    for number, group in enumerate(sorted(groups, key=lambda one: -one.count), start=1):
        likeness = vectors @ (group.vector / np.linalg.norm(group.vector))
        pressed = group.chosen.total()
        fits = {label: _nearest(likeness[intents == label]) for label in labels}
        score = {label: fit + (_CHOICE_WEIGHT * group.chosen[label] / pressed if pressed else 0.0) for label, fit in fits.items()}
        best, *others = sorted(labels, key=lambda label: -score[label])
        new = score[best] < FITS
        group.intent, group.fit = (f"{NEW_INTENT}_{number}", 0.0) if new else (best, fits[best])
        group.next_intent = best if new else (others[0] if others else "none")


def _nearest(likeness: Vectors) -> float:
    return float(np.sort(likeness)[-_NEAREST:].mean())


def _vectors(encoder: Encoder, texts: Sequence[str], what: str, show: Show, at_once: int = 500) -> Vectors:
    parts = []
    for start in range(0, len(texts), at_once):
        parts.append(encoder.encode([fold(text).text for text in texts[start : start + at_once]]))
        show(what, min(start + at_once, len(texts)), len(texts))
    return np.concatenate(parts) if parts else np.zeros((0, 512), dtype=np.float32)
