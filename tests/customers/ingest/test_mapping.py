"""Mapping files: mistakes are told with their line, and one can be proposed."""

from __future__ import annotations

import os
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.ingest.mapping import load_mapping, parse_mapping
from bot.customers.ingest.proposal import propose
from bot.customers.ingest.run import Ingestion, ingest, inputs_of
from bot.errors import InputError
from tests.customers.ingest.conftest import ORDERS


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: orders", "kind: order", r"line 5: kind is 'order'; allowed are customers, orders"),
        ("total: amount", "total: sum", r"line 11: column 'total' is 'sum'; columns of orders may be"),
        ("total: amount", "total: {is: amount, decmal: ','}", r"line 11: .*unknown field `decmal`.*allowed here: is, of"),
        ("customer: customer_key", "customer: status", r"exactly one column of 'till' must say who the customer is"),
        ("time: at", "time: coupon", r"'till' has no column that is at"),
        ("total: amount", "total: {is: amount, currency: yuan}", r"line 11: currency is 'yuan'"),
        ("time: at", "time: {is: at, time_zone: Peking}", r"line 10: time_zone is 'Peking'"),
        ("name: till", "name: shop", r"line 4: name is 'shop'.*our own"),
        ("version: 1", "version: [", r"line \d+: not YAML"),
        ("total: amount", "total: {is: status, values: {done: gone}}", r"values leads to 'gone'; allowed are cancelled, placed"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_mapping(ORDERS.replace(old, new), name="mapping.yml")


def test_a_file_that_no_source_reads_is_an_error(tmp_path: Path) -> None:
    mapping = parse_mapping(ORDERS, name="mapping.yml")

    with pytest.raises(InputError, match=r"no source of the mapping reads visits.csv; its patterns are orders\*"):
        inputs_of(mapping, tmp_path, [tmp_path / "visits.csv"])
    with pytest.raises(InputError, match="there is none beside the mapping"):
        inputs_of(mapping, tmp_path, [])


FILES = {
    "orders.csv": ("订单号,会员号,下单时间,金额,状态,备注\nA1,7,2026-01-05 08:00,12.50,已完成,急\nA2,8,2026-01-06,9,已取消,\n", "orders"),
    "客户.csv": ("客户编号,姓名,手机,电子邮箱,性别\n7,王芳,13800138000,f@x.cn,女\n8,李雷,13900139000,l@x.cn,男\n", "customers"),
    "lines.csv": (
        "order_id;customer_id;order_date;sku;qty;price\nA1;7;22/11/2025;tea;2;1.299,00\nA1;7;22/11/2025;cup;1;5,50\n",
        "order_lines",
    ),
    "tickets.csv": ("ticket_id,customer_id,created_at,topic,csat\nT1,7,2026-01-05,late,5\n", "contacts"),
    "members.csv": ("user_id,tier,start_date,end_date\n7,gold,2026-01-05,2027-01-05\n", "memberships"),
    "visits.jsonl": ('{"user":{"id":"7"},"user_id":"7","timestamp":"2026-01-05T08:00:00Z","url":"/tea"}\n', "visits"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_proposal_is_a_mapping_that_ingest_takes(name: str, tmp_path: Path, engine: sa.Engine, cipher: Cipher) -> None:
    text, kind = FILES[name]
    (tmp_path / name).write_text(text, encoding="utf8")
    (tmp_path / "mapping.yml").write_text(propose([tmp_path / name], time_zone="Asia/Shanghai"), encoding="utf8")

    mapping = load_mapping(tmp_path / "mapping.yml")
    outcome = next(ingest(Ingestion(engine, cipher, tmp_path), inputs_of(mapping, tmp_path, [])))

    assert mapping.sources[0].kind == kind
    assert (outcome.status, outcome.counts["quarantined"]) == ("done", {})
    assert outcome.counts["stored"] >= text.strip().count("\n") or kind == "visits"


def test_what_is_unsure_is_said_and_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order,customer,date,total,status\nA1,7,03/04/2026,5,done\n")

    text = propose([path], time_zone="Asia/Shanghai")

    assert '"date": at  # UNSURE: day or month first?' in text
    assert "which of these mean that the order was cancelled?" in text


REAL = ("telco_churn/Telco-Customer-Churn.csv", "cdnow/CDNOW_master.txt", "completejourney/demographics.csv", "febrl/dataset1.csv")


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_files_are_proposed_and_ingested(name: str, tmp_path: Path, engine: sa.Engine, cipher: Cipher) -> None:
    """YINGDA_TEST_DATA: the folder with the public data sets, which are not part of the project."""
    data = os.environ.get("YINGDA_TEST_DATA")
    path = Path(data or ".") / name
    if not data or not path.is_file():
        pytest.skip(f"{name} is missing; set YINGDA_TEST_DATA to the folder of the public data sets")

    mapping = parse_mapping(propose([path], time_zone="America/New_York"), name="proposal")
    outcome = next(ingest(Ingestion(engine, cipher, tmp_path, limit=0.3), inputs_of(mapping, tmp_path, [path])))

    assert outcome.status == "done"
    assert outcome.counts["rows"] == sum(1 for line in path.read_bytes().splitlines() if line.strip()) - 1


def test_the_fullest_sheet_is_proposed_and_a_unit_in_a_name_is_passed_over(tmp_path: Path, engine: sa.Engine, cipher: Cipher) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["青禾优选 导出说明"])
    sheet = book.create_sheet("订单")
    sheet.append(["订单编号", "会员卡号", "付款时间", "实收金额（元）"])
    for number in range(30):
        sheet.append([f"D{number}", f"K{number % 7}", f"2026-03-{number % 28 + 1:02} 10:00", f"￥{number + 10}.50"])
    book.save(tmp_path / "orders.xlsx")

    text = propose([tmp_path / "orders.xlsx"], time_zone="Asia/Shanghai")

    assert 'sheet: "订单"' in text
    mapping = parse_mapping(text)
    [outcome] = ingest(Ingestion(engine, cipher, tmp_path / "data"), inputs_of(mapping, tmp_path, []))
    assert (outcome.status, outcome.counts["stored"]) == ("done", 30)
