"""Cleaned rows of each kind into events (or customers) as they are stored, whole columns at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bot.crypto import Cipher
from bot.customers.events import Kind
from bot.customers.ingest.cleaning import Cleaned
from bot.customers.ingest.fields import IDENTITY, WHO
from bot.customers.ingest.mapping import Source
from bot.customers.ingest.times import MOMENT

EVENTS = pa.schema(
    [
        ("row", pa.int64()),  # place among the rows that passed
        ("key", pa.string()),
        ("who", pa.string()),
        ("kind", pa.string()),
        ("at", pa.int64()),  # microseconds since 1970
        ("amount_minor", pa.int64()),
        ("currency", pa.string()),
        ("value", pa.float64()),
        ("ref", pa.string()),
        ("withdrawn", pa.bool_()),
        ("sealed", pa.binary()),  # a personal key, encrypted
    ]
)
# What tells a row from another of its kind where the source gives it no number of its own.
NATURAL_KEYS = {
    "orders": ("at", "amount"),
    "returns": ("order", "at"),
    "contacts": ("at", "topic"),
    "memberships": ("started_at", "tier"),
    "visits": ("at", "page"),
    "events": ("event", "at", "ref"),
}

Values = dict[str, pa.Array]


def who_column(source: Source) -> str:
    return next(name for name in WHO if source.column_of(name))


def key_space(source: Source) -> str:
    """Return the source whose keys the customers' column holds; empty for the shop's own numbers."""
    name = source.column_of("customer_key")
    return source.columns[name].of if name else ""


def personal_key(source: Source) -> str:
    """Return "email" or "phone" where the customers' keys are such; else nothing."""
    name = source.column_of("customer_key")
    return source.columns[name].personal if name else ""


def keyed(cleaned: Cleaned, source: Source, cipher: Cipher) -> Values:
    """Return the values with `who` in the place of the customer's column.

    A personal key becomes what identity has as its keyed index; the key itself goes on as identity, encrypted (`sealed`, for events).
    """
    values = dict(cleaned.values)
    who = values.pop(who_column(source))
    personal = personal_key(source)
    if personal:
        column = f"customer_identities.{personal}"
        encoded = who.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        if source.kind == "customers":
            values.setdefault(personal, who)
        else:
            values["sealed"] = pa.array([cipher.encrypt(text, column=column) for text in texts], pa.binary()).take(encoded.indices)
        who = pa.array([cipher.index(text, column=column) for text in texts], pa.string()).take(encoded.indices)
    return {**values, "who": who}


def row_keys(values: Values, source: Source) -> pa.Array:
    """Return what each row is known by in its source: its number, or what is natural to its kind."""
    if source.kind == "customers":
        return values["who"]
    if source.kind == "order_lines":
        return pc.binary_join_element_wise(values["order"], pc.fill_null(values.get("line", values.get("sku")), ""), ":")
    own = values.get("order" if source.kind == "orders" else "id")
    if own is not None and own.null_count == 0:
        return own
    natural = content_keys(values, ("who", *NATURAL_KEYS[source.kind]))
    return natural if own is None else pc.coalesce(own, natural)


def content_keys(values: Values, names: Sequence[str]) -> pa.Array:
    """Return 128 bits of hash over some of the values, as text."""
    high, low = (row_hashes(values, names, key) for key in ("0123456789123456", "yingda:row:keys:"))
    return pa.array([f"{a:016x}{b:016x}" for a, b in zip(high.tolist(), low.tolist(), strict=True)], pa.string())


def row_hashes(values: Values, names: Sequence[str] | None = None, key: str = "0123456789123456") -> NDArray[Any]:
    """Return 64 bits of hash of each row, the same in every run."""
    wanted = sorted(values.keys() - {"sealed"}) if names is None else [name for name in names if name in values]
    frame = pd.DataFrame({name: _hashable(values[name]) for name in wanted})
    hashes: NDArray[Any] = pd.util.hash_pandas_object(frame, index=False, categorize=False, hash_key=key).to_numpy()
    return hashes


def _hashable(values: pa.Array) -> NDArray[Any]:
    if pa.types.is_string(values.type):
        return pc.fill_null(values, "\0").to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return pc.fill_null(values.cast(pa.float64() if pa.types.is_boolean(values.type) else values.type), -1).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def customers_of(values: Values, rows: NDArray[Any], cipher: Cipher) -> pa.Table:
    """Return customers as they are stored: identity encrypted, with the indexes of telephone and e-mail."""
    columns: dict[str, pa.Array] = {"row": pa.array(rows), "who": values["who"]}
    for name in IDENTITY:
        if name in values:
            column = f"customer_identities.{name}"
            sealed = [None if text is None else cipher.encrypt(text, column=column) for text in values[name].to_pylist()]
            columns[name] = pa.array(sealed, pa.binary())
            if name in {"phone", "email"}:
                indexes = [None if text is None else cipher.index(text, column=column) for text in values[name].to_pylist()]
                columns[f"{name}_index"] = pa.array(indexes, pa.string())
    if "at" in values:
        columns["at"] = values["at"].cast(pa.int64())
    columns.update({name: value for name, value in values.items() if name == "language" or name.startswith("trait:")})
    return pa.table(columns)


