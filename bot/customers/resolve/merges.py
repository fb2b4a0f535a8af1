"""Merges of records, and `customers.merged_into`, which is computed from those that stand and so can always be taken back.

Every record stays a row of its own, with its identity and its behaviour. A merge says that two rows are one person; the rows that standing
merges connect are one person, under the id of the row that the shop knows, or else of the oldest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bot.database.intelligence import customer_merges, merge_suggestions
from bot.database.people import customer_profiles, customers
from bot.errors import ConflictError, NotFoundError
from bot.ids import new_id, utcnow

CHUNK = 500  # ids in one statement

_STANDING = customer_merges.c.undone_at.is_(None)


class Merge(NamedTuple):
    """Two records that are one person, and why that is certain: verified_phone, verified_email, same_key, suggestion."""

    left_id: str
    right_id: str
    why: str


def one_person(connection: sa.Connection, customer_ids: Iterable[str]) -> set[str]:
    """Return these records and all that standing merges connect with them."""
    known: set[str] = set()
    frontier = set(customer_ids)
    while frontier:
        known |= frontier
        frontier = {one for pair in _merges_of(connection, frontier) for one in pair} - known
    return known


def merge(connection: sa.Connection, pairs: Iterable[Merge], *, actor: str) -> None:
    """Store the merges and bring `merged_into` up to date."""
    now = utcnow()
    rows = [
        {"id": new_id(), "kept_id": left, "merged_id": right, "why": why, "actor": actor, "created_at": now} for left, right, why in pairs
    ]
    if rows:
        connection.execute(sa.insert(customer_merges), rows)
        recompute(connection, {row[end] for row in rows for end in ("kept_id", "merged_id")})  # type: ignore[misc]


def accept(connection: sa.Connection, suggestion_id: str, *, actor: str) -> Merge:
    """Merge what an open suggestion names. NotFoundError without it, ConflictError when it is decided already."""
    row = _decide(connection, suggestion_id, status="accepted", actor=actor)
    made = Merge(row.left_id, row.right_id, "suggestion")
    merge(connection, [made], actor=actor)
    return made


def refuse(connection: sa.Connection, suggestion_id: str, *, actor: str) -> None:
    """Say that the two are different people: they are neither suggested nor merged by a shared key again."""
    _decide(connection, suggestion_id, status="refused", actor=actor)


def undo(connection: sa.Connection, wanted: str, *, actor: str) -> int:
    """Take back the merge of this id, or all in which the record of this id stands; return how many.

    These pairs are neither suggested nor merged by a shared key again. NotFoundError when none stands.
    """
    named = sa.or_(customer_merges.c.id == wanted, customer_merges.c.kept_id == wanted, customer_merges.c.merged_id == wanted)
    rows = connection.execute(sa.select(customer_merges).where(named, _STANDING)).all()
    if not rows:
        raise NotFoundError(f"there is no standing merge {wanted[:40]!r}; give the id of a merge, or of a customer who is merged")
    now = utcnow()
    connection.execute(sa.update(customer_merges).where(customer_merges.c.id.in_([row.id for row in rows])).values(undone_at=now))
    for row in rows:
        left, right = sorted((row.kept_id, row.merged_id))
        same = (merge_suggestions.c.left_id == left, merge_suggestions.c.right_id == right)
        connection.execute(sa.update(merge_suggestions).where(*same).values(status="refused", decided_by=actor, decided_at=now))
    recompute(connection, {one for row in rows for one in (row.kept_id, row.merged_id)})
    return len(rows)


def take_back(connection: sa.Connection, suggestion_id: str, *, actor: str) -> str:
    """Take a decision back and return the suggestion's status now: what was merged is two people again (refused), what was refused is open.

    NotFoundError without it, ConflictError when it is open or its merge stands no more.
    """
    row = connection.execute(sa.select(merge_suggestions).where(merge_suggestions.c.id == suggestion_id).with_for_update()).first()
    if row is None:
        raise NotFoundError(f"there is no suggestion {suggestion_id[:40]!r}")
    if row.status == "accepted":
        pair = (row.left_id, row.right_id)
        ends = sa.and_(customer_merges.c.kept_id.in_(pair), customer_merges.c.merged_id.in_(pair))
        made = connection.execute(sa.select(customer_merges.c.id).where(ends, _STANDING)).scalars().all()
        if not made:
            raise ConflictError(f"the merge of suggestion {suggestion_id} has been taken back already")
        for merge_id in made:
            undo(connection, merge_id, actor=actor)
        return "refused"
    again = {"status": "open", "decided_by": "", "decided_at": None}
    refused = (merge_suggestions.c.id == suggestion_id, merge_suggestions.c.status == "refused")
    if connection.execute(sa.update(merge_suggestions).where(*refused).values(again)).rowcount == 0:
        raise ConflictError(f"suggestion {suggestion_id} is open; there is no decision to take back")
    return "open"


def separate(connection: sa.Connection) -> set[frozenset[str]]:
    """Return the pairs of which a person has said that they are two people: refused suggestions, and merges taken back whose question is
    not open again."""
    refused = connection.execute(
        sa.select(merge_suggestions.c.left_id, merge_suggestions.c.right_id).where(merge_suggestions.c.status == "refused")
    )
    undone = connection.execute(sa.select(customer_merges.c.kept_id, customer_merges.c.merged_id).where(sa.not_(_STANDING)))
    asked = connection.execute(
        sa.select(merge_suggestions.c.left_id, merge_suggestions.c.right_id).where(merge_suggestions.c.status == "open")
    )
    again = {frozenset(pair) for pair in asked.tuples()}
    return {frozenset(pair) for pair in refused.tuples()} | ({frozenset(pair) for pair in undone.tuples()} - again)


def recompute(connection: sa.Connection, customer_ids: set[str]) -> None:
    """Bring `merged_into` up to date for these records and whoever is connected with them.

    An objection to profiling of one record is one of the person, so it goes over to all. A profile stands with the kept record only.
    """
    around = one_person(connection, customer_ids)
    for group in components(around, _merges_of(connection, around)):
        rows = connection.execute(
            sa.select(customers.c.id, customers.c.shop_customer_id, customers.c.objects_to_profiling, customers.c.created_at).where(
                customers.c.id.in_(group)
            )
        ).all()
        kept = min(rows, key=lambda row: _seniority(row.shop_customer_id, row.created_at, row.id)).id
        objects = any(row.objects_to_profiling for row in rows)
        merged = [row.id for row in rows if row.id != kept]
        connection.execute(sa.update(customers).where(customers.c.id == kept).values(merged_into=None))
        connection.execute(sa.update(customers).where(customers.c.id.in_(merged)).values(merged_into=kept))
        connection.execute(
            sa.delete(customer_profiles).where(customer_profiles.c.customer_id.in_([row.id for row in rows] if objects else merged))
        )
        if objects:
            connection.execute(sa.update(customers).where(customers.c.id.in_(group)).values(objects_to_profiling=True))


def components(ids: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the groups that the pairs connect, each sorted; an id in no pair is a group of its own."""
    parent = {one: one for one in ids}
    for left, right in pairs:
        parent[root_of(parent, left)] = root_of(parent, right)
    groups: dict[str, list[str]] = defaultdict(list)
    for one in sorted(parent):
        groups[root_of(parent, one)].append(one)
    return list(groups.values())


