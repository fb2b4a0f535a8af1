"""What a look at the training data can find, as data: where, what is wrong, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What is wrong with an example or an intent."""

    BROKEN_YAML = "broken_yaml"
    BROKEN_MARKUP = "broken_markup"
    EMPTY_EXAMPLE = "empty_example"
    UNKNOWN_INTENT = "unknown_intent"
    MISSING_INTENT = "missing_intent"
    FEW_EXAMPLES = "few_examples"
    WRONG_LANGUAGE = "wrong_language"
    DUPLICATE = "duplicate"
    DUPLICATE_IN_OTHER_INTENT = "duplicate_in_other_intent"
    NEAR_DUPLICATE = "near_duplicate"
    OTHER_INTENT = "other_intent"
    UNKNOWN_ENTITY = "unknown_entity"
    EMPTY_ENTITY = "empty_entity"
    PADDED_ENTITY = "padded_entity"
    NESTED_ENTITY = "nested_entity"
    MISALIGNED_ENTITY = "misaligned_entity"
    SHIFTED_ENTITY = "shifted_entity"
    UNMARKED_ENTITY = "unmarked_entity"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong. `line` counts from 1; `text` is the example without its markup, "" where the finding is about an intent."""

    kind: Kind
    file: Path
    line: int
    text: str
    wrong: str
    todo: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def sentence(self) -> str:
        """Say it in one line, as compilers do."""
        about = f" {self.text!r}" if self.text else ""
        return f"{self.place}: {self.kind}:{about} {self.wrong}; {self.todo}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "file": self.file.as_posix()}


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by file and line, each thing once."""
    return sorted(set(findings), key=lambda one: (one.file, one.line, one.kind, one.wrong))


def summary(findings: Iterable[Finding]) -> str:
    """Count by kind, in one line; the most frequent first."""
    counts = Counter(finding.kind for finding in findings)
    if not counts:
        return "Nothing is wrong."
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
    return f"{counts.total()} findings: {kinds}"