def events_of(values: Values, rows: NDArray[Any], source: Source, *, now: datetime, told: Collection[Kind] = ()) -> pa.Table:
    """Return the events that the rows tell of.

    Of kinds that the source has `told` of before, such as a cancelled order, a row that tells of none withdraws it.
    """
    keys = row_keys(values, source)
    return pa.concat_tables(_EVENTS_OF[source.kind](_Rows(values, rows, keys, pa.scalar(now, MOMENT), told)))


class _Rows:
    """Rows with their keys, from which events of a kind are made."""

    def __init__(self, values: Values, rows: NDArray[Any], keys: pa.Array, now: pa.Scalar, told: Collection[Kind]) -> None:
        self.told = told
        self.values = values
        self.rows = pa.array(rows)
        self.keys = keys
        self.now = now

    def get(self, name: str, kind: pa.DataType) -> pa.Array:
        return self.values[name].cast(kind) if name in self.values else pa.nulls(len(self.keys), kind)

    def events(
        self,
        kind: Kind | pa.Array,
        at: str,
        *,
        where: pa.Array | None = None,
        withdrawn: bool = False,
        money: bool = False,
        value: str = "",
        ref: str = "",
    ) -> pa.Table:
        """Return one event for each row `where` it is so; all rows without it."""
        kinds = pa.array([kind.value] * len(self.keys), pa.string()) if isinstance(kind, Kind) else kind
        table = pa.table(
            {
                "row": self.rows,
                "key": pc.binary_join_element_wise(self.keys, kinds, ":"),
                "who": self.values["who"],
                "kind": kinds,
                "at": self.get(at, pa.int64()),
                "amount_minor": self.get("amount" if money else "", pa.int64()),
                "currency": self.get("currency" if money else "", pa.string()),
                "value": self.get(value, pa.float64()),
                "ref": self.get(ref, pa.string()),
                "withdrawn": pa.array([withdrawn] * len(self.keys), pa.bool_()),
                "sealed": self.get("sealed", pa.binary()),
            },
            schema=EVENTS,
        )
        return table if where is None else table.filter(pc.fill_null(where, False))

    def perhaps(self, kind: Kind, at: str, where: pa.Array, *, instead: str, value: str = "", ref: str = "") -> list[pa.Table]:
        """Return one event for each row `where` it is so, and its withdrawal for each other; `instead` is a time that every row has."""
        where = pc.fill_null(where, False)
        tables = [self.events(kind, at, where=where, value=value, ref=ref)]
        if kind in self.told:
            tables.append(self.events(kind, instead, where=pc.invert(where), withdrawn=True, ref=ref))
        return tables


def _orders(rows: _Rows) -> list[pa.Table]:
    moments = {name: rows.get(name, MOMENT) for name in ("at", "cancelled_at", "promised_at", "delivered_at")}
    cancelled = pc.or_(pc.fill_null(pc.equal(rows.get("status", pa.string()), "cancelled"), False), pc.is_valid(moments["cancelled_at"]))
    promised, there = moments["promised_at"], moments["delivered_at"]
    late = pc.or_(
        pc.fill_null(pc.greater(there, promised), False),
        pc.and_(pc.and_(pc.is_null(there), pc.invert(cancelled)), pc.fill_null(pc.less(promised, rows.now), False)),
    )
    values = rows.values
    values["coupon"] = pc.fill_null(rows.get("coupon", pa.float64()), 0.0)
    values["cancelled_or_placed_at"] = pc.coalesce(moments["cancelled_at"], moments["at"])
    tables = [rows.events(Kind.ORDER_PLACED, "at", money=True, value="coupon", ref="order")]
    if {"status", "cancelled_at"} & values.keys():
        tables += rows.perhaps(Kind.ORDER_CANCELLED, "cancelled_or_placed_at", cancelled, instead="at", ref="order")
    if "promised_at" in values:
        tables += rows.perhaps(Kind.DELIVERY_LATE, "promised_at", late, instead="at", ref="order")
    return tables


def _contacts(rows: _Rows) -> list[pa.Table]:
    scored = pc.is_valid(rows.get("csat", pa.float64()))
    tables = [rows.events(Kind.CONTACT, "at", value="sentiment", ref="topic")]
    return tables + (rows.perhaps(Kind.CSAT, "at", scored, instead="at", value="csat") if "csat" in rows.values else [])


def _memberships(rows: _Rows) -> list[pa.Table]:
    ended = pc.less_equal(rows.get("ended_at", MOMENT), rows.now)
    tables = [rows.events(Kind.MEMBERSHIP_STARTED, "started_at", ref="tier")]
    return tables + (
        rows.perhaps(Kind.MEMBERSHIP_ENDED, "ended_at", ended, instead="started_at", ref="tier") if "ended_at" in rows.values else []
    )


_EVENTS_OF: dict[str, Callable[[_Rows], list[pa.Table]]] = {
    "orders": _orders,
    "order_lines": lambda rows: [rows.events(Kind.ITEM_BOUGHT, "at", money=True, value="quantity", ref="sku")],
    "returns": lambda rows: [rows.events(Kind.RETURN_REQUESTED, "at", money=True, ref="order")],
    "contacts": _contacts,
    "memberships": _memberships,
    "visits": lambda rows: [rows.events(Kind.VISIT, "at", ref="page")],
    "events": lambda rows: [rows.events(rows.values["event"], "at", money=True, value="value", ref="ref")],
}
