"""A company's own patterns, in the format of spaCy's EntityRuler (https://spacy.io/usage/rule-based-matching#entityruler).

spaCy is loaded only where the file `ruler.jsonl` holds something.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from bot.errors import SettingError
from bot.nlu.segment import Segmenter, Span
from bot.nlu.spans import Found

RULER_FILE = "ruler.jsonl"


class Ruler:
    """Finds what the patterns describe, over our own tokens. The value is the pattern's `id`, else the words as typed."""

    def __init__(self, patterns: list[dict[str, Any]], segment: Callable[[str], list[Span]] | None = None) -> None:
        import spacy
        from spacy.pipeline import EntityRuler

        nlp = spacy.blank("xx")
        self._vocab = nlp.vocab
        segment = segment or Segmenter().segment
        nlp.tokenizer = lambda text: self._doc(text, segment(text))
        self._segment = segment
        self._ruler = EntityRuler(nlp, phrase_matcher_attr="LOWER", validate=True)
        self._ruler.add_patterns(patterns)

    def find(self, text: str, tokens: Iterable[Span] | None = None) -> Iterator[Found]:
        """Yield the finds in a folded text; `tokens` are the places of its words, as the tokenizer has cut it."""
        doc = self._ruler(self._doc(text, list(tokens) if tokens is not None else self._segment(text)))
        for found in doc.ents:
            yield Found(found.label_, found.start_char, found.end_char, found.ent_id_ or found.text)

    def _doc(self, text: str, tokens: list[Span]) -> Any:
        """Build spaCy's document with a token for what lies between ours too, so that its places are the text's."""
        from spacy.tokens import Doc

        pieces: list[Span] = []
        last = 0
        for start, end in [*tokens, (len(text), len(text))]:
            gap = text[last:start]
            if gap and gap != " ":
                pieces.append((last, start))
            if end > start:
                pieces.append((start, end))
            last = end
        begins = {start for start, _ in pieces}
        spaces = [text[end : end + 1] == " " and end not in begins for _, end in pieces]
        return Doc(self._vocab, words=[text[start:end] for start, end in pieces], spaces=spaces)


def read_ruler(path: Path) -> Ruler | None:
    """Read a file of patterns, one JSON object a line; None if there is none. Raises SettingError for what spaCy does not take."""
    lines = path.read_text(encoding="utf8").splitlines() if path.is_file() else []
    lines = [line for line in lines if line.strip()]
    if not lines:
        return None
    try:
        return Ruler([json.loads(line) for line in lines])
    except (ValueError, KeyError, TypeError) as error:
        raise SettingError(
            f"The patterns in {path} cannot be read: {error}; they need one object a line, with `label` and `pattern`"
        ) from error
