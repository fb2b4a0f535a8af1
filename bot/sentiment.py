"""The tone of a text, from very negative (-1) to very positive (1), in Chinese and English.

The head sees the encoder's vector, which knows what is spoken of, and a few counts of words that judge, which it blurs. Each of our
examples speaks for its label, the louder the more a text is like it: "long" praises a battery and blames a queue.
Only numpy, so that a conversation and a table of reviews are scored alike; `bot.nlu.sentiment` learns the weights.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.errors import NotFoundError

Floats = NDArray[np.float32]

LABELS = ("negative", "neutral", "positive")
ARRAYS, WORDS = "sentiment.npz", "sentiment.json"
KINDS = ("positive", "negative", "negations", "contrasts")  # lists of judging words

_FEATURES = 12
_BATCH = 512  # texts that are compared with the examples at once: a table of 100,000 must not fill the memory
_MOST = 3  # more of the same words say no more
_REACH = 3  # words (English) or pairs of characters (Chinese) over which a negation reaches
_HAN, _LATIN, _PAUSE = re.compile("[\u4e00-\u9fff]"), re.compile("[a-z]+"), re.compile("[.,;!?，。；！？]")


@dataclass(frozen=True, slots=True)
class Sentiment:
    label: str
    score: float  # probability of positive less that of negative
    confidence: float  # probability of the label


class JudgingWords:
    """Counts words that praise or blame, with regard to negation and contrast. `lists` has all KINDS; `*` stands for any letters."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self.lists = {kind: list(lists[kind]) for kind in KINDS}
        self._patterns = {kind: _pattern(words) for kind, words in self.lists.items()}

    def features(self, text: str) -> Floats:
        """Return counts and balances, shape (12,), each of the size of 1."""
        text = text.lower().replace("’", "'")
        negations = [match.end() for match in self._patterns["negations"].finditer(text)]
        counts = np.zeros(_FEATURES, dtype=np.float32)
        judged: list[tuple[int, int]] = []
        for start, sign in self._hits(text):
            turned = any(end <= start and _reaches(text[end:start]) for end in negations)
            counts[(0 if sign > 0 else 1) + 2 * turned] += 1
            judged.append((start, -sign if turned else sign))
        counts[:4] = np.minimum(counts[:4], _MOST)
        counts[4] = np.tanh(sum(sign for _, sign in judged) / 1.5)
        contrasts = [match.end() for match in self._patterns["contrasts"].finditer(text)]
        if contrasts:
            counts[5] = np.tanh(sum(sign for start, sign in judged if start >= contrasts[-1]))
            counts[6] = np.tanh(sum(sign for start, sign in judged if start < contrasts[-1]))
            counts[7] = 1
        counts[8] = judged[-1][1] if judged else 0
        counts[9] = not judged
        counts[10] = any(mark in text for mark in ("?", "？", "吗"))
        counts[11] = "!" in text or "！" in text
        return counts

    def _hits(self, text: str) -> list[tuple[int, int]]:
        """Return place and sign of each judging word; of two that overlap the longer counts."""
        found = [
            (match.end() - match.start(), match.start(), sign)
            for kind, sign in (("positive", 1), ("negative", -1))
            for match in self._patterns[kind].finditer(text)
        ]
        taken = np.zeros(len(text), dtype=bool)
        hits = []
        for length, start, sign in sorted(found, key=lambda one: -one[0]):
            if not taken[start : start + length].any():
                taken[start : start + length] = True
                hits.append((start, sign))
        return sorted(hits)


@dataclass(frozen=True, slots=True)
class Likeness:
    """Gaussian kernel between features (n, d) and our examples (m, k), both seen along the main `directions` (d, k)."""

    mean: Floats
    directions: Floats
    examples: Floats
    lengths: Floats  # of the examples, squared, (m,)
    width: float  # of 1 / distance²

    @classmethod
    def to(cls, examples: Floats, mean: Floats, directions: Floats, width: float) -> Likeness:
        """Keep the examples as 16 bits hold them, which halves the model; the fit sees the same ones as the service."""
        kept = examples.astype(np.float16).astype(np.float32)
        return cls(mean, directions, kept, np.square(kept).sum(axis=1), width)

    def to_examples(self, features: Floats) -> Floats:
        """Return 0 to 1 for each of the features and the examples, shape (n, m)."""
        along = ((features - self.mean) @ self.directions).astype(np.float32, copy=False)
        # In place: with all examples against each other every copy has 90 MB.
        squares: Floats = (-2 * along) @ self.examples.T
        squares += self.lengths
        squares += np.square(along).sum(axis=1)[:, None]
        np.maximum(squares, 0, out=squares)
        squares *= np.float32(-self.width)
        np.exp(squares, out=squares)
        return squares


