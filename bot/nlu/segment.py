"""Cut a folded text into words: codes, addresses and emoji whole, Han by jieba, the rest by spaCy's rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

Span = tuple[int, int]

_PICTURE = r"[\U0001F000-\U0001FAFF\u2600-\u27BF\u2B00-\u2BFF\u2300-\u23FF\u2190-\u21FF©®]"
_SHADE = r"[\U0001F3FB-\U0001F3FF]"
_FLAG = r"[\U0001F1E6-\U0001F1FF]{2}"
_EMOJI = rf"(?:{_FLAG}|{_PICTURE}{_SHADE}?(?:\u200D{_PICTURE}{_SHADE}?)*|[0-9*\#]\u20E3)"
_HAN = r"[㐀-䶿一-鿿豈-﫿\U00020000-\U0003134f]"
_NO_URL = rf"\s<>\"'，。！？；：、（）《》「」“”‘’【】{_HAN[1:-1]}"

# Where something whole begins in the midst of other signs: "#A1029", "(https://…".
_WHOLE_BEGINS = r"(?<![A-Za-z])[A-Za-z][A-Za-z_-]*\d|https?://|www\.|(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9]"

# The order matters: the first alternative that fits takes the text.
_PIECE = re.compile(
    rf"""
    (?P<whole>
        {_EMOJI}
      | (?:https?://|www\.)[^{_NO_URL}]+[^{_NO_URL}.,!?;:)]            # address of a page
      | [A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+ # e-mail
      | \+\d{{1,3}}[ -]?(?:\(?\d{{1,4}}\)?[ -]?){{2,4}}\d{{2,4}}(?!\d)   # phone with its country
      | 1[3-9]\d[ -]\d{{4}}[ -]\d{{4}}(?!\d)                             # mobile phone, written in groups
      | (?=[A-Za-z-]*\d)[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)+              # order number, ISO date, SKU
      | \d+(?:[.,:/]\d+)+%?                                            # 1,299.00 12:30 11/20
      | \d+%                                                          # 20%
      | (?=[A-Za-z]*\d)[A-Za-z0-9]+                                    # tracking number, number, iphone15
    )
  | (?P<han>{_HAN}+)
  | (?P<rest>(?:(?!{_PICTURE}|{_HAN}|{_WHOLE_BEGINS})[^\s\d])+)
    """,
    re.VERBOSE,
)
_LETTERS = re.compile(r"[^\W\d_]+")
_UNITS = "年月日号元块"  # behind a number these stand alone: jieba would read 日下 in 18日下的单
_MIN_FREQUENCY = 4  # in jieba's dictionary; half of its words have 3
_MAX_RUN = 60  # spaCy takes square time over signs without a blank
_MAX_LEXEMES = 100_000  # spaCy never forgets a word it has seen; then start with a fresh vocabulary


class Segmenter:
    """Cuts texts into words. `words` are kept whole in Chinese (user dictionary, product names), each `word [frequency]`."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._jieba = _jieba(frozenset(words))
        self._spacy = _spacy_tokenizer()

    def segment(self, text: str) -> list[Span]:
        """Return the words' places in `text`, in order, without blanks."""
        spans: list[Span] = []
        for match in _PIECE.finditer(text):
            if match["whole"]:
                spans.append(match.span())
            elif match["han"]:
                spans.extend(self._cut_han(match["han"], match.start(), text[max(0, match.start() - 1) : match.start()]))
            else:
                spans.extend(self._cut_rest(match["rest"], match.start()))
        return spans

    def knows(self, word: str) -> bool:
        """Does the Chinese dictionary have this word?"""
        return bool(self._jieba.FREQ.get(word))

    def _cut_han(self, run: str, start: int, before: str) -> Iterator[Span]:
        if before.isdecimal() and run[0] in _UNITS:
            yield start, start + 1
            run, start = run[1:], start + 1
        for word in self._jieba.lcut(run, HMM=True):
            yield start, start + len(word)
            start += len(word)

    def _cut_rest(self, run: str, start: int) -> Iterator[Span]:
        if _LETTERS.fullmatch(run) and run not in self._spacy.rules:
            yield start, start + len(run)
            return
        if len(self._spacy.vocab) > _MAX_LEXEMES:
            self._spacy = _spacy_tokenizer()
        for offset in range(0, len(run), _MAX_RUN):
            for token in self._spacy(run[offset : offset + _MAX_RUN]):
                first = start + offset + token.idx
                yield first, first + len(token.text)


def _spacy_tokenizer() -> Any:
    import spacy

    return spacy.blank("en").tokenizer


@cache
def _jieba(words: frozenset[str]) -> Any:
    """Make a tokenizer of our own: `jieba.load_userdict` would change everybody's.

    The dictionary is read here, since jieba keeps it in a file in the world's temporary folder, and without its 260,000 rarest
    words (names of places and people that no shop hears of), which saves 60 MB.
    """
    import jieba

    tokenizer = jieba.Tokenizer()
    frequencies: dict[str, int] = {}
    with tokenizer.get_dict_file() as lines:
        for line in lines:
            word, frequency = line.decode("utf8").split(" ")[:2]
            if int(frequency) < _MIN_FREQUENCY and len(word) > 1:
                continue
            frequencies[word] = int(frequency)
            for length in range(1, len(word)):
                frequencies.setdefault(word[:length], 0)
    tokenizer.FREQ, tokenizer.total, tokenizer.initialized = frequencies, sum(frequencies.values()), True
    for word in [word for word in frequencies if word.partition("市")[0] in words and "市" in word]:
        frequencies[word] = 0  # a city, what it is, and its district are words of their own: the name alone is the entity
    for entry in sorted(words):
        word, _, frequency = entry.partition(" ")
        tokenizer.add_word(word, int(frequency) if frequency else None)
    return tokenizer
