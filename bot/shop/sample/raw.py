"""The demo company as its systems would hand it over: raw files with everything that goes wrong with such exports, and their mapping.

Every defect here was met in real copies of public data or in exports of shop systems: see docs/customers.md.
"""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from bot.shop.sample.generate import SampleData
from bot.shop.sample.living import LOCAL
from bot.shop.sample.rows import Row

BROKEN_SHARE = 0.004  # of the rows of orders; below the limit at which a run stops
CORRECTED = 12  # orders whose amount is corrected later
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")

Table = list[list[Any]]


def write_raw(data: SampleData, folder: Path, *, seed: int) -> list[Path]:
    """Write the files and their mappings into the folder; return them. The same data and seed give the same files."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(f"raw {seed}")  # noqa: S311 - invented data
    tables = data.rows
    written = [
        _customers(folder / "客户资料.csv", tables, dice),
        _orders(folder / "orders.csv", tables, dice),
        _corrections(folder / "orders-corrections.csv", tables, data.now),
        _lines(folder / "order_lines.csv", tables),
        _returns(folder / "returns.csv", tables),
        _contacts(folder / "contacts.jsonl", tables),
        _memberships(folder / "memberships.xlsx", tables, data.now),
        _visits(folder / "visits.parquet", tables),
        _newsletter(folder / "newsletter.csv", tables, dice),
    ]
    for name, copied in (("raw_mapping.yml", "mapping.yml"), ("raw_corrections.yml", "corrections.yml")):
        written.append(Path(shutil.copy(Path(__file__).with_name(name), folder / copied)))
    return written


def _customers(path: Path, tables: dict[str, list[Row]], dice: random.Random) -> Path:
    """GB18030, a sentence before the header, stray blanks, telephone numbers as people write them, labels in several spellings."""
    names = {row["customer_id"]: row for row in tables["customer_identities"]}
    keys = {row["shop_customer_id"]: row["id"] for row in tables["customers"]}
    rows: Table = [["会员号", "姓名", "手机号", "邮箱", "收货地址", "语言", "注册日期", "城市", "内部备注"]]
    for row in tables["shop_customers"]:
        person = names[keys[row["customer_id"]]]
        at = row["registered_at"].astimezone(LOCAL)
        spelling = dice.choice({"zh": ("中文", "zh", " ZH"), "en": ("English", "英文", "EN")}[row["language"]])
        day = f"{at.year}年{at.month}月{at.day}日"
        blank = dice.choice(["", "", "", " ", "\u00a0", "　"])
        phone = _as_people_write(person["phone"], dice)
        told = [row["customer_id"] + blank, blank + person["name"], phone, person["email"], person["address"]]
        rows.append([*told, spelling, day, row["city_zh"], "请勿外传"])
    prose = "导出说明：本表由商城后台导出，仅供内部使用\n"
    path.write_bytes((prose + _csv(rows)).encode("gb18030"))
    return path


def _as_people_write(phone: str, dice: random.Random) -> str:
    if not phone.startswith("+86"):
        return phone
    number = phone.removeprefix("+86")
    forms: list[Callable[[str], str]] = [
        str,
        lambda n: f"+86 {n[:3]}-{n[3:7]}-{n[7:]}",
        lambda n: f"{n[:3]} {n[3:7]} {n[7:]}",
        lambda n: n.translate(FULL_WIDTH),
        lambda n: f"0086{n}",
    ]
    return dice.choice(forms)(number) if dice.random() > 0.01 else number[:-2]


def _orders(path: Path, tables: dict[str, list[Row]], dice: random.Random) -> Path:
    """The whole content three times over, amounts with signs and commas, altered labels, and some rows that cannot be."""
    delivered = {row["order_number"]: row["delivered_at"] for row in tables["shop_shipments"]}
    rows: Table = []
    for row in tables["shop_orders"]:
        amount, placed = f"¥{row['total_minor'] / 100:,.2f}", _local(row["placed_at"])
        status = dice.choice(("已取消", "cancelled", "取消")) if row["cancelled_at"] else dice.choice(("已下单", "完成", "paid"))
        if dice.random() < BROKEN_SHARE:
            amount, placed = dice.choice([(f"¥-{row['total_minor'] / 100:.2f}", placed), (amount, "2099/1/1 00:00"), (amount, "待定")])
        done = delivered.get(row["number"])
        ended = _local(row["cancelled_at"]) if row["cancelled_at"] else ""
        coupon = "有" if row["coupon"] else "无"
        arrived = _local(done) if done else ""
        rows.append([row["number"], row["customer_id"], status, amount, coupon, placed, _local(row["promised_at"]), arrived, ended])
    head = ["订单号", "会员号", "状态", "金额", "优惠券", "下单时间", "承诺送达", "送达时间", "取消时间"]
    path.write_bytes(("\ufeff" + _csv([head, *rows, *rows, *rows])).encode())
    return path


def _corrections(path: Path, tables: dict[str, list[Row]], now: datetime) -> Path:
    """The accountants' list of this week: orders of months ago were worth something else. Known from when it arrives, not before."""
    old = [row for row in tables["shop_orders"] if row["placed_at"] < now - timedelta(days=100) and not row["cancelled_at"]][-CORRECTED:]
    rows = [[row["number"], row["customer_id"], f"{row['total_minor'] / 200:.2f}", _local(row["placed_at"])] for row in old]
    path.write_text(_csv([["order_no", "customer_no", "corrected_amount", "placed"], *rows]), encoding="utf8")
    return path