@dataclass(frozen=True, slots=True)
class Votes:
    """What the likeness to each example weighs, (m, 3), and how the sums become logarithms of odds: (3, 3) and (3,)."""

    weights: Floats
    calibration: Floats
    bias: Floats

    def margins(self, likeness: Floats) -> Floats:
        return likeness @ self.weights @ self.calibration + self.bias


class SentimentModel:
    """The head; its probabilities stand in the order of LABELS."""

    def __init__(self, likeness: Likeness, votes: Votes, words: JudgingWords, *, word_weight: float) -> None:
        self.likeness = likeness
        self.votes = votes
        self.words = words
        self.word_weight = word_weight

    def probabilities(self, texts: Sequence[str], vectors: Floats) -> Floats:
        """Return one row of probabilities a text, in the order of LABELS; `vectors` are those of `bot.encoder`."""
        features = features_of(texts, vectors, self.words, word_weight=self.word_weight)
        parts = [self._margins(features[start : start + _BATCH]) for start in range(0, len(features), _BATCH)]
        margins = np.concatenate(parts) if parts else np.empty((0, len(LABELS)), dtype=np.float32)
        odds = np.exp(margins - margins.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float32)

    def _margins(self, features: Floats) -> Floats:
        return self.votes.margins(self.likeness.to_examples(features))

    def scores(self, texts: Sequence[str], vectors: Floats) -> Floats:
        """Return one score a text, -1 to 1."""
        probabilities = self.probabilities(texts, vectors)
        return np.asarray(probabilities[:, 2] - probabilities[:, 0], dtype=np.float32)

    def judge(self, text: str, vector: Floats) -> Sentiment:
        row = self.probabilities([text], vector[None, :])[0]
        best = int(row.argmax())
        return Sentiment(LABELS[best], float(row[2] - row[0]), float(row[best]))

    def save(self, folder: Path) -> None:
        """Write arrays and JSON, which unlike pickles run no code when they are read."""
        likeness, votes = self.likeness, self.votes
        np.savez(
            folder / ARRAYS,
            mean=likeness.mean,
            directions=likeness.directions,
            examples=likeness.examples.astype(np.float16),
            weights=votes.weights,
            calibration=votes.calibration,
            bias=votes.bias,
        )
        learned = {"word_weight": self.word_weight, "width": self.likeness.width, "words": self.words.lists}
        (folder / WORDS).write_text(json.dumps(learned, ensure_ascii=False), encoding="utf8")

    @classmethod
    def load(cls, folder: Path) -> SentimentModel:
        """Read what `save` wrote."""
        return cls._of((folder / ARRAYS).read_bytes(), (folder / WORDS).read_bytes())

    @classmethod
    def of_archive(cls, model: Path) -> SentimentModel:
        """Read the head out of a trained model; NotFoundError for one that was trained without."""
        with tarfile.open(model) as archive:
            parts = {Path(member.name).name: archive.extractfile(member) for member in archive if Path(member.name).name in {ARRAYS, WORDS}}
            arrays, words = parts.get(ARRAYS), parts.get(WORDS)
            if arrays is None or words is None:
                raise NotFoundError(f"{model} has no sentiment model; run `yingda train`")
            return cls._of(arrays.read(), words.read())

    @classmethod
    def _of(cls, arrays: bytes, texts: bytes) -> SentimentModel:
        learned = json.loads(texts)
        with np.load(io.BytesIO(arrays), allow_pickle=False) as read:
            likeness = Likeness.to(read["examples"], read["mean"], read["directions"], learned["width"])
            votes = Votes(read["weights"], read["calibration"], read["bias"])
        return cls(likeness, votes, JudgingWords(learned["words"]), word_weight=learned["word_weight"])


def features_of(texts: Sequence[str], vectors: Floats, words: JudgingWords, *, word_weight: float) -> Floats:
    """Return what the head sees: vector and weighted counts, one row a text."""
    if not texts:
        return np.empty((0, vectors.shape[1] + _FEATURES), dtype=np.float32)
    counts = np.stack([words.features(text) for text in texts])
    return np.hstack([vectors, word_weight * counts])


def _reaches(gap: str) -> bool:
    return not _PAUSE.search(gap) and len(_LATIN.findall(gap)) + len(_HAN.findall(gap)) / 2 <= _REACH


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Match any of the words, the longest first: Chinese ones anywhere, Latin ones whole."""
    return re.compile("|".join(_one(word) for word in sorted(set(words), key=lambda word: (-len(word), word))) or "(?!)")


def _one(word: str) -> str:
    plain = re.escape(word.strip("*"))
    if not _LATIN.search(word):
        return plain
    before = "[a-z]*" if word.startswith("*") else r"(?<![a-z])"
    return before + plain + ("[a-z]*" if word.endswith("*") else "") + "(?![a-z])"
