"""A backup is complete, consistent, for its owner only, and comes back."""

from __future__ import annotations

import dataclasses
import sqlite3
import tarfile
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.database import sync_engine
from bot.database.people import customers
from bot.errors import ConflictError, InputError
from bot.ids import new_id, utcnow
from bot.settings import Settings, load_settings
from bot.system.backup import backup, restore
from tests.postgres import PostgresServer


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Settings:
    """An embedded system with one customer."""
    settings = load_settings({"YINGDA_DATA_DIR": str(tmp_path / "var")}, root=tmp_path)
    (tmp_path / "var" / "yingda.sqlite3").write_bytes(sqlite_template.read_bytes())
    add_customer(settings)
    return settings


def add_customer(settings: Settings) -> None:
    engine = sync_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(sa.insert(customers).values(id=new_id(), language="zh", objects_to_profiling=False, created_at=utcnow()))
    engine.dispose()


def count_customers(settings: Settings) -> int:
    engine = sync_engine(settings.database_url)
    with engine.begin() as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(customers)).scalar_one()
    engine.dispose()
    return int(found)


def elsewhere(tmp_path: Path, **environment: str) -> Settings:
    """A new machine, with keys of its own."""
    return load_settings({"YINGDA_DATA_DIR": str(tmp_path / "new"), **environment}, root=tmp_path)


def test_a_backup_comes_back_on_a_new_machine_with_its_keys(settings: Settings, tmp_path: Path) -> None:
    new = elsewhere(tmp_path)
    assert new.data_key != settings.data_key

    backup(settings, tmp_path / "backup.tar.gz")
    manifest, kept = restore(new, tmp_path / "backup.tar.gz")

    assert (manifest.database, kept) == ("sqlite", None)
    assert count_customers(new) == 1
    assert elsewhere(tmp_path).data_key == settings.data_key
    assert (tmp_path / "new" / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_what_was_there_before_is_kept(settings: Settings, tmp_path: Path) -> None:
    backup(settings, tmp_path / "backup.tar.gz")
    add_customer(settings)

    _manifest, kept = restore(settings, tmp_path / "backup.tar.gz")

    assert count_customers(settings) == 1
    assert kept is not None
    with sqlite3.connect(kept) as before:
        assert before.execute("SELECT count(*) FROM customers").fetchone() == (2,)


def test_a_backup_is_for_its_owner_only_and_never_overwritten(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "backup.tar.gz"
    backup(settings, target)

    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConflictError, match="exists already"):
        backup(settings, target)
    with pytest.raises(InputError, match="does not exist"):
        backup(settings, tmp_path / "nowhere" / "backup.tar.gz")


def test_a_backup_while_somebody_writes_is_whole(settings: Settings, tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            add_customer(settings)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup(settings, tmp_path / "backup.tar.gz")
    finally:
        done.set()
        writer.join()

    new = elsewhere(tmp_path)
    restore(new, tmp_path / "backup.tar.gz")
    assert 1 <= count_customers(new) <= count_customers(settings)


def test_other_keys_in_the_environment_are_refused_before_anything_is_touched(settings: Settings, tmp_path: Path) -> None:
    backup(settings, tmp_path / "backup.tar.gz")
    new = elsewhere(tmp_path, YINGDA_DATA_KEY="ab" * 32)

    with pytest.raises(ConflictError, match="YINGDA_DATA_KEY"):
        restore(new, tmp_path / "backup.tar.gz")

    assert not (tmp_path / "new" / "yingda.sqlite3").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08 broken"], ids=["empty", "text", "broken"])
def test_a_file_that_is_no_backup_is_refused(settings: Settings, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "thing").write_bytes(content)

    with pytest.raises(InputError, match="is no backup"):
        restore(settings, tmp_path / "thing")

    assert count_customers(settings) == 1


def test_an_archive_of_something_else_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("hello")
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "letter", arcname="letter")

    with pytest.raises(InputError, match="is no backup"):
        restore(settings, tmp_path / "other.tar.gz")


def test_a_backup_of_another_kind_of_database_is_refused(settings: Settings, tmp_path: Path) -> None:
    backup(settings, tmp_path / "backup.tar.gz")

    with pytest.raises(ConflictError, match="is of sqlite"):
        restore(dataclasses.replace(settings, database_url="postgresql://nobody@/nothing"), tmp_path / "backup.tar.gz")


@pytest.mark.slow
def test_postgresql_comes_back_into_an_empty_database(postgres: PostgresServer, postgres_url: str, tmp_path: Path) -> None:
    settings = elsewhere(tmp_path, DATABASE_URL=postgres_url)
    add_customer(settings)
    backup(settings, tmp_path / "backup.tar.gz")

    with pytest.raises(ConflictError, match=r"holds \d+ tables"):
        restore(settings, tmp_path / "backup.tar.gz")
    empty = dataclasses.replace(settings, database_url=postgres.empty_database())
    restore(empty, tmp_path / "backup.tar.gz")

    assert count_customers(empty) == 1