def _lines(path: Path, tables: dict[str, list[Row]]) -> Path:
    orders = {row["number"]: row for row in tables["shop_orders"]}
    rows: Table = [["order_no", "line_no", "customer_no", "sku", "qty", "line_total_fen", "placed"]]
    for row in tables["shop_order_lines"]:
        order = orders[row["order_number"]]
        total = row["price_minor"] * row["quantity"]
        rows.append([order["number"], row["id"], order["customer_id"], row["sku"], row["quantity"], total, _local(order["placed_at"])])
    path.write_text(_csv(rows), encoding="utf8")
    return path


def _returns(path: Path, tables: dict[str, list[Row]]) -> Path:
    """From the warehouse abroad: UTF-16, semicolons, decimal commas, days before months."""
    owners = {row["number"]: row["customer_id"] for row in tables["shop_orders"]}
    rows: Table = [["return_id", "customer", "order", "refund", "requested"]]
    for row in tables["shop_returns"]:
        order = row["order_line_id"].rpartition("-")[0]
        refund = f"{row['amount_minor'] / 100:,.2f}".translate(str.maketrans(",.", ".,"))
        at = row["requested_at"].astimezone(LOCAL)
        rows.append([row["number"], owners[order], order, refund, f"{at:%d.%m.%Y %H:%M}"])
    path.write_bytes(_csv(rows, separator=";").encode("utf-16"))
    return path


def _contacts(path: Path, tables: dict[str, list[Row]]) -> Path:
    with path.open("w", encoding="utf8") as file:
        for number, row in enumerate(tables["shop_contacts"], start=1):
            at = round(row["at"].timestamp() * 1000)
            line = {"id": number, "customer": row["customer_id"], "at_ms": at, "topic": row["topic"], "score": row["csat"], "note": "内部"}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return path


def _memberships(path: Path, tables: dict[str, list[Row]], now: datetime) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "会员"
    sheet.append(["会员号", "等级", "开通时间", "结束时间"])
    for row in tables["shop_memberships"]:
        end = row["cancelled_at"] or (row["renews_at"] if row["status"] == "expired" and row["renews_at"] <= now else None)
        tier = {"silver": "银卡", "gold": "金卡", "platinum": "白金卡"}[row["tier"]]
        sheet.append([row["customer_id"], tier, _naive(row["started_at"]), _naive(end) if end else None])
    book.save(path)
    return path


def _visits(path: Path, tables: dict[str, list[Row]]) -> Path:
    rows = tables["shop_page_visits"]
    columns = {"customer": [row["customer_id"] for row in rows], "page": [row["page"] for row in rows], "at": [row["at"] for row in rows]}
    pq.write_table(pa.table(columns), path)
    return path


def _newsletter(path: Path, tables: dict[str, list[Row]], dice: random.Random) -> Path:
    """A second system that knows some of the same people under keys of its own, with names mistyped."""
    rows: Table = [["subscriber", "full name", "mail", "mobile"]]
    for number, row in enumerate(tables["customer_identities"], start=1):
        if dice.random() < 0.2:
            name = row["name"]
            place = dice.randrange(len(name))
            typed = name[:place] + name[place + 1 :] if len(name) > 3 and dice.random() < 0.3 else name
            same_mail = dice.random() < 0.6
            mail = row["email"].upper() if same_mail else f"old.{row['email']}"
            rows.append([f"N{number:05}", typed, mail, row["phone"] if dice.random() < 0.5 else ""])
    path.write_text(_csv(rows), encoding="utf8")
    return path


def _local(moment: datetime) -> str:
    at = moment.astimezone(LOCAL)
    return f"{at.year}/{at.month}/{at.day} {at:%H:%M}"


def _naive(moment: datetime) -> datetime:
    """Return the wall clock's time without a zone, as Excel holds it."""
    return moment.astimezone(LOCAL).replace(tzinfo=None, microsecond=0)


def _csv(rows: Iterable[list[Any]], *, separator: str = ",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return file.getvalue()
