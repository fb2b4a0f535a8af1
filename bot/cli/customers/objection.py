"""`yingda customers object`."""

from __future__ import annotations

import click

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.crypto import open_cipher
from bot.errors import NotFoundError
from bot.privacy.objection import set_objection
from bot.privacy.person import find_person


@click.command("object")
@click.argument("wanted", metavar="ID")
@click.option("--withdraw", is_flag=True, help="The customer takes the objection back.")
def command(wanted: str, withdraw: bool) -> None:
    """Note that a customer objects to profiling: no priority, offers, recommendations or scores by what they did, from now on.

    ID is the shop's customer number, a customer's id, a phone number or an e-mail address.
    """
    settings = settings_here()
    with open_database(settings) as engine, engine.begin() as connection:
        person = find_person(connection, open_cipher(settings), wanted)
        if not person.customer_ids:
            raise NotFoundError("this person has no record here, and so no profile")
        count = set_objection(connection, person.customer_ids[0], objects=not withdraw, actor="command")
    said = "profiled again from the next refresh on" if withdraw else "not profiled any more; profile and scores are deleted"
    click.echo(f"{count} records: {said}")
