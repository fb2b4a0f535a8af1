"""Backup: everything that cannot be made again, in one file: the database and the keys without which it cannot be read.

yingda-backup.tar.gz
  manifest.json   version, time, kind of database, schema
  database        SQLite: a copy made by its online backup; PostgreSQL: pg_dump's custom format
  secrets.env     the four secrets; hence mode 0600, and keep the file where you keep passwords
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import sqlalchemy as sa
from dotenv import dotenv_values
from sqlalchemy.engine import make_url

from bot.database import sync_engine
from bot.database.migrate import migrate
from bot.errors import ConflictError, InputError, ServiceError
from bot.ids import utcnow
from bot.keys import OLD_DATA_KEY, SECRET_NAMES
from bot.settings import Settings

FORMAT = 1
MANIFEST, DATABASE, SECRETS = "manifest.json", "database", "secrets.env"


@dataclass(frozen=True)
class Manifest:
    format: int
    database: str  # sqlite, postgresql
    created_at: str


def backup(settings: Settings, target: Path) -> Manifest:
    """Write a consistent backup while the system runs or not; the file appears only when it is complete."""
    if target.exists():
        raise ConflictError(f"{target} exists already; choose another name")
    if not target.parent.is_dir():
        raise InputError(f"the folder {target.parent} does not exist")
    manifest = Manifest(FORMAT, _kind(settings), utcnow().isoformat())
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
        copy = Path(folder) / DATABASE
        if manifest.database == "sqlite":
            _copy_sqlite(_sqlite_path(settings), copy)
        else:
            _pg("pg_dump", settings, "--format=custom", "--no-owner", f"--file={copy}")
        archive = Path(folder) / "archive"
        with os.fdopen(os.open(archive, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
            _add_text(tar, MANIFEST, json.dumps(asdict(manifest)))
            _add_text(tar, SECRETS, "".join(f"{name}={value}\n" for name, value in kept_secrets(settings).items()))
            tar.add(copy, arcname=DATABASE)
        archive.rename(target)
    return manifest


def restore(settings: Settings, source: Path) -> tuple[Manifest, Path | None]:
    """Put a backup in place of what is there; return what it was, and where the embedded database that was there is kept.

    The system must not run, and a PostgreSQL database must be empty. Raises ConflictError when it is not, or when the environment
    holds other keys than the backup.
    """
    with tempfile.TemporaryDirectory(dir=settings.data_dir, prefix=".restore-") as name:
        folder = Path(name)
        manifest = _unpack(source, folder)
        if manifest.database != _kind(settings):
            raise ConflictError(
                f"the backup is of {manifest.database}, this system's database is {_kind(settings)}; set DATABASE_URL to match"
            )
        _check_secrets(settings, folder / SECRETS)
        kept = None
        if manifest.database == "sqlite":
            kept = _replace_sqlite(_sqlite_path(settings), folder / DATABASE)
        else:
            _check_empty(settings)
            _pg("pg_restore", settings, "--no-owner", "--single-transaction", "--exit-on-error", str(folder / DATABASE))
        shutil.move(folder / SECRETS, settings.data_dir / SECRETS)
    migrate(settings.database_url)
    return manifest, kept


def secrets_of(settings: Settings) -> dict[str, str]:
    values = (settings.secret_key, settings.data_key, settings.identity_secret, settings.internal_token)
    return dict(zip(SECRET_NAMES, values, strict=True))


def kept_secrets(settings: Settings) -> dict[str, str]:
    """Return the keys without which the database cannot be read; while keys are rotated also the older ones."""
    return secrets_of(settings) | ({OLD_DATA_KEY: settings.data_key_old} if settings.data_key_old else {})


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise InputError(f"there is no database at {source}; nothing to back up yet")
    with sqlite3.connect(source) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    target.chmod(0o600)


def _replace_sqlite(path: Path, copy: Path) -> Path | None:
    """Move the present database aside and the copy into its place."""
    _check_sqlite(copy)
    kept = None
    if path.is_file():
        with sqlite3.connect(path) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept = path.with_name(f"{path.name}.before-restore-{utcnow():%Y%m%d-%H%M%S}")
        path.rename(kept)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.move(copy, path)
    return kept


def _check_sqlite(path: Path) -> None:
    try:
        with sqlite3.connect(path) as copy:
            state = copy.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise InputError(f"the backup's database cannot be read: {error}") from error
    if state != "ok":
        raise InputError(f"the backup's database is damaged: {state}")


def _check_secrets(settings: Settings, path: Path) -> None:
    """Keys from the environment or .env must be the backup's, or nothing of it could be read."""
    ours, backed_up = dotenv_values(settings.data_dir / SECRETS), dotenv_values(path)
    given = [name for name, value in secrets_of(settings).items() if ours.get(name) != value]
    other = [name for name in given if secrets_of(settings)[name] != backed_up.get(name)]
    if other:
        raise ConflictError(f"{', '.join(other)} in the environment or .env differ from the backup's; unset them, or set the backup's")


def _check_empty(settings: Settings) -> None:
    engine = sync_engine(settings.database_url)
    try:
        tables = sa.inspect(engine).get_table_names()
    except sa.exc.OperationalError as error:
        raise ServiceError(f"the database cannot be used: {str(error.orig).strip().splitlines()[0]}") from error
    finally:
        engine.dispose()
    if tables:
        raise ConflictError(f"the database of DATABASE_URL holds {len(tables)} tables; make an empty one and name that in DATABASE_URL")


def _unpack(source: Path, folder: Path) -> Manifest:
    try:
        with tarfile.open(source, "r:gz") as tar:
            for name in (MANIFEST, DATABASE, SECRETS):
                file = tar.extractfile(name)
                if file is None:
                    raise InputError(f"{name} in {source} is no file")
                with file, os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as target:
                    shutil.copyfileobj(file, target)
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, KeyError, tarfile.TarError, EOFError, msgspec.MsgspecError) as error:
        raise InputError(f"{source} is no backup of Yingda: {error}") from error
    if manifest.format != FORMAT:
        raise InputError(f"{source} has format {manifest.format}; this version reads {FORMAT}")
    return manifest


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), 0o600, int(utcnow().timestamp())
    tar.addfile(entry, io.BytesIO(data))


def _pg(program: str, settings: Settings, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; the password goes through the environment, where other users cannot read it."""
    path = shutil.which(program)
    if path is None:
        raise ServiceError(f"{program} is not installed; install PostgreSQL's client, for example: apt-get install postgresql-client")
    url = make_url(settings.database_url)
    address = url.set(password=None).render_as_string()
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    done = subprocess.run([path, f"--dbname={address}", *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ServiceError(f"{program} failed: {done.stderr.strip()}")


def _kind(settings: Settings) -> str:
    return "sqlite" if settings.database_url.startswith("sqlite") else "postgresql"


def _sqlite_path(settings: Settings) -> Path:
    return Path(str(make_url(settings.database_url).database))
