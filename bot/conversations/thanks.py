"""A bare thank-you: words of thanks.yml and nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from bot.conversations.bare_words import BareWords

LONGEST = 80  # characters; whoever writes more says more


def is_thanks(text: str) -> bool:
    return _words().match(text)


@cache
def _words() -> BareWords:
    words = yaml.safe_load((Path(__file__).parent / "thanks.yml").read_text(encoding="utf8"))
    return BareWords(map(str, words["thanks"]), map(str, words["beside"]), longest=LONGEST)
