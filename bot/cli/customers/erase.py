"""`yingda customers erase`."""

from __future__ import annotations

import click

from bot.cli.database import open_database
from bot.cli.progress import Show, progress_bars
from bot.cli.settings import settings_here
from bot.crypto import open_cipher
from bot.errors import ConflictError, InputError, NotFoundError
from bot.privacy.erase import Erased, Place, erase, erased_before, finish
from bot.privacy.person import find_person
from bot.system.place import project_root


@click.command("erase")
@click.argument("wanted", metavar="[ID]", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--again", is_flag=True, help="After the restore of an old backup: erase again whoever was erased since.")
@click.option("--full", is_flag=True, help="PostgreSQL: also give the freed pages back (VACUUM FULL), which locks the tables meanwhile.")
def command(wanted: str | None, yes: bool, again: bool, full: bool) -> None:
    """Erase a customer with all that is held on them, and the records that are merged with theirs. It cannot be taken back.

    ID is the shop's customer number, a customer's id, a phone number or an e-mail address; for a visitor without a record a
    conversation's id.
    """
    settings = settings_here()
    if bool(wanted) == again:
        raise InputError("name a customer, or give --again")
    with open_database(settings) as engine, progress_bars() as progress:
        place = Place(settings, engine, open_cipher(settings), project_root())
        finish(place, full=full)  # of an erasure that was killed
        if again:
            count = sum(_erased(place, one, full, progress) for one in erased_before(settings))
            click.echo(f"{count} were back and are erased again.")
            return
        assert wanted is not None
        with engine.connect() as connection:
            person = find_person(connection, place.cipher, wanted, proven=True)
        if not yes:
            records, conversations = len(person.customer_ids), len(person.conversation_ids)
            click.confirm(f"Erase {person.subject}: {records} records and {conversations} conversations, for ever?", abort=True)
        result = erase(place, wanted, actor="command", full=full, progress=progress)
    _print(result)
    if not result.compacted:
        raise ConflictError("the freed pages could not be cleared while others use the database; run `yingda customers erase` again later")


def _erased(place: Place, customer_id: str, full: bool, progress: Show) -> bool:
    try:
        erase(place, customer_id, actor="command", full=full, progress=progress)
    except NotFoundError:
        return False
    return True


def _print(result: Erased) -> None:
    for name, count in sorted(result.rows.items()):
        click.echo(f"{count:>8} {name}")
    click.echo("Redis is not there, so it holds nothing." if result.redis is None else f"{result.redis:>8} entries in Redis")
    for file in result.files:
        click.echo(f"Overwritten in {file}")
    for line in result.mentions:
        click.echo(f"Look at nlu_data: {line} holds a name, phone, e-mail or address like theirs; then `yingda train`")
    for number in result.numbers:
        click.echo(f"Your own shop knows them as {number}: erase them there; it is asked live, nothing of it is kept here.")
    for backup in result.backups:
        click.echo(f"Still holds them: {backup}. Delete it when you may; after restoring it: yingda customers erase --again")
