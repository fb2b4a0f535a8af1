"""Texts cut to a channel's length: at paragraphs, sentences or words, never inside a grapheme, an address or a number."""

from __future__ import annotations

import regex

from bot.channels.base import Unit

# What is never cut: an address, a number or code with its separators (2026-11-22, 1,299.00, #A-1001), a grapheme cluster (UAX #29).
_ATOM = regex.compile(
    r"""(?:https?://|www\.)[^\s<>"'，。；！？、）】」]+
      | [#@A-Za-z]*\p{Nd}(?:[\p{Nd}A-Za-z]|[.,:/\-_](?=[\p{Nd}A-Za-z]))*
      | \X""",
    regex.VERBOSE,
)

# Where to cut, best first; a worse place is taken when a better one would leave the part less than half full.
_AFTER = (frozenset("\n"), frozenset("。！？!?…；;.\n"), frozenset("，,、：:)）」】 \t\n"))
FULL = 0.5


def length(text: str, unit: Unit) -> int:
    """Return the text's length as the channel counts it."""
    if unit is Unit.BYTES:
        return len(text.encode())
    if unit is Unit.UTF16:
        return len(text) + sum(character > "\uffff" for character in text)
    return len(text)


def split(text: str, longest: int, unit: Unit) -> list[str]:
    """Return the text in parts of at most `longest`; none for a text of blanks only. Blanks at the cuts are dropped."""
    parts: list[str] = []
    rest = text.strip()
    while length(rest, unit) > longest:
        atoms = _fitting(rest, longest, unit)
        part = "".join(atoms[: _cut(atoms, unit, longest)])
        parts.append(part.rstrip())
        rest = rest[len(part) :].lstrip()
    return [part for part in [*parts, rest] if part]


def _fitting(text: str, longest: int, unit: Unit) -> list[str]:
    """Return the atoms that fit from the beginning; where not even the first does, it is cut by graphemes, then by characters."""
    for pieces in (_ATOM.findall(_ahead(text, longest)), regex.findall(r"\X", _ahead(text, longest)), list(text[: longest + 1])):
        fitting, used = [], 0
        for piece in pieces:
            used += length(piece, unit)
            if used > longest:
                break
            fitting.append(piece)
        if fitting:
            return fitting
    raise ValueError(f"a part of {longest} {unit} holds not even one character")


def _ahead(text: str, longest: int) -> str:
    """Return enough to see what an atom at the limit still belongs to, without reading a long text again for each part."""
    return text[: longest * 2 + 64]


def _cut(atoms: list[str], unit: Unit, longest: int) -> int:
    for places in _AFTER:
        used = 0
        best = 0
        for index, atom in enumerate(atoms):
            used += length(atom, unit)
            if atom in places and used >= longest * FULL:
                best = index + 1
        if best:
            return best
    return len(atoms)
