"""The verbs as whoever answers for people's data meets them, on an embedded system with the sample's customers."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.cli import main
from bot.crypto import Cipher, open_cipher
from bot.database import sync_engine
from bot.database.intelligence import merge_suggestions
from bot.database.people import customer_identities, customers
from bot.ids import new_id, utcnow
from bot.keys import read_env, secrets_file
from bot.settings import Settings, load_settings
from bot.shop.sample import generate, load
from tests.privacy.search import found_in_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

LIN = ("林悦", "+8615486201357", "lin.yue@example.com")

Run = Callable[..., str]


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    var = tmp_path / "var"
    var.mkdir()
    shutil.copy(sqlite_template, var / "yingda.sqlite3")
    for name in ("DATABASE_URL", "REDIS_URL", "SHOP_URL", "YINGDA_DATA_KEY", "YINGDA_DATA_KEY_OLD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("YINGDA_DATA_DIR", str(var))
    settings = load_settings({"YINGDA_DATA_DIR": str(var)}, root=tmp_path)
    engine = sync_engine(settings.database_url)
    load(engine, open_cipher(settings), generate(20, 7))
    engine.dispose()
    return settings


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a verb in this process and return what it prints, errors included."""

    def run(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        assert int(ended.value.code or 0) == code, said.out + said.err
        return said.out + said.err

    monkeypatch.setattr(sys, "argv", ["yingda"])
    return run


def test_an_erased_customer_whom_a_backup_brings_back_is_erased_again(settings: Settings, run: Run, tmp_path: Path) -> None:
    backup = tmp_path / "monday.tar.gz"
    run("backup", str(backup))

    said = run("customers", "erase", "lin.yue@example.com", "--yes")

    assert f"Still holds them: {backup}" in said
    assert "1 customers" in said
    assert found_in_files(settings.data_dir, LIN) == {}
    assert "customers erase --again" in run("restore", str(backup), "--yes")
    assert "customer_identities" in run("customers", "export", "C000001", str(tmp_path / "lin.zip"))
    assert "1 were back and are erased again" in run("customers", "erase", "--again")
    run("customers", "export", "C000001", str(tmp_path / "again.zip"), code=1)


def test_a_new_key_replaces_the_old_one_everywhere(settings: Settings, run: Run, tmp_path: Path) -> None:
    said = run("rotate-key")

    keys = read_env(secrets_file(settings.data_dir))
    new = Cipher(bytes.fromhex(keys["YINGDA_DATA_KEY"]))
    assert keys["YINGDA_DATA_KEY"] != settings.data_key
    assert "YINGDA_DATA_KEY_OLD" not in keys
    assert "The old key is gone" in said
    with sync_engine(settings.database_url).connect() as connection:
        names = connection.execute(sa.select(customer_identities.c.name)).scalars().all()
    assert len([new.decrypt(name, column="customer_identities.name") for name in names if name]) == 20
    assert "messages" not in run("customers", "export", LIN[1], str(tmp_path / "lin.zip"))


def test_a_wrong_key_beside_the_right_one_is_kept_until_everything_opens(
    settings: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YINGDA_DATA_KEY", "11" * 32)
    monkeypatch.setenv("YINGDA_DATA_KEY_OLD", "22" * 32)

    assert "open with none of the keys" in run("rotate-key", code=1)

    monkeypatch.setenv("YINGDA_DATA_KEY_OLD", settings.data_key)
    assert "Take YINGDA_DATA_KEY_OLD out of the environment" in run("rotate-key")


def test_people_decide_on_suggestions(settings: Settings, run: Run) -> None:
    engine = sync_engine(settings.database_url)
    with engine.begin() as connection:
        left, right, *_ = connection.execute(sa.select(customers.c.id).order_by(customers.c.id)).scalars()
        row = {"id": new_id(), "left_id": left, "right_id": right, "probability": 0.9, "reasons": {"name": 8.1}, "status": "open"}
        connection.execute(sa.insert(merge_suggestions).values(row | {"created_at": utcnow()}))

    listed, shown = run("customers", "suggestions"), run("customers", "suggestions", "--reveal", row["id"])  # type: ignore[arg-type]
    assert "name 8.1" in listed
    assert "@example.com" in shown
    assert "@example.com" not in listed
    run("customers", "merge", str(row["id"]))
    assert "1 merges are taken back" in run("customers", "unmerge", right)
    assert "refused already" in run("customers", "merge", str(row["id"]), code=1)

    with engine.connect() as connection:
        assert set(connection.execute(sa.select(customers.c.merged_into)).scalars()) == {None}
    engine.dispose()


def test_an_objection_and_the_terms_of_keeping(settings: Settings, run: Run) -> None:
    assert "not profiled any more" in run("customers", "object", "C000003")
    assert "profiled again" in run("customers", "object", "C000003", "--withdraw")
    assert "quarantined_rows: 90 days after created_at" in run("customers", "retention", "--dry-run")
    assert "shop_page_visits deleted" in run("customers", "retention")
