"""From a file to the tables: what is stored, what is not, and that doing it again changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.ingest import quarantine
from bot.database.intelligence import customer_events, customer_keys, customer_traits, pipeline_runs, quarantined_rows
from bot.database.people import customer_identities, customers
from bot.errors import InputError
from tests.customers.ingest.conftest import ORDERS, Read, events

TWO = 'order,customer,time,total\nA1,7,2026-01-05 08:00,12.50\nA2,8,2026-01-06 09:30,"1,299.00"\n'

CUSTOMERS = """
version: 1
sources:
- name: crm
  kind: customers
  files: customers*
  columns:
    编号: {is: shop_customer_id}
    姓名: name
    手机: phone
    邮箱: email
    性别: {is: trait, name: gender, values: {男: male, 女: female}}
    注册: at
"""
PEOPLE = """编号,姓名,手机,邮箱,性别,注册,备注
100, 王　芳 ,１３８ 0013 8000,Fang@Example.COM,女,2024年3月1日,VIP
101,李雷,12,li@x,男,2024-04-01,
"""


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_orders_become_events_of_their_customers(engine: sa.Engine, read: Read) -> None:
    outcome = read(ORDERS, "orders.csv", TWO)[0]

    assert (outcome.status, outcome.counts["rows"], outcome.counts["stored"], outcome.counts["customers_new"]) == ("done", 2, 2, 2)
    assert events(engine) == [("A1:order_placed", "order_placed", 1250), ("A2:order_placed", "order_placed", 129900)]
    at, created_at, ref, currency = events(engine, "at", "created_at", "ref", "currency")[0]
    assert at == created_at == datetime(2026, 1, 5, 0, 0, tzinfo=UTC)
    assert (ref, currency) == ("A1", "CNY")
    assert count(engine, customer_keys) == 2


def test_the_same_file_twice_changes_nothing_and_says_so(engine: sa.Engine, read: Read) -> None:
    first = read(ORDERS, "orders.csv", TWO)[0]
    before = count(engine, pipeline_runs)

    second = read(ORDERS, "orders.csv", TWO)[0]
    forced = read(ORDERS, "orders.csv", TWO, again=True)[0]

    assert (second.status, second.run_id) == ("unchanged", first.run_id)
    assert (forced.counts["stored"], forced.counts["corrected"], forced.counts["unchanged"]) == (0, 0, 2)
    assert count(engine, customer_events) == 2
    assert count(engine, pipeline_runs) == before + 1


def test_a_file_that_holds_everything_three_times_is_stored_once(engine: sa.Engine, read: Read) -> None:
    header, *rows = TWO.splitlines(keepends=True)

    outcome = read(ORDERS, "orders.csv", header + "".join(rows * 3))[0]

    assert (outcome.counts["rows"], outcome.counts["duplicates"], outcome.counts["stored"]) == (6, 4, 2)
    assert count(engine, customer_events) == 2


def test_a_late_correction_is_a_revision_and_not_a_second_order(engine: sa.Engine, read: Read) -> None:
    read(ORDERS, "orders-1.csv", TWO)

    outcome = read(ORDERS, "orders-2.csv", TWO.replace("12.50", "15.00"))[0]

    assert (outcome.counts["corrected"], outcome.counts["unchanged"]) == (1, 1)
    assert events(engine, "key", "revision", "amount_minor") == [("A1:order_placed", 2, 1500), ("A2:order_placed", 1, 129900)]
    assert events(engine, "created_at")[0][0] > datetime(2026, 2, 1, tzinfo=UTC)  # known since now only


def test_of_several_rows_with_one_key_the_last_stands(engine: sa.Engine, read: Read) -> None:
    outcome = read(ORDERS, "orders.csv", TWO + "A1,7,2026-01-05 08:00,13.00\n")[0]

    assert outcome.counts["corrected_in_file"] == 1
    assert events(engine, "key", "revision", "amount_minor")[0] == ("A1:order_placed", 1, 1300)


def test_identity_is_encrypted_and_a_column_that_is_not_named_is_nowhere(engine: sa.Engine, cipher: Cipher, read: Read) -> None:
    outcome = read(CUSTOMERS, "customers.csv", PEOPLE, limit=0.5)[0]

    with engine.connect() as connection:
        query = sa.select(customers.c.shop_customer_id, customer_identities).join(
            customer_identities, customer_identities.c.customer_id == customers.c.id
        )
        fang, lei = connection.execute(query.order_by(customers.c.shop_customer_id)).all()
        traits = connection.execute(sa.select(customer_traits.c.name, customer_traits.c.value, customer_traits.c.at)).all()
        refused = list(quarantine.show(connection, cipher, run_id=outcome.run_id))
    assert cipher.decrypt(fang.name, column="customer_identities.name") == "王 芳"
    assert cipher.decrypt(fang.phone, column="customer_identities.phone") == "+8613800138000"
    assert fang.phone_index == cipher.index("+8613800138000", column="customer_identities.phone")
    assert fang.email_index == cipher.index("fang@example.com", column="customer_identities.email")
    assert (lei.phone, lei.email) == (None, None)
    assert [(one.row, one.column, one.value, one.rule) for one in refused] == [
        (3, "手机", "12", "not_a_phone_number"),
        (3, "邮箱", "li@x", "not_an_email"),
    ]
    assert {(row.name, row.value) for row in traits} == {("gender", "female"), ("gender", "male")}
    assert "VIP" not in str(outcome)


def test_customers_again_with_one_change_are_corrected_and_blanks_erase_nothing(engine: sa.Engine, cipher: Cipher, read: Read) -> None:
    read(CUSTOMERS, "customers-1.csv", PEOPLE, limit=0.5)

    outcome = read(
        CUSTOMERS, "customers-2.csv", PEOPLE.replace("王　芳", "王小芳").replace("Fang@Example.COM", "").replace("女", "男"), limit=0.5
    )[0]

    assert (outcome.counts["corrected"], outcome.counts["unchanged"], outcome.counts["traits"]) == (1, 1, 1)
    with engine.connect() as connection:
        emails = [row.email for row in connection.execute(sa.select(customer_identities.c.email)) if row.email]
        standing = connection.execute(sa.select(customer_traits.c.value).where(customer_traits.c.superseded_at.is_(None))).scalars().all()
    assert [cipher.decrypt(email, column="customer_identities.email") for email in emails] == ["fang@example.com"]
    assert standing == ["male", "male"]


def test_bad_rows_go_to_quarantine_and_too_many_of_them_stop_the_file(engine: sa.Engine, cipher: Cipher, read: Read) -> None:
    bad = TWO + "A3,9,yesterday,5\nA4,9,2026-01-07 10:00,-5\n,9,2026-01-07 10:00,5\nA5,9\n"

    stopped = read(ORDERS, "orders-1.csv", bad)[0]
    kept = read(ORDERS, "orders-2.csv", bad, limit=0.7)[0]

    assert (stopped.status, kept.status) == ("stopped", "done")
    assert kept.counts["quarantined"] == {"not_a_time": 1, "negative": 1, "missing": 1, "columns": 1}
    with engine.connect() as connection:
        found = [(one.file, one.row, one.column, one.value, one.rule) for one in quarantine.show(connection, cipher, run_id=kept.run_id)]
        plain = connection.execute(sa.select(quarantined_rows.c.value).where(quarantined_rows.c.rule == "not_a_time")).scalars().first()
    assert found == [
        ("orders-2.csv", 4, "time", "yesterday", "not_a_time"),
        ("orders-2.csv", 5, "total", "-5", "negative"),
        ("orders-2.csv", 6, "order", "", "missing"),
        ("orders-2.csv", 7, "", None, "columns"),
    ]
    assert plain is not None
    assert b"yesterday" not in plain
    assert len(events(engine)) == 2
    with engine.connect() as connection:
        run = connection.execute(sa.select(customer_events.c.run_id).distinct()).scalars().all()
    assert run == [kept.run_id]


def test_a_cancelled_and_a_late_order_are_events_too_and_are_withdrawn_when_they_were_not(engine: sa.Engine, read: Read) -> None:
    mapping = (
        ORDERS + "    state: {is: status, values: {已取消: cancelled, 完成: placed}}\n    promised: promised_at\n    there: delivered_at\n"
    )
    header = "order,customer,time,total,state,promised,there\n"

    read(mapping, "orders-1.csv", header + "A1,7,2026-01-05,1,已取消,,\nA2,7,2026-01-05,1,完成,2026-01-08,2026-01-10\n")
    assert [kind for _key, kind, _amount in events(engine)] == ["order_cancelled", "order_placed", "delivery_late", "order_placed"]

    read(mapping, "orders-2.csv", header + "A1,7,2026-01-05,1,完成,,\nA2,7,2026-01-05,1,完成,2026-01-08,2026-01-08\n")
    assert [kind for _key, kind, _amount in events(engine)] == ["order_placed", "order_placed"]

    again = read(
        mapping, "orders-3.csv", header + "A1,7,2026-01-05,1,完成,,\nA2,7,2026-01-05,1,完成,2026-01-08,2026-01-08\n\n", again=True
    )[0]
    assert (again.counts["corrected"], again.counts["unchanged"]) == (0, 2)


def test_an_unknown_label_is_not_taken_for_anything(engine: sa.Engine, read: Read) -> None:
    mapping = ORDERS + "    state: {is: status, values: {done: placed}}\n"

    outcome = read(mapping, "orders.csv", "order,customer,time,total,state\nA1,7,2026-01-05,1,DONE\nA2,7,2026-01-05,1,lost\n", limit=1)[0]

    assert outcome.counts["quarantined"] == {"unknown_label": 1}
    assert [key for key, _kind, _amount in events(engine)] == ["A1:order_placed"]


def test_a_date_that_can_be_read_in_two_ways_is_an_error_that_names_the_choice(engine: sa.Engine, read: Read) -> None:
    rows = "order,customer,time,total\nA1,7,03/04/2026,1\n"

    with pytest.raises(InputError, match=r"order: dmy .* order: mdy"):
        read(ORDERS, "orders-1.csv", rows)
    assert events(engine) == []

    read(ORDERS.replace("time: at", "time: {is: at, order: dmy}"), "orders-1.csv", rows)
    assert events(engine, "at") == [(datetime(2026, 4, 2, 16, 0, tzinfo=UTC),)]


def test_a_personal_key_is_its_keyed_index_and_identity(engine: sa.Engine, cipher: Cipher, read: Read) -> None:
    mapping = ORDERS.replace("customer: customer_key", "customer: {is: customer_key, personal: email}")

    read(mapping, "orders.csv", "order,customer,time,total\nA1,Fang@example.com ,2026-01-05,1\nA2,fang@example.com,2026-01-06,1\n")

    index = cipher.index("fang@example.com", column="customer_identities.email")
    with engine.connect() as connection:
        keys = connection.execute(sa.select(customer_keys.c.key)).scalars().all()
        identity = connection.execute(sa.select(customer_identities)).one()
    assert keys == [index]
    assert identity.email_index == index
    assert cipher.decrypt(identity.email, column="customer_identities.email") == "fang@example.com"