def root_of(parent: dict[str, str], one: str) -> str:
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    return one


def _seniority(number: str | None, created_at: datetime, customer_id: str) -> tuple[bool, datetime, str]:
    return (number is None, created_at, customer_id)


def _merges_of(connection: sa.Connection, ids: set[str]) -> list[tuple[str, str]]:
    """Return the standing merges in which one of these records stands."""
    found: list[tuple[str, str]] = []
    wanted = sorted(ids)
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        named = sa.or_(customer_merges.c.kept_id.in_(some), customer_merges.c.merged_id.in_(some))
        query = sa.select(customer_merges.c.kept_id, customer_merges.c.merged_id).where(named, _STANDING)
        found += connection.execute(query).tuples().all()
    return found


def _decide(connection: sa.Connection, suggestion_id: str, *, status: str, actor: str) -> sa.Row[tuple[str, str, str]]:
    columns = (merge_suggestions.c.left_id, merge_suggestions.c.right_id, merge_suggestions.c.status)
    row = connection.execute(sa.select(*columns).where(merge_suggestions.c.id == suggestion_id)).first()
    if row is None:
        raise NotFoundError(f"there is no suggestion {suggestion_id[:40]!r}; `yingda customers suggestions` lists them")
    changes = {"status": status, "decided_by": actor, "decided_at": utcnow()}
    open_one = (merge_suggestions.c.id == suggestion_id, merge_suggestions.c.status == "open")
    if connection.execute(sa.update(merge_suggestions).where(*open_one).values(changes)).rowcount == 0:
        raise ConflictError(f"suggestion {suggestion_id} is {row.status} already")
    return row
