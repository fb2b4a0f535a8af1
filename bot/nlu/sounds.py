"""Chinese read by its sound: a character for another one that sounds alike (推货 for 退货), and pinyin (tuihuo).

Whoever types by sound picks the wrong character, and whoever cannot type Chinese at work writes pinyin; an encoder takes both for other
words. They are read back into the words of our own examples, and only where a text has what no example has.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bot.pinyin import SYLLABLES, is_pinyin, syllables

Sound = tuple[str, ...]  # a syllable a character, without tones

_HAN = re.compile("[一-鿿]+")
_LATIN = re.compile("[a-z]+")
_NUMERALS = frozenset("〇一二三四五六七八九十百千万亿两")  # whoever writes one means it
_LONGEST, _LONGEST_SPELLED = 6, 36  # characters of a word, letters of its pinyin
_SPANS = (4, 3, 2)  # characters that are compared with a word at once, the longest first
_OFTEN = 2  # examples that have a word into which a wrong one is turned
_ALIKE = 5  # words of one spelling among which the neighbours choose
_UNKNOWN = -16.0  # logarithm of the share of a syllable without a word
_UNSEEN = 4.0  # what two words cost whose meeting characters stand side by side in no example
_MOST_LETTERS = 200  # of pinyin that are read in one message; nobody types more


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the examples have: words with their sound and how often, pairs of characters, Latin words; and how characters sound."""

    counts: Mapping[str, int]
    sounds: Mapping[str, str]  # syllables with a blank between
    pairs: frozenset[str]
    latin: frozenset[str]
    readings: Mapping[str, str]

    @classmethod
    def learn(cls, texts: Iterable[str], words: Iterable[Sequence[str]]) -> Vocabulary:
        """Take the vocabulary out of folded texts and their lower-case words."""
        from pypinyin import lazy_pinyin  # 55 MB that only the training needs
        from pypinyin.pinyin_dict import pinyin_dict

        words = list(words)
        counts = Counter(word for some in words for word in some)
        readings = {chr(code): _plain(said.split(",")[0]) for code, said in sorted(pinyin_dict.items()) if _HAN.match(chr(code))}
        han = {word: number for word, number in counts.items() if len(word) <= _LONGEST and _HAN.fullmatch(word)}
        return cls(
            han,
            {word: " ".join(_plain(one) for one in lazy_pinyin(word)) for word in han},
            frozenset(pair for text in texts for pair in _pairs(text)),
            _latin_words(words),
            readings,
        )

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Vocabulary:
        """Take it out of what `stored` has made."""
        return cls(stored["counts"], stored["sounds"], frozenset(stored["pairs"]), frozenset(stored["latin"]), stored["readings"])

    def stored(self) -> dict[str, Any]:
        """Return it as JSON can hold it, the same for the same examples."""
        return {
            "counts": dict(self.counts),
            "sounds": dict(self.sounds),
            "pairs": sorted(self.pairs),
            "latin": sorted(self.latin),
            "readings": dict(self.readings),
        }


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, and whether a dictionary has it: then it is not taken for another one."""

    start: int
    end: int
    known: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a part of a text is read as."""

    start: int
    end: int
    words: tuple[str, ...]


