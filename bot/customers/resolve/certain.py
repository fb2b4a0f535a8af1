"""Records that share a key which their sources have verified: these merge by themselves.

Which fields of which sources are verified is said in VERIFIED_KEYS, for example "shop:phone,crm:email,crm:number". `shop` are the customers
whom the shop has identified; any other source is one of `customer_keys`. `number`: the source's own key is the shop's customer number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from bot.customers.resolve.merges import Merge, components, one_person, root_of, separate
from bot.database.intelligence import customer_keys, customer_merges
from bot.database.people import customer_identities, customers
from bot.errors import SettingError

SHOP = "shop"
WHY = {"phone": "verified_phone", "email": "verified_email", "number": "same_key"}
# A number that more records share is a switchboard's or a made-up one, and verifies nobody.
MOST_SHARING = 10

_INDEX = {"phone": customer_identities.c.phone_index, "email": customer_identities.c.email_index}


class Verified(NamedTuple):
    source: str
    field: str  # number, phone, email


class Decided(NamedTuple):
    """`merges` are safe; `conflicts` share a key but are two numbers at the shop, or a person has said that they are two people."""

    merges: list[Merge]
    conflicts: list[Merge]


def parse_verified(text: str) -> list[Verified]:
    """Return what VERIFIED_KEYS names. SettingError for a field that there is not."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        source, _, field = part.rpartition(":")
        if not source or field not in WHY:
            raise SettingError(f"VERIFIED_KEYS has {part!r}; allowed are source:{', source:'.join(WHY)}, with commas between")
        found.append(Verified(source, field))
    return found


def certain_merges(connection: sa.Connection, verified: list[Verified]) -> Decided:
    """Return the merges that verified keys ask for and that do not stand yet."""
    pairs = [*_by_index(connection, verified, "phone"), *_by_index(connection, verified, "email"), *_by_number(connection, verified)]
    if not pairs:
        return Decided([], [])
    ids = one_person(connection, {one for pair in pairs for one in pair[:2]})
    standing = connection.execute(
        sa.select(customer_merges.c.kept_id, customer_merges.c.merged_id).where(customer_merges.c.undone_at.is_(None))
    ).tuples()
    groups = components(ids, ((left, right) for left, right in standing if left in ids))
    return _joined(pairs, groups, _shop_numbers(connection), separate(connection))


def _joined(pairs: list[Merge], groups: list[list[str]], numbers: dict[str, str], apart: set[frozenset[str]]) -> Decided:
    """Join group by group, never two groups that must stay apart."""
    parent = {one: group[0] for group in groups for one in group}
    members = {group[0]: set(group) for group in groups}
    decided = Decided([], [])
    for pair in pairs:
        left, right = root_of(parent, pair.left_id), root_of(parent, pair.right_id)
        if left == right:
            continue
        both = members[left] | members[right]
        said = any(frozenset((one, other)) in apart for one in members[left] for other in members[right])
        if said or len({numbers[one] for one in both if one in numbers}) > 1:
            decided.conflicts.append(pair)
            continue
        parent[right] = left
        members[left] = both
        decided.merges.append(pair)
    return decided


def _by_index(connection: sa.Connection, verified: list[Verified], field: str) -> Iterator[Merge]:
    index = _INDEX[field]
    sharing: dict[str, set[str]] = defaultdict(set)
    for source in {one.source for one in verified if one.field == field}:
        query = sa.select(index, customer_identities.c.customer_id).where(index.is_not(None), _of_source(source))
        for key, customer_id in connection.execute(query).tuples():
            sharing[str(key)].add(customer_id)
    for same in sharing.values():
        if 1 < len(same) <= MOST_SHARING:
            first, *others = sorted(same)
            yield from (Merge(first, other, WHY[field]) for other in others)


def _of_source(source: str) -> sa.ColumnElement[bool]:
    if source == SHOP:
        known = sa.select(customers.c.id).where(customers.c.shop_customer_id.is_not(None))
    else:
        known = sa.select(customer_keys.c.customer_id).where(customer_keys.c.source == source)
    return customer_identities.c.customer_id.in_(known)


def _by_number(connection: sa.Connection, verified: list[Verified]) -> Iterator[Merge]:
    for source in {one.source for one in verified if one.field == "number"}:
        query = (
            sa.select(customers.c.id, customer_keys.c.customer_id)
            .join(customer_keys, customer_keys.c.key == customers.c.shop_customer_id)
            .where(customer_keys.c.source == source, customer_keys.c.customer_id != customers.c.id)
            .order_by(customers.c.id)
        )
        for shop_row, other in connection.execute(query).tuples():
            yield Merge(shop_row, other, WHY["number"])


def _shop_numbers(connection: sa.Connection) -> dict[str, str]:
    query = sa.select(customers.c.id, customers.c.shop_customer_id).where(customers.c.shop_customer_id.is_not(None))
    return {customer_id: str(number) for customer_id, number in connection.execute(query).tuples()}
