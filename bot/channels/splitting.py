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

# 3GPP TS 23.038: the default alphabet, and what is there only after an escape and counts twice.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("\f^{}\\[~]|€")
# Of one segment alone, and of each of several, whose header takes the difference.
_GSM_SEGMENT, _UCS2_SEGMENT = (160, 153), (70, 67)


def length(text: str, unit: Unit) -> int:
    """Return the text's length as the channel counts it."""
    if unit is Unit.BYTES:
        return len(text.encode())
    if unit is Unit.UTF16:
        return len(text) + sum(character > "\uffff" for character in text)
    if unit is Unit.SEPTETS:
        return len(text) + sum(character in _GSM_TWICE for character in text)
    if unit is Unit.SEGMENTS:
        within, (alone, each) = _alphabet(text)
        size = length(text, within)
        return 1 if size <= alone else -(-size // each)
    return len(text)


def _alphabet(text: str) -> tuple[Unit, tuple[int, int]]:
    """Return how an SMS counts this text: one character outside GSM's alphabet makes all of it UCS-2."""
    is_gsm = all(character in _GSM or character in _GSM_TWICE for character in text)
    return (Unit.SEPTETS, _GSM_SEGMENT) if is_gsm else (Unit.UTF16, _UCS2_SEGMENT)


def split(text: str, longest: int, unit: Unit) -> list[str]:
    """Return the text in parts of at most `longest`; none for a text of blanks only. Blanks at the cuts are dropped."""
    if unit is Unit.SEGMENTS:
        unit, (alone, each) = _alphabet(text)
        # One less for each segment, since what counts twice does not stand astride two.
        longest = alone if longest == 1 else longest * (each - 1)
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
