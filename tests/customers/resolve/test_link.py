"""Suggestions: what looks like one person, without examples to learn from."""

from __future__ import annotations

import random

import pandas as pd
import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.resolve import fields, merges
from bot.customers.resolve.link import candidates, link, told
from bot.customers.resolve.run import resolve
from bot.database.intelligence import merge_suggestions, pipeline_runs
from tests.customers.resolve.conftest import AddRecord

SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗", "伟芳娜敏静丽强磊洋艳勇军杰娟涛超明霞平刚桂英华慧建文玲辉鹏"


def person(chance: random.Random) -> dict[str, str]:
    name = chance.choice(SURNAMES) + chance.choice(GIVEN) + chance.choice(GIVEN)
    birth = f"{chance.randint(1950, 2004)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    phone = f"+8613{chance.randint(100000000, 999999999)}"
    return {"name": name, "birth_date": birth, "phone": phone, "email": f"{phone[-6:]}@mail{chance.randint(1, 5)}.example"}


def altered(one: dict[str, str], chance: random.Random) -> dict[str, str]:
    """Return the record as another source may have it: one field missing or mistyped, the name with a title."""
    other = dict(one)
    field = chance.choice(["phone", "email", "birth_date"])
    other[field] = other[field][:-1] + str((int(other[field][-1]) + 1) % 10) if field == "phone" else ""
    return {**{name: value for name, value in other.items() if value}, "name": other["name"] + chance.choice(["", "先生", "女士"])}


@pytest.mark.parametrize(
    ("field", "spellings"),
    [
        ("name", ["Wang, Fang", "Ms Fang WANG", "fang wang"]),
        ("name", ["王芳女士", "王芳", " 王芳 "]),
        ("birth_date", ["1990-05-01", "19900501", "1990/05/01"]),
        ("phone", ["+86 138 0013 8000", "13800138000", "138-0013-8000"]),
    ],
    ids=["english names", "chinese names", "birth dates", "phones"],
)
def test_spellings_of_one_value_are_the_same(field: str, spellings: list[str]) -> None:
    assert len({fields.spelt(field, one) for one in spellings}) == 1


def test_too_few_rows_teach_nothing() -> None:
    assert link(pd.DataFrame({"name": ["王芳"] * 3, "phone": ["138"] * 3}), threshold=0.5).empty


def test_made_up_values_speak_for_nothing_and_frequent_ones_make_no_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.customers.resolve.link.MOST_CANDIDATES", 10)
    phones = ["13800138000"] * 11 + ["13900139000"] * 2 + ["13700137000"]
    addresses = ["pick-up point"] * 9 + ["Nanjing Road 5"] * 4 + [None]

    rows = told(pd.DataFrame({"phone": phones, "address": addresses}, dtype=object))
    blocks = candidates(rows, iter([("phone",), ("address",)]))

    assert rows["phone"].isna().sum() == 11
    assert blocks["by_phone"].notna().tolist() == [False] * 11 + [True] * 2 + [False]
    assert blocks["by_address"].notna().tolist() == [False] * 9 + [True] * 4 + [False]


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("twice", [0, 3])
def test_where_hardly_anybody_is_there_twice_nobody_else_is_suggested(twice: int) -> None:
    chance = random.Random(7)
    people = [person(chance) for _ in range(200)]
    table = fields.fields_of(pd.DataFrame(people + people[:twice]))

    pairs = link(table, threshold=0.5)

    assert set(zip(pairs["left"], pairs["right"], strict=True)) == {(number, 200 + number) for number in range(twice)}


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_one_person_in_two_sources_is_suggested_and_a_refusal_is_remembered(
    engine: sa.Engine, add_record: AddRecord, cipher: Cipher
) -> None:
    chance = random.Random(7)
    true = set()
    for number in range(150):
        one = person(chance)
        left = add_record(number=f"C{number}", **one)
        if number < 60:
            true.add(tuple(sorted((left, add_record(source="crm", **altered(one, chance))))))

    found = resolve(engine, cipher, verified_keys="")

    with engine.begin() as connection:
        rows = connection.execute(sa.select(merge_suggestions)).all()
        pairs = {(row.left_id, row.right_id) for row in rows}
        assert len(pairs & true) >= 55
        assert len(pairs - true) <= 1
        assert found.merged == 0
        assert all(value.count("@") == 0 for row in rows for value in map(str, row.reasons))
        merges.refuse(connection, rows[0].id, actor="lin")
        merges.accept(connection, rows[1].id, actor="lin")

    again = resolve(engine, cipher, verified_keys="")

    assert (again.suggested, again.open) == (0, len(rows) - 2)
    with engine.connect() as connection:
        assert ("resolve", "done") in connection.execute(sa.select(pipeline_runs.c.step, pipeline_runs.c.status)).tuples().all()
