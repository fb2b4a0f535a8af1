"""Whether a text is in bytes, in any of the forms in which it could have got there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from bot.database.tables import metadata


def forms(text: str) -> set[bytes]:
    """Return the text plain, in UTF-16 and GB18030, escaped as in JSON and in addresses, and in base64 at all three places."""
    plain = {text.encode(), json.dumps(text)[1:-1].encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), text.encode("gb18030")}
    encoded = {part for one in plain for offset in range(3) for part in _base64(one, offset)}
    return plain | encoded | {quote(text).encode(), quote(text).lower().encode(), text.encode().hex().encode()}


def _base64(data: bytes, offset: int) -> Iterable[bytes]:
    """Yield the characters that stand for the data and nothing beside it, when it begins `offset` bytes after a multiple of three."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(b"\0" * offset + data).rstrip(b"=")
        yield whole[-(-offset * 8 // 6) : len(whole) - (1 if (offset + len(data)) % 3 else 0)]


def found_in(data: bytes, texts: Iterable[str]) -> list[str]:
    return [text for text in texts if any(form in data for form in forms(text))]


def found_in_files(folder: Path, texts: Iterable[str]) -> dict[str, list[str]]:
    """Return which texts stand in which files under the folder, sockets left out."""
    wanted = list(texts)
    found = {path.name: found_in(path.read_bytes(), wanted) for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: texts for name, texts in found.items() if texts}


def found_in_tables(engine: sa.Engine, texts: Iterable[str]) -> dict[str, list[str]]:
    """Return which texts stand in which tables of PostgreSQL, each row as text."""
    wanted, found = list(texts), {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            rows = connection.exec_driver_sql(f'SELECT one::text FROM "{table.name}" AS one').scalars()
            found[table.name] = found_in("\n".join(rows).encode(), wanted)
    return {name: texts for name, texts in found.items() if texts}
