"""`yingda customers suggestions`."""

from __future__ import annotations

import json
from typing import Any

import click
import sqlalchemy as sa

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.crypto import Cipher, open_cipher
from bot.customers.resolve.run import IDENTITY
from bot.database import audit
from bot.database.intelligence import merge_suggestions
from bot.database.people import customer_identities
from bot.errors import NotFoundError


@click.command("suggestions")
@click.option("--limit", default=50, show_default=True, help="Show so many, the likeliest first.")
@click.option("--reveal", metavar="ID", help="Show the personal data of both records of this suggestion; the look is logged.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(limit: int, reveal: str | None, as_json: bool) -> None:
    """List the records that look like one person, for a person to decide: with `merge ID`, or `merge ID --refuse`.

    The reasons are evidence in bits by field: above 0 it speaks for one person, below against it.
    """
    settings = settings_here()
    with open_database(settings) as engine:
        if reveal:
            for field, left, right in _revealed(engine, open_cipher(settings), reveal):
                click.echo(f"{field:>12}  {left}  |  {right}")
            return
        rows = _open_ones(engine, limit)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        reasons = ", ".join(f"{field} {value}" for field, value in row["reasons"].items())
        click.echo(f"{row['id']}  {row['probability']:.3f}  {row['left_id']}  {row['right_id']}  {reasons}")
    click.echo(f"{len(rows)} open suggestions")


def _open_ones(engine: sa.Engine, limit: int) -> list[dict[str, Any]]:
    columns = [merge_suggestions.c[name] for name in ("id", "left_id", "right_id", "probability", "reasons")]
    query = sa.select(*columns).where(merge_suggestions.c.status == "open").order_by(merge_suggestions.c.probability.desc()).limit(limit)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _revealed(engine: sa.Engine, cipher: Cipher, suggestion_id: str) -> list[tuple[str, str, str]]:
    """Return field, left value and right value of what a suggestion compares; the look is in the audit log before it is given."""
    with engine.begin() as connection:
        row = connection.execute(sa.select(merge_suggestions).where(merge_suggestions.c.id == suggestion_id)).first()
        if row is None:
            raise NotFoundError(f"there is no suggestion {suggestion_id[:40]!r}")
        audit.record(connection, actor="command", action="reveal", subject=f"suggestion:{suggestion_id}")
        query = sa.select(customer_identities).where(customer_identities.c.customer_id.in_([row.left_id, row.right_id]))
        found = {one["customer_id"]: one for one in connection.execute(query).mappings()}

    def value(customer_id: str, field: str) -> str:
        sealed = found[customer_id][field] if customer_id in found else None
        return cipher.decrypt(sealed, column=f"customer_identities.{field}") if sealed else ""

    return [(field, value(row.left_id, field), value(row.right_id, field)) for field in IDENTITY]
