"""A bare thank-you: words of thanks.yml and nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from bot.conversations.bare_words import BareWords
from bot.tables import read_table

TABLE = Path(__file__).parent / "thanks.yml"

LONGEST = 80  # characters; whoever writes more says more


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    thanks: list[str]
    beside: list[str]


def is_thanks(text: str) -> bool:
    return _words().match(text)


@cache
def _words() -> BareWords:
    words = read_table(TABLE, Words)
    return BareWords(words.thanks, words.beside, longest=LONGEST)
