"""A mapping for a file that nobody has described: what its columns seem to be, and beside it all that is not certain."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from bot.customers.ingest.amounts import money
from bot.customers.ingest.fields import KINDS, WHO, Type
from bot.customers.ingest.identity import emails, phones
from bot.customers.ingest.sampling import Sample, sample
from bot.customers.ingest.text import plain_text
from bot.customers.ingest.times import EITHER_ORDER, moments

ENOUGH = 0.8  # share of values that must fit a type
FEW_LABELS = 30
UNSURE = "UNSURE:"


@dataclass
class Guess:
    """What a column seems to be, how it is read, and what is not certain of it."""

    meaning: str
    options: dict[str, Any] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)


@cache
def _words() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("proposal.yml").read_text(encoding="utf8"))
    return found


def propose(paths: Sequence[Path], *, time_zone: str) -> str:
    """Return a mapping of these files as YAML; what is not certain is commented. Raises InputError for what cannot be read."""
    parts = [
        "# A proposal: look at every line, above all at those with UNSURE, then run: yingda customers ingest THIS_FILE",
        "version: 1",
        f"time_zone: {time_zone}  # of times that say none",
        "currency: CNY  # of amounts that say none",
        "region: CN  # of telephone numbers without a country's code",
        "sources:",
    ]
    for number, path in enumerate(paths, start=1):
        parts += _source(sample(path), number)
    return "\n".join(parts) + "\n"


def _source(found: Sample, number: int) -> list[str]:
    named = {name: _meanings(name, values) for name, values in found.columns.items()}
    kind, unsure = _kind(found, named)
    guesses = _assign(kind, found, named)
    stem = re.sub(r"[^\w-]+", "_", found.path.stem)[:40] or f"source_{number}"
    name = stem if stem not in {"shop", "yingda", "segment"} else f"{stem}_file"
    lines = [f"- name: {json.dumps(name, ensure_ascii=False)}", f"  kind: {kind}{_comment(unsure)}"]
    lines.append(f"  files: {json.dumps(found.path.name, ensure_ascii=False)}  # a pattern such as orders*.csv takes the next export too")
    if found.format == "csv":
        lines.append(f"  # read as {found.encoding}, header in row {found.header_row}; both are found out anew for each file")
        if found.separator != ",":
            lines.append(f"  separator: {json.dumps(found.separator)}")
    if found.sheet:
        lines.append(f"  sheet: {json.dumps(found.sheet, ensure_ascii=False)}  # the fullest of the workbook's sheets")
    lines.append("  columns:")
    for column, values in found.columns.items():
        lines.append(_column(column, values, guesses.get(column), kind))
    return lines


def _meanings(name: str, values: list[str]) -> list[str]:
    """Return what a column may mean by its name, likeliest first, as far as its values fit."""
    bare = re.sub(r"[\s_\-./()（）#]+", "", re.sub(r"[(（][^)）]*[)）]\s*$", "", name) or name).lower()  # 金额(元) is 金额
    found = [(meaning, words) for meaning, words in _words()["meanings"].items()]
    exact = [meaning for meaning, words in found if bare in words]
    begins = [
        meaning for meaning, words in found if any(len(word) > 2 and (bare.startswith(word) or bare.endswith(word)) for word in words)
    ]
    return [meaning for meaning in dict.fromkeys([*exact, *begins]) if _fits(meaning, values)]


def _fits(meaning: str, values: list[str]) -> bool:
    """Say whether the values can be what the name promises."""
    texts = _texts(values)
    kind = next((fields[meaning].type for fields in KINDS.values() if meaning in fields), Type.KEY)
    if not len(texts) or kind in {Type.KEY, Type.TEXT, Type.LABEL, Type.FLAG, Type.CURRENCY}:
        return True
    return _share(kind, texts) >= ENOUGH


def _share(kind: Type, texts: pa.Array) -> float:
    """Return the share of values that are of a type, however they are written."""
    repairs: Counter[str] = Counter()
    if kind is Type.PHONE:
        read = phones(texts, region="CN", repairs=repairs)
    elif kind is Type.EMAIL:
        read = emails(texts, repairs=repairs)
    elif kind in {Type.TIME, Type.DATE}:
        read = moments(texts, zone="UTC", order=_order(texts.to_pylist()) or "dmy")
    else:
        reads = (money(texts, None, currency="CNY", decimal=sign, minor=False, repairs=repairs)[0] for sign in ".,")
        read = min(reads, key=lambda one: one.null_count)
    return 1 - float(read.null_count) / len(texts)


def _texts(values: list[str]) -> pa.Array:
    said = (plain_text(value) for value in values)
    return pa.array([text for text in said if text and text not in _words()["missing"]], pa.string())


def _kind(found: Sample, named: dict[str, list[str]]) -> tuple[str, list[str]]:
    """Return the kind whose columns are there, and what speaks against being sure."""
    there = {meaning for meanings in named.values() for meaning in meanings}
    file = found.path.stem.lower()
    scores: dict[str, float] = {}
    for kind, fields in KINDS.items():
        needed = {name for name, one in fields.items() if one.required and name not in WHO}
        if not needed <= there or (kind == "order_lines" and not {"sku", "line"} & there):
            continue
        by_name = any(word in file for word in _words()["files"].get(kind, ()))
        scores[kind] = sum(sign in there for sign in _words()["signs"][kind]) + len(needed) / 2 + 1.5 * by_name
    ranked = sorted(scores, key=lambda kind: -scores[kind])
    unsure = []
    if len(ranked) > 1 and scores[ranked[0]] - scores[ranked[1]] < 1:
        unsure.append(f"it could also be {ranked[1]}")
    if ranked[0] == "orders" and "order" not in there:
        unsure.append("without an order's number, two orders of one customer at one time over one amount are taken for one")
    if "customer" not in there:
        unsure.append("no column is clearly the customer's number")
    return ranked[0], unsure


def _assign(kind: str, found: Sample, named: dict[str, list[str]]) -> dict[str, Guess]:
    """Give each column a meaning of this kind, each meaning once."""
    taken: set[str] = set()
    guesses: dict[str, Guess] = {}
    for rank in range(max(map(len, named.values()), default=0)):
        for column, meanings in named.items():
            meaning = meanings[rank] if rank < len(meanings) else ""
            meaning = "started_at" if kind == "memberships" and meaning == "at" else meaning
            allowed = meaning == "customer" or meaning in KINDS[kind]
            if column not in guesses and allowed and meaning not in taken:
                guesses[column] = _guess(kind, meaning, found.columns[column])
                taken.add(meaning)
    if "customer" not in taken:
        column = _key_like(found, guesses)
        guesses[column] = _guess(kind, "customer", found.columns[column])
        guesses[column].unsure.insert(0, "no name says which column is the customer; this one looks most like a number of theirs")
    return guesses


def _key_like(found: Sample, guesses: dict[str, Guess]) -> str:
    free = [column for column in found.columns if column not in guesses] or list(found.columns)
    return max(free, key=lambda column: len(set(found.columns[column])) - 10_000 * (not any(found.columns[column])))


def _guess(kind: str, meaning: str, values: list[str]) -> Guess:
    texts = _texts(values)
    if meaning == "customer":
        guess = Guess("customer_key", unsure=["write shop_customer_id if it is the number that your shop's log-in has (sub of its JWT)"])
        for personal, type_ in (("email", Type.EMAIL), ("phone", Type.PHONE)):
            if len(texts) and _share(type_, texts) >= ENOUGH:
                guess.options["personal"] = personal
        return guess
    field_ = KINDS[kind][meaning]
    guess = Guess(meaning)
    if field_.type in {Type.TIME, Type.DATE}:
        _time_options(guess, texts.to_pylist())
    elif field_.type in {Type.MONEY, Type.NUMBER, Type.COUNT} and len(texts):
        point, comma = (
            money(texts, None, currency="CNY", decimal=sign, minor=False, repairs=Counter())[0].null_count for sign in (".", ",")
        )
        if comma < point:
            guess.options["decimal"] = ","
    elif field_.type is Type.LABEL:
        _label_options(guess, kind, texts.to_pylist())
    return guess


def _time_options(guess: Guess, texts: list[str]) -> None:
    if any(re.match(EITHER_ORDER, text) for text in texts):
        order = _order(texts)
        if order:
            guess.options["order"] = order
        else:
            guess.unsure.append("day or month first? add order: dmy or order: mdy; ingest does not go on without")
    if texts and all(re.fullmatch(r"\d{5}([.]\d+)?", text) for text in texts):
        guess.options["formats"] = ["excel"]


def _order(texts: list[str]) -> str:
    """Return dmy or mdy where some date allows only one of them."""
    parts = [match for match in (re.match(EITHER_ORDER, text) for text in texts) if match]
    if any(int(match[1]) > 12 for match in parts):
        return "dmy"
    return "mdy" if any(int(match[2]) > 12 for match in parts) else ""


def _label_options(guess: Guess, kind: str, texts: list[str]) -> None:
    labels = [label for label, _count in Counter(texts).most_common(FEW_LABELS)]
    if guess.meaning == "status":
        guess.options["values"] = {label: "cancelled" if label.lower() in _words()["cancelled"] else "placed" for label in labels}
        guess.unsure.append("which of these mean that the order was cancelled? a label that is not here is refused")
    elif guess.meaning == "language":
        guess.options["values"] = {label: "zh" if label.lower().startswith(("zh", "中", "cn")) else "en" for label in labels}
        guess.unsure.append("zh or en?")
    elif kind == "events":
        guess.options["values"] = dict.fromkeys(labels, "visit")
        guess.unsure.append("which kind is each? see bot/customers/events.py; all are visit until you say")


def _column(name: str, values: list[str], guess: Guess | None, kind: str) -> str:
    """Return one line of YAML; a column without a meaning is a comment, and so is not read."""
    key = json.dumps(name, ensure_ascii=False)
    if guess is None:
        texts = _texts(values)
        about = f"{len(set(texts.to_pylist()))} different values in {len(values)} rows"
        use = f"{key}: trait" if kind == "customers" else key + ": "
        return f"    # {use}  # not read: {about}{'; take away the first # to keep it as a trait' if kind == 'customers' else ''}"
    if not guess.options:
        return f"    {key}: {guess.meaning}{_comment(guess.unsure)}"
    return f"    {key}: {json.dumps({'is': guess.meaning, **guess.options}, ensure_ascii=False)}{_comment(guess.unsure)}"


def _comment(unsure: list[str]) -> str:
    return f"  # {UNSURE} {'; '.join(unsure)}" if unsure else ""
