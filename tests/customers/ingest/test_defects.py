"""Every defect that exports of shops have, each in a small file."""

from __future__ import annotations

import io
import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
import sqlalchemy as sa

from bot.customers.ingest.amounts import money
from bot.customers.ingest.cleaning import Cleaner
from bot.customers.ingest.identity import emails, phones
from bot.customers.ingest.mapping import parse_mapping
from bot.customers.ingest.readers import open_file
from bot.customers.ingest.text import plain
from bot.customers.ingest.times import moments
from bot.errors import InputError
from tests.customers.ingest.conftest import ORDERS, Read, events

CHINESE = """
version: 1
sources:
- name: till
  kind: orders
  files: "*"
  columns: {订单号: order, 会员号: customer_key, 下单时间: at, 金额: amount}
"""
EIGHT = datetime.fromisoformat("2026-01-05 08:00")  # of no zone, as cells of tables are
ROWS = "订单号,会员号,下单时间,金额\nA1,7,2026年1月5日 8时05分,￥1,299\n".replace("￥1,299", '"￥1,299.00"')


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


@pytest.mark.parametrize(
    "text",
    ["2026-01-05 08:05", "2026/1/5 8:05", "2026.1.5 08:05:00", "20260105 08:05", "2026年1月5日 8时5分", "2026-01-05T00:05:00Z",
     "2026-01-05T02:05:00+02:00", "1767571500", "1767571500000", "2026-01-05 08:05:00.000000"],
)  # fmt: skip
def test_a_moment_in_any_usual_form(text: str) -> None:
    found = moments(texts(text), zone="Asia/Shanghai")

    assert [moment.isoformat() for moment in found.to_pylist()] == ["2026-01-05T00:05:00+00:00"]


@pytest.mark.parametrize("text", ["2026-02-30", "yesterday", "2026-13-01", "26-1-5", "12345", "0000-00-00"])
def test_what_is_no_moment(text: str) -> None:
    assert moments(texts(text), zone="Asia/Shanghai").to_pylist() == [None]


def test_the_order_of_day_and_month_is_stated_or_an_error() -> None:
    assert str(moments(texts("22/11/2026"), zone="UTC", order="dmy")[0])[:10] == "2026-11-22"
    assert str(moments(texts("11/22/2026 9:30"), zone="UTC", order="mdy")[0])[:16] == "2026-11-22 09:30"
    with pytest.raises(InputError, match=r"column 'when' .*dmy"):
        moments(texts("22/11/2026"), zone="UTC", column="when")


def test_stated_formats_and_numbers_of_excel() -> None:
    assert str(moments(texts("Jan 5, 2026 3:05 PM"), zone="UTC", formats=["%b %d, %Y %I:%M %p"])[0])[:16] == "2026-01-05 15:05"
    assert str(moments(texts("45000.5"), zone="UTC", formats=["excel"])[0])[:16] == "2023-03-15 12:00"


@pytest.mark.parametrize(
    ("text", "minor", "currency"),
    [("1299", 129900, "CNY"), ("¥1,299.00", 129900, "CNY"), ("￥12.5", 1250, "CNY"), ("12.50元", 1250, "CNY"), ("$5", 500, "USD"),
     ("USD 5.00", 500, "USD"), ("1299日元", 1299, "JPY"), ("(3.00)", -300, "CNY"), ("1.299", None, "CNY"), ("1.299,00", None, "CNY"),
     ("12,34", None, "CNY"), ("free", None, "CNY"), ("1e5", None, "CNY")],
)  # fmt: skip
def test_an_amount_is_exact_or_none(text: str, minor: int | None, currency: str) -> None:
    found, of = money(texts(text), None, currency="CNY", decimal=".", minor=False, repairs=Counter())

    assert (found.to_pylist(), of.to_pylist()) == ([minor], [currency])


def test_an_amount_with_a_decimal_comma_where_that_is_stated() -> None:
    found, _of = money(texts("1.299,00", "1 299,5", "7"), None, currency="EUR", decimal=",", minor=False, repairs=Counter())

    assert found.to_pylist() == [129900, 129950, 700]


def test_telephone_numbers_become_e164() -> None:
    told = texts("138 0013 8000", "+86 138-0013-8000", "8613800138000", "010-6552 9988", "+49 1512 3456789", "13800138000.0", "12", None)

    assert phones(told, region="CN", repairs=Counter()).to_pylist() == [
        *["+8613800138000"] * 3, "+861065529988", "+4915123456789", "+8613800138000", None, None,
    ]  # fmt: skip


def test_addresses_of_e_mail() -> None:
    assert emails(texts("Fang@Example.COM", "mailto:a@b.cn", "a b@c.cn", "a@b", "a@b.c1"), repairs=Counter()).to_pylist() == [
        "fang@example.com", "a@b.cn", None, None, None,
    ]  # fmt: skip


