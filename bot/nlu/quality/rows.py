"""Labelled messages in a text file: `text<TAB>intent[<TAB>language]`, UTF-8, no header."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.errors import InputError
from bot.languages import detect_language

KNOWN_LANGUAGES = ("zh", "en", "mixed", "other")


@dataclass(frozen=True, slots=True)
class Row:
    text: str
    intent: str
    language: str  # as stated, else as detected


def read_rows(path: Path) -> list[Row]:
    """Read a file of labelled messages; InputError names file, line, what is there and what is wanted."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}; wanted are lines of text<TAB>intent[<TAB>language]") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    rows = [_row(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise InputError(f"{path} holds no rows; wanted are lines of text<TAB>intent[<TAB>language]")
    return rows


def _row(line: str, place: str) -> Row:
    columns = [column.strip() for column in line.split("\t")]
    if len(columns) not in (2, 3) or not columns[0] or not columns[1]:
        raise InputError(
            f"{place}: {line[:80]!r} has {len(columns)} column(s); wanted are text<TAB>intent[<TAB>language], none of them empty"
        )
    language = columns[2] if len(columns) == 3 else detect_language(columns[0])
    if language.partition("-")[0] not in KNOWN_LANGUAGES:
        raise InputError(f"{place}: the language is {language!r}; allowed are {', '.join(KNOWN_LANGUAGES)}")
    return Row(columns[0], columns[1], language.partition("-")[0])


def intents_of(rows: Iterable[Row]) -> list[str]:
    return sorted({row.intent for row in rows})
