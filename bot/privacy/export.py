"""`yingda customers export`: one file with all that is held on a person (GDPR Art. 15 and 20, PIPL Art. 45)."""

from __future__ import annotations

import base64
import json
import os
import zipfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from bot.channels.filetype import FileType
from bot.channels.media import COLUMN
from bot.crypto import Cipher
from bot.database import audit
from bot.database.people import audit_log
from bot.errors import ConflictError, SettingError
from bot.languages import LANGUAGES
from bot.privacy.person import Person, find_person
from bot.privacy.reach import encrypted_columns, quarantined_of, reach, values_of

DATA, ABOUT, MEDIA = "data.json", "about.{language}.txt", "media"

Rows = list[dict[str, Any]]


def export(engine: sa.Engine, cipher: Cipher, wanted: str, target: Path, *, actor: str) -> dict[str, int]:
    """Write the ZIP and return how many rows of each table are in it; the look is logged before it is given.

    Raises NotFoundError when nobody fits `wanted`, and ConflictError when the file is there already.
    """
    if target.exists():
        raise ConflictError(f"{target} exists already; choose another name")
    with engine.begin() as connection:
        person = find_person(connection, cipher, wanted)
        audit.record(connection, actor=actor, action="export", subject=person.subject)
    with engine.connect() as connection:
        data = everything(connection, cipher, person)
    files = _files(data)
    text = json.dumps(data, ensure_ascii=False, indent=2, default=_plain)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(DATA, text, compress_type=zipfile.ZIP_DEFLATED)
        for name, content in files.items():
            archive.writestr(name, content)
        for language in LANGUAGES:
            archive.writestr(ABOUT.format(language=language), _about(data, language), compress_type=zipfile.ZIP_DEFLATED)
    return {name: len(rows) for name, rows in data.items()}


def everything(connection: sa.Connection, cipher: Cipher, person: Person) -> dict[str, Rows]:
    """Return the person's rows by table, decrypted; tables that hold nothing of them are left out."""
    encrypted = encrypted_columns()
    found: dict[str, Rows] = {}
    for table, clause in reversed(reach(person)):
        query = sa.select(table).where(clause).order_by(*table.primary_key.columns)
        columns = encrypted.get(table.name, [])
        found[table.name] = [_opened(dict(row), columns, table.name, cipher) for row in connection.execute(query).mappings()]
    refused = quarantined_of(connection, cipher, values_of(connection, cipher, person))
    found["quarantined_rows"] = [_opened(dict(row), ["value"], "quarantined_rows", cipher) for row in refused]
    about = sa.select(audit_log).where(audit_log.c.subject.in_(_subjects(person, found))).order_by(audit_log.c.created_at)
    found["audit_log"] = [dict(row) for row in connection.execute(about).mappings()]
    return {name: rows for name, rows in found.items() if rows}


def _subjects(person: Person, found: dict[str, Rows]) -> list[str]:
    """Return all under which the audit log names the person: each record, thread, conversation, merge and suggestion of theirs."""
    ids = {
        "customer": person.customer_ids,
        "thread": person.thread_ids,
        "conversation": person.conversation_ids,
        "merge": [row["id"] for row in found.get("customer_merges", [])],
        "suggestion": [row["id"] for row in found.get("merge_suggestions", [])],
    }
    return [person.subject, *(f"{kind}:{one}" for kind, each in ids.items() for one in each)]


def _files(data: dict[str, Rows]) -> dict[str, bytes]:
    """Take what the person sent out of the rows; return each as a file, whose name stands in its row."""
    files: dict[str, bytes] = {}
    for row in data.get("media", []):
        parts = [part for part in data.get("media_parts", []) if part["media_id"] == row["id"]]
        if parts:
            row["file"] = f"{MEDIA}/{FileType(row['mime']).name_for(row['id'])}"
            files[row["file"]] = b"".join(part.pop("data") for part in sorted(parts, key=lambda part: int(part["number"])))
    return files


def _opened(row: dict[str, Any], columns: list[str], table: str, cipher: Cipher) -> dict[str, Any]:
    for name in columns:
        if row[name] is not None:
            row[name] = _value(cipher, row[name], f"{table}.{name}")
    return row


def _value(cipher: Cipher, sealed: bytes, column: str) -> Any:
    """Return the value in clear; a structure where it is one, and the bytes as they are where they are under another key."""
    try:
        plain = cipher.open(sealed, column=column)
    except SettingError:
        return sealed
    if column == COLUMN:
        return plain
    text = plain.decode()
    try:
        return json.loads(text) if text.startswith("{") else text
    except ValueError:
        return text


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no place in an export")


def _about(data: dict[str, Rows], language: str) -> str:
    words = _words(language)
    lines = [f"{words.tables.get(name, name)} ({name}): {len(rows)}" for name, rows in data.items()]
    return "\n".join([words.title, "", *lines, "", words.rights, ""])


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    rights: str
    tables: dict[str, str]


@cache
def _words(language: str) -> _Words:
    return msgspec.yaml.decode((Path(__file__).parent / "words" / f"{language}.yml").read_bytes(), type=_Words)