def test_texts_without_blanks_control_characters_and_full_width_signs() -> None:
    repairs: Counter[str] = Counter()
    told = texts("  a  b ", "Ａ１２", "x\u200by\ufeff", "a\u00a0b", "N/A", "", "（北京）", "plain")

    assert plain(told, repairs, prose=True).to_pylist() == ["a b", "A12", "xy", "a b", None, None, "（北京）", "plain"]
    assert plain(texts("（1）"), repairs, prose=False).to_pylist() == ["(1)"]
    assert repairs == {"blanks": 2, "full_width": 2, "control_characters": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_every_encoding_is_found_out(engine: sa.Engine, read: Read, encoding: str) -> None:
    outcome = read(CHINESE, "orders.csv", (ROWS + "A2,7,2026-01-06,1\n" * 3).encode(encoding))[0]

    assert outcome.counts["read_as"]["encoding"] in {encoding, "utf-16"}
    assert events(engine, "key", "amount_minor")[0] == ("A1:order_placed", 129900)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_and_prose_above_the_header(engine: sa.Engine, read: Read, separator: str) -> None:
    table = "order,customer,time,total\nA1,7,2026-01-05,12.50\nA2,7,2026-01-05,-1\n".replace(",", separator)

    outcome = read(ORDERS, "orders.csv", f"Export of our shop, for internal use only\n\n{table}", limit=1)[0]

    assert outcome.counts["read_as"]["header_row"] == 3
    assert events(engine) == [("A1:order_placed", "order_placed", 1250)]


def test_columns_that_stand_apart_by_blanks(engine: sa.Engine, read: Read) -> None:
    mapping = ORDERS.replace("files: orders*", "files: orders*\n  separator: blanks")

    read(mapping, "orders.txt", " order customer  time total\n A1   7  20260105   12.50\n\n A2 7 20260106  1\n")

    assert [key for key, _kind, _amount in events(engine)] == ["A1:order_placed", "A2:order_placed"]


def test_a_missing_column_is_an_error_with_the_name_that_is_like_it(read: Read) -> None:
    with pytest.raises(InputError, match=r"no column 'total' \(there is 'totals'\)"):
        read(ORDERS, "orders.csv", "order,customer,time,totals\nA1,7,2026-01-05,1\n")


def test_rows_with_line_breaks_and_quotes_keep_their_numbers(engine: sa.Engine, read: Read) -> None:
    table = 'order,customer,time,total,note\nA1,7,2026-01-05,1,"two\nlines, ""quoted"""\n\nA2,7,2026-01-05,bad,\n'

    outcome = read(ORDERS, "orders.csv", table, limit=1)[0]

    assert outcome.counts["repairs"]["blank_rows"] == 1
    with engine.connect() as connection:
        assert connection.execute(sa.text('SELECT "row", "column" FROM quarantined_rows')).all() == [(4, "total")]


def test_impossible_values_are_refused(engine: sa.Engine, read: Read) -> None:
    lines = ORDERS.replace("kind: orders", "kind: order_lines").replace("    total: amount", "    sku: sku\n    n: quantity")
    rows = ("A1,7,2026-01-05,t,1", "A2,7,2199-01-05,t,1", "A3,7,1989-12-31,t,1", "A4,7,2026-01-05,t,0", "A5,7,2026-01-05,t,1.5")
    table = "\n".join(("order,customer,time,sku,n", *rows))

    outcome = read(lines, "orders.csv", table, limit=1)[0]

    assert outcome.counts["quarantined"] == {"in_the_future": 1, "too_early": 1, "too_small": 1, "not_whole": 1}
    assert events(engine, "key", "value") == [("A1:t:item_bought", 1.0)]


def test_a_workbook_json_lines_and_parquet_say_the_same_as_a_csv_file(engine: sa.Engine, read: Read, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["export"], ["order", "customer", "time", "total"], ["A1", 7, EIGHT, 12.5], ["A2", 7.0, 46027, "1"]):
        book.worksheets[0].append(row)
    workbook = io.BytesIO()
    book.save(workbook)
    first_line, last_line = (
        {"order": "A1", "customer": 7, "time": "2026-01-05 08:00", "total": 12.5},
        {"order": "A2", "customer": 7, "time": "2026-01-05", "total": 1},
    )
    lines = f"{json.dumps(first_line)}\nnot json\n{json.dumps(last_line)}\n"
    table = pa.table({"order": ["A1", "A2"], "customer": [7, 7], "time": [EIGHT, EIGHT.replace(hour=0)], "total": [12.5, 1.0]})
    parquet = io.BytesIO()
    pa_parquet.write_table(table, parquet)

    first = read(ORDERS, "orders.jsonl", lines, limit=1)[0]
    second = read(ORDERS, "orders.parquet", parquet.getvalue())[0]

    assert (first.counts["stored"], first.counts["quarantined"]) == (2, {"not_json": 1})
    assert (second.counts["stored"], second.counts["unchanged"]) == (0, 2)
    third = read(ORDERS.replace("time: at", "time: {is: at, formats: [iso, excel]}"), "orders.xlsx", workbook.getvalue())[0]
    assert (third.counts["stored"], third.counts["corrected"], third.counts["unchanged"]) == (0, 0, 2)


@pytest.mark.slow
def test_a_large_file_is_read_in_pieces_and_numbered_through(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "order,customer,time,total\n" + "".join(f"A{n},7,2026-01-05,{n}\n" if n != 200_000 else "A,7\n" for n in range(250_000))
    )
    source = parse_mapping(ORDERS, name="m").sources[0]
    cleaner = Cleaner(source)
    bad, rows, chunks = [], 0, 0

    for chunk in open_file(path, source).chunks:
        cleaned = cleaner.clean(chunk)
        bad += cleaned.bad
        rows += len(cleaned.numbers)
        chunks += 1
        last = int(cleaned.numbers[-1])

    assert (rows, last, [one.row for one in bad]) == (249_999, 250_001, [200_002])
    assert chunks > 1
