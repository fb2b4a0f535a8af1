"""The verbs as whoever brings in data meets them: propose, look, read, see what was refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bot.cli import main

TABLE = "订单号,会员号,下单时间,金额\n" + "".join(f"A{n},7,2026-01-05,{n}\n" for n in range(40)) + "B1,8,昨天,5\n"


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    var = tmp_path / "var"
    var.mkdir()
    shutil.copy(sqlite_template, var / "yingda.sqlite3")
    for name in ("DATABASE_URL", "REDIS_URL", "SHOP_URL", "YINGDA_DATA_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("YINGDA_DATA_DIR", str(var))
    (tmp_path / "orders.csv").write_text(TABLE, encoding="utf8")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["customers", *arguments])
    found = capsys.readouterr()
    assert int(ended.value.code or 0) == code, found.out + found.err
    return found.out + found.err


@pytest.mark.slow
def test_from_an_unknown_file_to_stored_orders(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping, bad, page = folder / "mapping.yml", folder / "bad.csv", folder / "quality.html"

    assert "UNSURE" in said(capsys, "mapping", str(folder / "orders.csv"), "--out", str(mapping)) + mapping.read_text(encoding="utf8")
    assert "there already" in said(capsys, "mapping", str(folder / "orders.csv"), "--out", str(mapping), code=1)
    assert "nothing of them was stored" in said(capsys, "ingest", str(mapping), "--limit", "0.01", code=1)
    outcome = json.loads(said(capsys, "ingest", str(mapping), "--json"))[0]
    assert (outcome["status"], outcome["counts"]["stored"], outcome["counts"]["quarantined"]) == ("done", 40, {"not_a_time": 1})
    assert "nothing to do" in said(capsys, "ingest", str(mapping))

    assert "昨天" in said(capsys, "quarantine", "--run", outcome["run_id"])
    assert "1 values" in said(capsys, "quarantine", "--run", outcome["run_id"], "--csv", str(bad))
    assert "昨天" in bad.read_text(encoding="utf-8-sig")
    assert bad.stat().st_mode & 0o077 == 0
    listed = json.loads(said(capsys, "runs", "--json"))
    assert [run["status"] for run in listed] == ["done", "stopped"]
    assert "昨天" not in json.dumps(listed, ensure_ascii=False)
    assert "1 inputs" in said(capsys, "quality", outcome["run_id"], "--out", str(page), "--language", "zh")
    assert "数据质量报告" in page.read_text(encoding="utf8")
