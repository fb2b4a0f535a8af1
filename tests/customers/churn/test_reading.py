"""Dirty tables with a known truth: what is in them is found, what is left out is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot.customers.churn.columns import Kind, kind_of, read_column
from bot.customers.churn.dataset import Asked, read_dataset
from bot.customers.churn.labels import read_labels
from bot.customers.churn.numbers import as_dates, as_numbers
from bot.errors import InputError

pytestmark = pytest.mark.slow


def written(tmp_path: Path, data: bytes, target: str = "churn", **asked: object) -> Asked:
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    return Asked(data=path, target=target, **asked)  # type: ignore[arg-type]


def test_prose_encoding_separator_decimal_commas_and_labels_do_not_matter(tmp_path: Path, honest: pd.DataFrame) -> None:
    clean = read_dataset(written(tmp_path, honest.to_csv(index=False).encode())).table
    dirty = honest.assign(city="上海")
    dirty["charge"] = [f" € {value:,.2f}".replace(",", "x").replace(".", ",").replace("x", ".") for value in honest["charge"]]
    forms = {1: ["Yes", "yes", " Y ", "1", "True", "Churned"], 0: ["No", "no", "N", "0", "False", "Stayed"]}
    dirty["churn"] = [forms[left][number % 6] for number, left in enumerate(honest["churn"])]
    text = "客户流失数据,导出于2026年;内部使用\r\n\r\n" + dirty.to_csv(index=False, sep=";")

    read = read_dataset(written(tmp_path, text.encode("gb18030"), target=" CHURN"))

    assert read.dropped == {"before the header": 1}
    assert "GB18030, separated by semicolon" in read.notes[0]
    assert np.array_equal(read.table.churned, clean.churned)
    pd.testing.assert_frame_equal(read.table.features.drop(columns=[]), clean.features, check_like=True)
    assert read.types["city"] == "constant"


def test_the_sheet_that_names_the_target_is_read(tmp_path: Path, honest: pd.DataFrame) -> None:
    with pd.ExcelWriter(tmp_path / "table.xlsx") as book:
        pd.DataFrame({"note": ["the data are on the next sheet"]}).to_excel(book, sheet_name="Note", index=False)
        honest.to_excel(book, sheet_name="数据", index=False, startrow=2)

    read = read_dataset(Asked(data=tmp_path / "table.xlsx", target="churn"))

    assert len(read.table.churned) == len(honest)
    assert "sheet 数据" in read.notes[0]


def test_json_lines_are_read_with_what_is_nested_in_them(tmp_path: Path, honest: pd.DataFrame) -> None:
    lines = [
        json.dumps({"customer": {"tenure": one["tenure"]}, "plan": one["plan"], "churn": bool(one["churn"])})
        for one in honest.to_dict("records")
    ]

    read = read_dataset(written(tmp_path, "\n".join(lines).encode()))

    assert list(read.table.features) == ["plan", "customer.tenure"]
    assert read.table.churned.sum() == honest["churn"].sum()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_in_every_form(tmp_path: Path, honest: pd.DataFrame, encoding: str) -> None:
    read = read_dataset(written(tmp_path, honest.to_csv(index=False, sep="\t").encode(encoding)))

    assert len(read.table.churned) == len(honest)
    assert list(read.table.features) == ["tenure", "charge", "plan", "calls"]


def test_exact_copies_are_left_out_and_copies_under_another_id_stay_together(tmp_path: Path, honest: pd.DataFrame) -> None:
    tripled = pd.concat([honest] * 3, ignore_index=True)
    renamed = tripled.assign(customer_id=[f"K{number:05d}" for number in range(len(tripled))])

    exact = read_dataset(written(tmp_path, tripled.to_csv(index=False).encode()))
    other = read_dataset(written(tmp_path, renamed.to_csv(index=False).encode()))

    assert exact.dropped == {"exact copy of another row": 2 * len(honest)}
    assert len(exact.table.churned) == len(honest)
    assert other.types["customer_id"] == "id"
    assert other.copies == 2 * len(honest)
    assert len(np.unique(other.table.groups)) == len(honest)


def test_customers_without_an_id_who_are_alike_are_not_taken_for_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"member": rng.integers(0, 2, 400), "region": rng.choice(["n", "s"], 400), "churn": rng.integers(0, 2, 400)})

    read = read_dataset(written(tmp_path, table.to_csv(index=False).encode()))

    assert read.dropped == {}
    assert len(np.unique(read.table.groups)) == 400


def test_a_customer_of_many_rows_stays_together_and_is_no_copy(tmp_path: Path, honest: pd.DataFrame) -> None:
    months = pd.concat([honest.assign(snapshot_month=f"2025-0{month}") for month in range(1, 7)], ignore_index=True)

    read = read_dataset(written(tmp_path, months.to_csv(index=False).encode()))

    assert (read.types["customer_id"], read.types["snapshot_month"]) == ("id", "time")
    assert (read.dropped, read.copied) == ({}, (0, 0))
    assert len(read.table.churned) == 6 * len(honest)
    assert len(np.unique(read.table.groups)) == len(read.seen) == len(honest)


def test_where_customers_have_a_column_of_their_own_others_do_not_name_them(tmp_path: Path, honest: pd.DataFrame) -> None:
    streets = [f"Street {number * 7 % 401}" for number in range(len(honest))]
    table = honest.assign(street=streets)

    read = read_dataset(written(tmp_path, table.to_csv(index=False).encode()))
    unnamed = read_dataset(written(tmp_path, table.rename(columns={"customer_id": "ref"}).to_csv(index=False).encode()))

    assert read.types["street"] == "id"
    assert len(np.unique(read.table.groups)) == len(honest)
    assert len(np.unique(unnamed.table.groups)) == 401


def test_rows_without_a_target_and_a_second_header_are_left_out_and_counted(tmp_path: Path, honest: pd.DataFrame) -> None:
    lines = honest.to_csv(index=False).splitlines()
    lines[5] = lines[5][:-1]
    lines[9] = lines[9][:-1] + "perhaps"
    lines.insert(20, lines[0])
    lines.append("Total: 600 rows")

    read = read_dataset(written(tmp_path, "\n".join(lines).encode()))

    assert read.dropped == {
        "other fields than the header has": 1,
        "the header again": 1,
        "no target": 1,
        "target of unknown meaning": 1,
    }
    assert len(read.table.churned) == 598


def test_what_is_wrong_is_said_with_what_is_near(tmp_path: Path, honest: pd.DataFrame) -> None:
    asked = written(tmp_path, honest.to_csv(index=False).encode(), target="churned")
    several = written(tmp_path, honest.to_csv(index=False).encode(), target="plan")

    with pytest.raises(InputError, match=r"no column 'churned' \(near it: churn, charge\)"):
        read_dataset(asked)
    with pytest.raises(InputError, match=r"3 values: .*basic.*--positive VALUE"):
        read_dataset(several)
    with pytest.raises(InputError, match=r"no file tables.csv in .* \(near it: table.csv\)"):
        read_dataset(Asked(data=tmp_path / "tables.csv", target="churn"))


@pytest.mark.parametrize(
    ("values", "positive", "left"),
    [
        (["Attrited Customer", "Existing Customer"], None, [1, 0]),
        ([" True.", " False."], None, [1, 0]),
        (["1.0", "0.0"], None, [1, 0]),
        (["流失", "未流失"], None, [1, 0]),
        (["Not churned", "churned"], None, [0, 1]),
        (["Joined", "Churned", "Stayed"], "churned", [0, 1, 0]),
        (["active", "inactive"], None, [0, 1]),
        (["Y", "no", "YES", "n"], "yes", [1, 0, 1, 0]),
        (["a", "b", "b"], None, [1, 0, 0]),
        (["1", "1", "2"], None, [0, 0, 1]),
        (["2.0", "2.0", "1.0"], None, [0, 0, 1]),
    ],
)
def test_labels_mean_what_a_person_reads(values: list[str], positive: str | None, left: list[int]) -> None:
    assert read_labels(pd.Series(values, name="target"), positive).values.tolist() == left


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,234.50", "999.00"], [1234.5, 999.0]),
        (["1.234,50", "999,00"], [1234.5, 999.0]),
        (["12,5", "3"], [12.5, 3.0]),
        (["1,234", "12,000"], [1234.0, 12000.0]),
        (["$ 5", "(7)", "-3"], [5.0, -7.0, -3.0]),
        (["12 %", "5%"], [12.0, 5.0]),
        (["￥1.2万", "300元"], [12000.0, 300.0]),
        (["1e20", "-2E3"], [1e20, -2000.0]),
    ],
)
def test_numbers_are_read_as_people_write_them(texts: list[str], numbers: list[float]) -> None:
    assert as_numbers(pd.Series(texts)).tolist() == numbers


def test_dates_are_read_in_their_formats_and_become_ages() -> None:
    assert as_dates(pd.Series(["31/12/2025", "01/02/2026"])).dt.strftime("%Y-%m-%d").tolist() == ["2025-12-31", "2026-02-01"]
    assert as_dates(pd.Series(["2026年1月5日", ""])).notna().tolist() == [True, False]
    assert as_dates(pd.Series(["20260105", "20251231"])).dt.month.tolist() == [1, 12]
    assert as_dates(pd.Series(["202601", "202512"])).dt.month.tolist() == [1, 12]
    assert as_dates(pd.Series(["gold", "silver"])).isna().all()


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("RowNumber", [str(number) for number in range(1, 201)], Kind.ID),
        ("CustomerId", [str(15_000_000 + 37 * number % 9973) for number in range(200)], Kind.ID),
        ("balance", [str(number * 7919 % 100_003) for number in range(200)], Kind.NUMBER),
        ("total", [" " if number % 50 == 0 else f"{number}.5" for number in range(200)], Kind.NUMBER),
        ("plan", ["gold", "Gold", "silver"] * 60, Kind.CATEGORY),
        ("remark", [f"the customer called us {number} times about it" for number in range(200)], Kind.TEXT),
        ("nothing", [""] * 50, Kind.EMPTY),
        ("same", ["x"] * 50, Kind.CONSTANT),
        ("debt", ["unknown" if number % 5 == 0 else f"{number}.5" for number in range(200)], Kind.NUMBER),
        (
            "due",
            ["later" if number % 5 == 0 else f"2026年{1 + number % 12:02}月{1 + number % 28:02}日" for number in range(300)],
            Kind.DATE,
        ),
        ("share", ["inf" if number % 5 == 0 else f"{number}.5" for number in range(200)], Kind.NUMBER),
        ("month", [f"2025{1 + number % 12:02}" for number in range(100)], Kind.DATE),
        ("paid", [f"{200_000 + number * 997}" for number in range(100)], Kind.NUMBER),
        ("cust_id", [f"{1000 + number % 110}" for number in range(1000)], Kind.ID),
        ("since", [f"2025-0{1 + number % 9}-1{number % 9}" for number in range(100)], Kind.DATE),
    ],
)
def test_kinds_are_seen(name: str, values: list[str], kind: Kind) -> None:
    assert kind_of(pd.Series(values, name=name)) is kind


def test_levels_in_several_cases_are_one() -> None:
    column = read_column(pd.Series(["Gold", "gold", "Gold", "n/a"]), Kind.CATEGORY)

    assert column.values.tolist() == ["Gold", "Gold", "Gold", ""]
