"""Verified keys merge by themselves, people decide on the rest, and every merge can be taken back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.resolve import merges
from bot.customers.resolve.certain import Verified, certain_merges, parse_verified
from bot.customers.resolve.merges import Merge
from bot.database.intelligence import merge_suggestions
from bot.database.people import customers
from bot.errors import ConflictError, NotFoundError, SettingError
from bot.ids import new_id, utcnow
from tests.customers.resolve.conftest import AddRecord

PHONE = "+8613800138000"
VERIFIED = [Verified("shop", "phone"), Verified("crm", "phone"), Verified("erp", "number")]


def merged_into(engine: sa.Engine) -> dict[str, str | None]:
    with engine.connect() as connection:
        return dict(connection.execute(sa.select(customers.c.id, customers.c.merged_into)).tuples().all())


def merge_certain(engine: sa.Engine) -> list[Merge]:
    """Merge what is certain and return what conflicts."""
    with engine.begin() as connection:
        decided = certain_merges(connection, VERIFIED)
        merges.merge(connection, decided.merges, actor="test")
        return decided.conflicts


def suggest(engine: sa.Engine, left: str, right: str) -> str:
    row = {"id": new_id(), "left_id": min(left, right), "right_id": max(left, right), "status": "open", "created_at": utcnow()}
    with engine.begin() as connection:
        connection.execute(sa.insert(merge_suggestions).values(row | {"probability": 0.9, "reasons": {}}))
    return str(row["id"])


def test_records_with_the_same_verified_phone_are_one_person_under_the_shops_row(engine: sa.Engine, add_record: AddRecord) -> None:
    crm = add_record(source="crm", phone=PHONE)
    shop = add_record(number="C1", phone=PHONE)
    unverified = add_record(source="forum", phone=PHONE)

    assert merge_certain(engine) == []

    assert merged_into(engine) == {crm: shop, shop: None, unverified: None}
    assert merge_certain(engine) == []  # again: nothing new
    assert merged_into(engine)[crm] == shop


def test_the_shops_number_as_a_sources_key_merges(engine: sa.Engine, add_record: AddRecord) -> None:
    shop = add_record(number="C1")
    erp = add_record(source="erp", key="C1")

    merge_certain(engine)

    assert merged_into(engine)[erp] == shop


def test_two_customers_of_the_shop_never_merge_by_themselves(engine: sa.Engine, add_record: AddRecord) -> None:
    """Not even through a third record that shares the phone with both: a wrong merge shows someone another's orders."""
    one, other = add_record(number="C1", phone=PHONE), add_record(number="C2", phone=PHONE)
    add_record(source="crm", phone=PHONE)

    conflicts = merge_certain(engine)

    into = merged_into(engine)
    assert into[one] is None
    assert into[other] is None
    assert len(conflicts) == 1


def test_a_number_that_many_share_verifies_nobody(engine: sa.Engine, add_record: AddRecord) -> None:
    for _ in range(11):
        add_record(source="crm", phone=PHONE)

    assert merge_certain(engine) == []
    assert set(merged_into(engine).values()) == {None}


def test_an_accepted_suggestion_merges_and_can_be_taken_back_for_good(engine: sa.Engine, add_record: AddRecord) -> None:
    left, right = add_record(source="crm", phone=PHONE), add_record(source="crm", phone=PHONE)
    suggestion = suggest(engine, left, right)

    with engine.begin() as connection:
        merges.accept(connection, suggestion, actor="lin")
    assert merged_into(engine) == {left: None, right: left}

    with engine.begin() as connection, pytest.raises(ConflictError, match="accepted already"):
        merges.accept(connection, suggestion, actor="lin")
    with engine.begin() as connection:
        assert merges.undo(connection, right, actor="lin") == 1
    assert merged_into(engine) == {left: None, right: None}
    merge_certain(engine)
    assert merged_into(engine) == {left: None, right: None}  # the shared phone does not undo what a person said


def test_unmerging_the_middle_of_a_chain_leaves_the_others(engine: sa.Engine, add_record: AddRecord) -> None:
    a, b, c = (add_record(source="crm") for _ in range(3))
    with engine.begin() as connection:
        merges.merge(connection, [Merge(a, b, "suggestion"), Merge(b, c, "suggestion")], actor="lin")
    assert merged_into(engine) == {a: None, b: a, c: a}

    with engine.begin() as connection:
        merges.undo(connection, a, actor="lin")

    assert merged_into(engine) == {a: None, b: None, c: b}


def test_an_objection_of_one_record_is_one_of_the_person(engine: sa.Engine, add_record: AddRecord) -> None:
    objector, other = add_record(source="crm"), add_record(number="C1")
    with engine.begin() as connection:
        connection.execute(sa.update(customers).where(customers.c.id == objector).values(objects_to_profiling=True))
        merges.merge(connection, [Merge(objector, other, "suggestion")], actor="lin")

        assert set(connection.execute(sa.select(customers.c.objects_to_profiling)).scalars()) == {True}


def test_what_is_not_there_is_said(engine: sa.Engine, cipher: Cipher) -> None:
    with engine.begin() as connection:
        with pytest.raises(NotFoundError, match="no suggestion 'nothing'"):
            merges.accept(connection, "nothing", actor="lin")
        with pytest.raises(NotFoundError, match="no standing merge"):
            merges.undo(connection, "nothing", actor="lin")
    with pytest.raises(SettingError, match="VERIFIED_KEYS has 'crm:shoe'"):
        parse_verified("shop:phone, crm:shoe")
