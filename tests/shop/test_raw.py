"""The raw export holds what the sample data holds, behind every defect that such files have."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
import yaml

from bot.shop.sample import SampleData, generate
from bot.shop.sample.raw import write_raw


@pytest.fixture(scope="module")
def data() -> SampleData:
    return generate(40, 7)


@pytest.fixture(scope="module")
def folder(data: SampleData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_raw(data, folder, seed=7)
    return folder


def test_customers_are_gb18030_below_a_sentence(data: SampleData, folder: Path) -> None:
    prose, *lines = (folder / "客户资料.csv").read_bytes().decode("gb18030").splitlines()
    rows = list(csv.DictReader(lines))

    assert "," not in prose
    assert [row["会员号"].strip() for row in rows] == [row["customer_id"] for row in data.rows["shop_customers"]]
    assert any(row["手机号"] != row["手机号"].translate(str.maketrans("０１２３４５６７８９", "0123456789")) for row in rows)


def test_orders_stand_three_times_in_their_file(data: SampleData, folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "orders.csv").read_text(encoding="utf-8-sig"))))

    assert len(rows) == 3 * len(data.rows["shop_orders"])
    assert {row["状态"] for row in rows} >= {"已下单", "完成", "paid"}


def test_the_other_systems_have_formats_of_their_own(data: SampleData, folder: Path) -> None:
    contacts = [json.loads(line) for line in (folder / "contacts.jsonl").read_text(encoding="utf8").splitlines()]

    assert len(contacts) == len(data.rows["shop_contacts"])
    assert (folder / "returns.csv").read_bytes().decode("utf-16").startswith("return_id;customer;")
    assert openpyxl.load_workbook(folder / "memberships.xlsx").active.max_row == len(data.rows["shop_memberships"]) + 1  # type: ignore[union-attr]
    assert pq.read_table(folder / "visits.parquet").num_rows == len(data.rows["shop_page_visits"])


def test_every_file_is_in_a_mapping(folder: Path) -> None:
    mapped = {
        source["files"] for name in ("mapping.yml", "corrections.yml") for source in yaml.safe_load((folder / name).read_text())["sources"]
    }

    assert mapped == {path.name for path in folder.iterdir() if path.suffix != ".yml"}
