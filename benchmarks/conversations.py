"""What is said in the benchmark: the conversations of messages.yml, and who says them to whom."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import yaml

from bot.languages import detect_language, reply_language

FILE = Path(__file__).with_name("messages.yml")
ORDER = "{order}"
SEED = 7


@dataclass(frozen=True)
class Line:
    """One message: its text, the language to answer it in, and the intents that are right for it."""

    text: str
    language: str
    intents: frozenset[str]

    @property
    def written_in(self) -> str:
        return detect_language(self.text)


@dataclass(frozen=True)
class Conversation:
    """`id` is the conversation's in the database; empty as long as it is only a script."""

    lines: tuple[Line, ...]
    identified: bool
    language: str
    id: str = ""


class _Script(msgspec.Struct, forbid_unknown_fields=True):
    speaker: str
    language: str
    says: list[dict[str, str]]


def read_scripts(path: Path = FILE) -> list[Conversation]:
    """Return all conversations, in an order in which languages and topics are mixed and which is always the same."""
    raw = yaml.safe_load(path.read_text(encoding="utf8"))
    scripts = [_conversation(script) for script in msgspec.convert(raw, list[_Script])]
    random.Random(SEED).shuffle(scripts)
    return scripts


def with_messages(scripts: Sequence[Conversation], count: int) -> list[Conversation]:
    """Return the first conversations that have `count` messages together, the last one cut short; ValueError when there are not so many."""
    chosen: list[Conversation] = []
    left = count
    for script in scripts:
        if left <= 0:
            return chosen
        chosen.append(replace(script, lines=script.lines[:left]))
        left -= len(script.lines)
    if left > 0:
        raise ValueError(f"there are {count - left} messages in {FILE.name}; {count} are too many")
    return chosen


def fill(script: Conversation, *, conversation_id: str, order: str) -> Conversation:
    """Return the script as it is said in one conversation of the database."""
    lines = tuple(replace(line, text=line.text.replace(ORDER, order)) for line in script.lines)
    return replace(script, lines=lines, id=conversation_id)


def _conversation(script: _Script) -> Conversation:
    lines = []
    language = script.language
    for said in script.says:
        [(intents, text)] = said.items()
        language = reply_language(text.replace(ORDER, ""), language)
        lines.append(Line(text, language, frozenset(intents.split("|"))))
    return Conversation(tuple(lines), script.speaker == "customer", script.language)
