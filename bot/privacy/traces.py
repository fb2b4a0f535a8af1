"""What a person left outside the database: files in the data directory, keys in Redis, examples in nlu_data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis import Redis

PREFIX = "yingda:*"
TEXT = {".log", ".yml", ".yaml", ".json", ".jsonl", ".csv", ".tsv", ".html", ".txt", ".md"}
ROTATED = {".1", ".2", ".3"}
NOT_THEIRS = {"catalogue.yml", "retention.yml", "erased.txt"}  # not made from what customers say
SHORTEST, SHORTEST_LATIN = 2, 5  # characters; a Chinese name has two, and "May" is no name alone


def spellings(values: Iterable[str]) -> list[bytes]:
    """Return each value as it may stand in a text file, the longest first: plain, escaped as in JSON, encoded as in an address."""
    found: set[str] = set()
    for value in values:
        if len(value) < (SHORTEST_LATIN if value.isascii() else SHORTEST):
            continue
        found |= {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], quote(value), quote(value).lower()}
        if value.startswith("+86"):
            found.add(value.removeprefix("+86"))
    return sorted((text.encode() for text in found), key=len, reverse=True)


def blot_out(folder: Path, values: Iterable[str]) -> list[Path]:
    """Overwrite the values in the folder's text files with as many x, in place, so that a log that is being written stays whole.

    Returns the files that had any. Logs hold no personal data by design; this is for what a library said, and for files made from messages.
    """
    wanted = spellings(values)
    return [file for file in _text_files(folder) if _blot(file, wanted)]


def mentions(folder: Path, values: Iterable[str]) -> list[str]:
    """Return file:line of what a person must look at, since it is theirs to change: an example in nlu_data, perhaps of somebody else."""
    wanted = spellings(values)
    return [
        f"{file.relative_to(folder.parent)}:{number}"
        for file in _text_files(folder)
        for number, line in enumerate(file.read_bytes().splitlines(), 1)
        if any(one in line for one in wanted)
    ]


def _text_files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.suffix in TEXT | ROTATED and file.name not in NOT_THEIRS and file.is_file() and not file.is_symlink():
            yield file


def _blot(file: Path, wanted: list[bytes]) -> bool:
    data = bytearray(file.read_bytes())
    changed = False
    with file.open("r+b") as target:
        for one in wanted:
            start = data.find(one)
            while start >= 0:
                data[start : start + len(one)] = b"x" * len(one)
                target.seek(start)
                target.write(b"x" * len(one))
                changed = True
                start = data.find(one, start + len(one))
    return changed


def forget_in_redis(client: Redis, wanted: Iterable[str]) -> int:
    """Remove keys, members and fields in which one of these ids or values stands; return how many."""
    needles = [one.encode() for one in wanted]
    count = 0
    for key in client.scan_iter(match=PREFIX, count=500):
        if any(needle in key for needle in needles):
            count += int(client.delete(key))
        else:
            count += _forget_members(client, key, needles)
    return count


def _forget_members(client: Any, key: bytes, needles: list[bytes]) -> int:
    def has(*texts: bytes) -> bool:
        return any(needle in text for needle in needles for text in texts)

    kind = client.type(key)
    if kind == b"string":
        return int(client.delete(key)) if has(client.get(key) or b"") else 0
    if kind == b"hash":
        return sum(int(client.hdel(key, field)) for field, value in client.hgetall(key).items() if has(field, value))
    if kind == b"zset":
        return sum(int(client.zrem(key, member)) for member in client.zrange(key, 0, -1) if has(member))
    if kind == b"set":
        return sum(int(client.srem(key, member)) for member in client.smembers(key) if has(member))
    if kind == b"list":
        return sum(int(client.lrem(key, 0, member)) for member in client.lrange(key, 0, -1) if has(member))
    return 0