class SoundReader:
    """Finds in a text what is meant where it sounds like words of the vocabulary and stands in none of its examples."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._total = max(1, sum(vocabulary.counts.values()))
        self._exact: dict[Sound, str] = {}
        self._near: dict[Sound, str] = {}
        self._spelled: dict[str, list[str]] = {}
        for word in sorted(vocabulary.counts, key=lambda word: (-vocabulary.counts[word], word)):
            spoken: Sound = tuple(vocabulary.sounds[word].split(" "))
            alike = self._spelled.setdefault("".join(spoken), [])
            alike.extend([word] * (len(alike) < _ALIKE))
            for sound in (spoken, self._sound(word)):  # what a word makes of its characters, and what each alone does
                self._exact.setdefault(sound, word)
                self._near.setdefault(_blurred(sound), word)

    def changes(self, text: str, words: Sequence[Word]) -> list[Change]:
        """Return what is read otherwise, in order; `text` is folded, `words` are its words."""
        lower = text.lower()
        if len(lower) != len(text):
            return []
        fixed = {place: word for word in words if word.known and word.end - word.start > 1 for place in range(word.start, word.end)}
        han = [change for run in _HAN.finditer(text) for change in self._in_han(text, run.start(), run.end(), fixed)]
        return sorted([*han, *self._in_latin(lower, words)], key=lambda change: change.start)

    def _in_han(self, text: str, first: int, last: int, fixed: Mapping[int, Word]) -> Iterator[Change]:
        taken: set[int] = set()
        for length in _SPANS:
            for start in range(first, last - length + 1):
                end = start + length
                if taken.isdisjoint(range(start, end)) and (meant := self._meant(text[start:end], start, fixed)):
                    taken.update(range(start, end))
                    yield Change(start, end, (meant,))

    def _meant(self, said: str, start: int, fixed: Mapping[int, Word]) -> str | None:
        """Return the word that `said` sounds like, if no example has it, and no known word or commoner character is lost by that."""
        if all(pair in self._vocabulary.pairs for pair in _pairs(said)):
            return None
        sound = self._sound(said)
        meant = self._exact.get(sound) or self._near.get(_blurred(sound))
        if meant is None or meant == said or self._vocabulary.counts[meant] < _OFTEN:
            return None
        if 2 * sum(one == other for one, other in zip(said, meant, strict=True)) < len(said) - 1:
            return None
        for place, (one, other) in enumerate(zip(said, meant, strict=True), start=start):
            if one != other and (one in _NUMERALS or self._vocabulary.counts.get(one, 0) >= self._vocabulary.counts[meant]):
                return None
            word = fixed.get(place)
            if word and (one != other or word.start < start or word.end > start + len(said)):
                return None
        return meant

    def _in_latin(self, text: str, words: Sequence[Word]) -> Iterator[Change]:
        whole = is_pinyin(text)
        latin = frozenset() if whole else self._vocabulary.latin
        among_english = not whole and not _HAN.search(text)
        left = _MOST_LETTERS
        for group in _pinyin_like(text, words, latin):
            said = [text[word.start : word.end] for word in group]
            if among_english and len(_LATIN.findall(text)) > len(group) and not _is_clear(said):
                continue
            left -= sum(len(one) for one in said)
            meant = self._spell("".join(said)) if left >= 0 and is_pinyin(" ".join(said), fewest=2) else ()
            if self._is_known(meant, said, latin, least=0.0 if whole else 0.5):
                yield Change(group[0].start, group[-1].end, meant)

    def _is_known(self, meant: Sequence[str], said: Sequence[str], latin: frozenset[str], *, least: float) -> bool:
        """Are some of the words of several characters, at least that part of all letters, and no more than half known as Latin?"""
        letters = sum(len(one) for one in said)
        foreign = sum(len(one) for one in said if one in latin)
        known = sum(
            len(self._vocabulary.sounds[word].replace(" ", "")) for word in meant if len(word) > 1 and word in self._vocabulary.sounds
        )
        return known > 0 and known >= least * letters and 2 * foreign <= letters

    def _spell(self, letters: str) -> tuple[str, ...]:
        """Return the likeliest words that are spelled like this (Viterbi; pairs across two words that no example has cost)."""
        # For each place the words that may end there: what all up to there costs, and the place and word before.
        ends: list[dict[str, tuple[float, int, str]]] = [{"": (0.0, 0, "")}]
        for end in range(1, len(letters) + 1):
            here: dict[str, tuple[float, int, str]] = {}
            for start in range(max(0, end - _LONGEST_SPELLED), end):
                if not ends[start]:
                    continue
                for word, cost in self._spelled_like(letters[start:end]):
                    reached, before = max((so_far[0] - self._junction(one, word), one) for one, so_far in ends[start].items())
                    if word not in here or here[word][0] < reached + cost:
                        here[word] = (reached + cost, start, before)
            ends.append(here)
        words: list[str] = []
        end, word = len(letters), max(ends[-1], key=lambda one: ends[-1][one][0], default="")
        while word:
            words.insert(0, word)
            _, end, word = ends[end][word]
        return tuple(words)

    def _spelled_like(self, letters: str) -> list[tuple[str, float]]:
        """Return words that are spelled like this with the logarithms of their shares; the letters themselves for an unknown syllable."""
        found = [(word, math.log(self._vocabulary.counts[word] / self._total)) for word in self._spelled.get(letters, ())]
        return found or ([(letters, _UNKNOWN)] if letters in SYLLABLES else [])

    def _junction(self, one: str, other: str) -> float:
        return 0.0 if not one or one[-1] + other[0] in self._vocabulary.pairs else _UNSEEN

    def _sound(self, text: str) -> Sound:
        return tuple(self._vocabulary.readings.get(character, character) for character in text)


def changed(text: str, words: Sequence[Word], changes: Sequence[Change]) -> tuple[str, list[str]]:
    """Return the text and its words after the changes."""
    parts: list[tuple[int, str]] = [(change.start, word) for change in changes for word in change.words]
    covered = {place for change in changes for place in range(change.start, change.end)}
    for word in words:
        left = [place for place in range(word.start, word.end) if place not in covered]
        if left:
            parts.append((left[0], "".join(text[place] for place in left)))
    for change in reversed(changes):
        text = text[: change.start] + "".join(change.words) + text[change.end :]
    return text, [word for _, word in sorted(parts, key=lambda part: part[0])]


def _pinyin_like(text: str, words: Sequence[Word], latin: frozenset[str]) -> Iterator[list[Word]]:
    """Yield runs of words, blanks between them, that all fall into syllables; at both ends stands none that is known as Latin."""
    group: list[Word] = []
    for word in [*words, Word(len(text), len(text))]:
        said = text[word.start : word.end]
        fits = bool(_LATIN.fullmatch(said) and syllables(said))
        if group and not (fits and text[group[-1].end : word.start].isspace()):
            while group and text[group[-1].start : group[-1].end] in latin:
                group.pop()
            yield from [group] if group else []
            group = []
        if fits and (group or said not in latin):
            group.append(word)


def _is_clear(said: Sequence[str]) -> bool:
    """Is this Chinese even among English words? One word (Obama, Denver) never is."""
    return len(said) > 1 and is_pinyin(" ".join(said))


def _latin_words(words: Sequence[Sequence[str]]) -> frozenset[str]:
    """Return the Latin words that are no pinyin: they do not fall into syllables, or stand beside such words more often than not."""
    beside: Counter[str] = Counter()
    latin: set[str] = set()
    for some in words:
        said = [word for word in some if _LATIN.fullmatch(word)]
        plain = {word for word in said if not syllables(word)}
        latin |= plain
        beside.update({word: 1 if plain else -1 for word in said if word not in plain})
    return frozenset(latin | {word for word, more in beside.items() if more > 0})


def _pairs(text: str) -> list[str]:
    return [text[start : start + 2] for start in range(len(text) - 1)]


def _plain(syllable: str) -> str:
    """Take the tone away: lǜ is lv, as one types it."""
    return re.sub("[^a-z]", "", re.sub("u[\u0300-\u036f]*\u0308", "v", unicodedata.normalize("NFD", syllable)))


def _blurred(sound: Sound) -> Sound:
    """Make alike what many Chinese speak alike: zh and z, ch and c, sh and s; an, en, in with and without g."""
    return tuple(_blur(syllable) for syllable in sound)


@lru_cache(4096)
def _blur(syllable: str) -> str:
    return re.sub("(?<=[aei])ng$", "n", re.sub("^([zcs])h", r"\1", syllable))
