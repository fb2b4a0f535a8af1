"""The examples of nlu_data/nlu/{zh,en}/*.yml with their exact lines. What cannot be read is a finding, never an exception."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bot.languages import LANGUAGES
from bot.nlu.quality.findings import Finding, Kind
from bot.nlu.quality.markup import Annotation, read_markup

FOLDER = Path("nlu_data/nlu")
_INTENT_LINE = re.compile(r"\s*-\s+intent:\s*(\S+)")
_FORM = "write `- intent: name` and `examples: |` with one `- text` a line"


@dataclass(frozen=True, slots=True)
class Annotated:
    """An example: text without markup, and where it stands; `file` is relative to the project, `line` counts from 1."""

    text: str
    intent: str
    language: str
    entities: tuple[Annotation, ...]
    file: Path
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Data:
    """All examples, what could not be read, and where each intent is headed: (intent, language) to (file, line)."""

    examples: list[Annotated] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    headings: dict[tuple[str, str], tuple[Path, int]] = field(default_factory=dict)


def read_examples(root: Path) -> Data:
    """Read every YAML file in nlu_data/nlu/zh and nlu_data/nlu/en under `root`, in the order of their names."""
    data = Data()
    for language in LANGUAGES:
        for path in sorted((root / FOLDER / language).rglob("*.yml")):
            _read_file(path, path.relative_to(root), language, data)
    return data


@dataclass(frozen=True, slots=True)
class _Block:
    """The examples of one intent as written; `lines` are (number, text)."""

    intent: str
    line: int
    lines: list[tuple[int, str]]


def _read_file(path: Path, file: Path, language: str, data: Data) -> None:
    try:
        written = path.read_text(encoding="utf8")
    except (OSError, UnicodeDecodeError) as error:
        data.findings.append(Finding(Kind.BROKEN_YAML, file, 1, "", f"cannot be read: {error}", "save it as UTF-8"))
        return
    try:
        blocks = list(_blocks(yaml.compose(written, yaml.SafeLoader)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        wrong = f"is no YAML: {getattr(error, 'problem', None) or error}"
        todo = "correct it; Rasa reads none of the file"
        data.findings.append(Finding(Kind.BROKEN_YAML, file, mark.line + 1 if mark else 1, "", wrong, todo))
        blocks = list(_blocks_by_line(written.splitlines()))
    except _ShapeError as error:
        data.findings.append(Finding(Kind.BROKEN_YAML, file, error.line, "", error.wrong, _FORM))
        blocks = list(_blocks_by_line(written.splitlines()))
    for block in blocks:
        data.headings.setdefault((block.intent, language), (file, block.line))
        for line, text in block.lines:
            _read_line(text, block.intent, language, file, line, data)


def _read_line(raw: str, intent: str, language: str, file: Path, line: int, data: Data) -> None:
    stripped = raw.strip()
    if not stripped:
        return
    if not stripped.startswith("-"):
        wrong = "does not begin with `- `, so Rasa skips it"
        data.findings.append(Finding(Kind.BROKEN_MARKUP, file, line, stripped, wrong, "write `- ` before it, or remove the line"))
        return
    text, entities, faults = read_markup(stripped[1:].strip())
    if not text.strip() and not entities:
        wrong = f"an example of {intent} has no text"
        data.findings.append(Finding(Kind.EMPTY_EXAMPLE, file, line, "", wrong, "write one or remove the line"))
        return
    data.findings.extend(Finding(fault.kind, file, line, text, fault.wrong, fault.todo) for fault in faults)
    data.examples.append(Annotated(text, intent, language, entities, file, line))


class _ShapeError(Exception):
    def __init__(self, node: yaml.Node | None, wrong: str) -> None:
        self.line = node.start_mark.line + 1 if node else 1
        self.wrong = wrong


def _blocks(top: yaml.Node | None) -> Iterator[_Block]:
    """Yield the intents of a file as YAML sees them; synonyms, regular expressions and lookups are not ours."""
    if top is not None and not isinstance(top, yaml.MappingNode):
        raise _ShapeError(top, "the file is no mapping with `version` and `nlu`")
    entries = _keys(top).get("nlu") if top is not None else None
    if entries is not None and not isinstance(entries, yaml.SequenceNode):
        raise _ShapeError(entries, "`nlu` is no list")
    for entry in entries.value if entries is not None else ():
        if not isinstance(entry, yaml.MappingNode):
            raise _ShapeError(entry, "an entry of `nlu` is no mapping")
        keys = _keys(entry)
        if "intent" in keys and "examples" not in keys:
            raise _ShapeError(entry, f"the intent {keys['intent'].value} has no `examples`")
        if "intent" in keys:
            yield _Block(str(keys["intent"].value), entry.start_mark.line + 1, list(_lines(keys["examples"])))


def _keys(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    return {str(key.value): value for key, value in node.value}


def _lines(node: yaml.Node) -> Iterator[tuple[int, str]]:
    """Yield the examples with their lines: of a block text, or of a list of texts or `text:` entries."""
    if isinstance(node, yaml.ScalarNode) and node.style == "|":
        first = node.start_mark.line + 1
        for offset, line in enumerate(node.value.split("\n")):
            yield first + offset + 1, line
    elif isinstance(node, yaml.ScalarNode):
        for line in node.value.split("\n"):
            yield node.start_mark.line + 1, line
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            text = _keys(one).get("text") if isinstance(one, yaml.MappingNode) else one
            if not isinstance(text, yaml.ScalarNode):
                raise _ShapeError(one, "an example has no text")
            line = text.start_mark.line + (2 if text.style == "|" else 1)
            yield line, f"- {text.value.strip().removeprefix('- ')}"
    else:
        raise _ShapeError(node, "`examples` are no text")


def _blocks_by_line(written: list[str]) -> Iterator[_Block]:
    """Read what looks like intents and examples in a file that is no YAML, so that one fault does not hide the others."""
    block: _Block | None = None
    for number, line in enumerate(written, start=1):
        heading = _INTENT_LINE.match(line)
        if heading:
            if block:
                yield block
            block = _Block(heading[1], number, [])
        elif block and re.match(r"\s+- ", line):
            block.lines.append((number, line))
    if block:
        yield block
