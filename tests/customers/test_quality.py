"""The data-quality report: counts before and after, in both languages, and no value of anybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.ingest.mapping import parse_mapping
from bot.customers.ingest.run import Ingestion, ingest, inputs_of
from bot.customers.quality.report import looked_at, page, quality_section, section
from bot.database import sync_engine
from tests.conftest import CopyOf

pytestmark = pytest.mark.slow

MAPPING = """
version: 1
sources:
- name: crm
  kind: customers
  columns: {编号: customer_key, 姓名: name, 手机: phone, 消费: {is: trait, name: spent}}
- name: till
  kind: orders
  files: orders.csv
  columns: {订单号: order, 会员号: customer_key, 时间: at, 金额: amount}
"""
ORDERS = (
    "订单号,会员号,时间,金额\n"
    + "".join(f"A{n},7,2026-0{n % 6 + 1}-05,¥{n * 10}.00\n" for n in range(1, 40))
    + "A1,7,2026-02-05,¥10.00\nZ,7,从前,机密\n"
)


@pytest.fixture
def engine(copy_of: CopyOf) -> Iterator[sa.Engine]:
    engine = sync_engine(copy_of("sqlite"))
    yield engine
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "title", "rule"), [("zh", "数据质量报告", "无法识别的日期或时间"), ("en", "Data quality", "no date or time")]
)
def test_a_run_has_its_section(engine: sa.Engine, cipher: Cipher, tmp_path: Path, language: str, title: str, rule: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS, encoding="utf8")
    mapping = parse_mapping(MAPPING, name="mapping")
    outcome = next(ingest(Ingestion(engine, cipher, tmp_path), inputs_of(mapping, tmp_path, [path])))

    with engine.connect() as connection:
        named = quality_section(connection, [outcome.run_id[:20]], language=language)
        newest = quality_section(connection, [], language=language)
    html = page(named, language=language)

    assert named["runs"] == newest["runs"]
    assert (named["runs"][0]["rows"], named["runs"][0]["kept"], named["runs"][0]["duplicates"]) == (41, 39, 1)
    assert title in html
    assert rule in html
    assert html.count("<svg") == 2
    assert "从前" not in html
    assert "机密" not in html


def test_a_file_is_only_looked_at(engine: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS, encoding="utf8")

    parts = section([looked_at(parse_mapping(MAPPING, name="mapping").sources[1], path, tmp_path)], language="en")

    assert (parts["runs"][0]["status"], parts["runs"][0]["refused"], parts["runs"][0]["rules"]) == (
        "looked",
        1,
        {"not_a_time": 1, "not_an_amount": 1},
    )
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM pipeline_runs")).scalar_one() == 0
