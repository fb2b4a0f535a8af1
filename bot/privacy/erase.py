"""`yingda customers erase`: a person is gone, from the database with its free pages, Redis, logs and files.

Files and Redis first, while it is known what to look for; then one transaction with all rows and the line in the audit log; then the free
pages. Killed before the transaction, running it again does all of it; killed after, running it for anybody, or for nobody, finishes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from redis import Redis

from bot.crypto import Cipher
from bot.customers.keys import lock_writers
from bot.database import audit
from bot.database.conversations import conversations, threads
from bot.database.escalations import escalations
from bot.database.intelligence import quarantined_rows
from bot.database.people import audit_log
from bot.privacy.compact import compact
from bot.privacy.person import Person, find_person
from bot.privacy.reach import SHOPS, quarantined_of, reach, values_of
from bot.privacy.traces import blot_out, forget_in_redis, mentions
from bot.redis import REDIS_DOWN
from bot.settings import Settings

Progress = Callable[[str, int, int], None]

FINISHED = "erase_finished"  # the audit log's word for cleared free pages
ERASED = "erased.txt"  # in the data directory: who must be erased again after an old backup is restored


@dataclass
class Erased:
    """What was found and erased, and what is left for a person to do."""

    rows: dict[str, int] = field(default_factory=dict)  # by table
    redis: int | None = 0  # None: Redis was not there
    files: list[Path] = field(default_factory=list)  # in which values were overwritten
    mentions: list[str] = field(default_factory=list)  # file:line in nlu_data, to look at
    numbers: tuple[str, ...] = ()  # at the company's own shop, which has to erase them itself
    backups: list[str] = field(default_factory=list)  # that still hold the person
    compacted: bool = True


@dataclass(frozen=True)
class Place:
    """Where the data is."""

    settings: Settings
    engine: sa.Engine
    cipher: Cipher
    root: Path  # the project's folder, with nlu_data


def erase(place: Place, wanted: str, *, actor: str, full: bool = False, progress: Progress = lambda what, done, total: None) -> Erased:
    """Erase a person whom `find_person` finds, with the records that are merged with theirs. NotFoundError when there is nobody (any more).

    `full`: on PostgreSQL, give the pages back to the system too (VACUUM FULL), which locks the tables meanwhile.
    """
    with place.engine.connect() as connection:
        person = find_person(connection, place.cipher, wanted, proven=True)
        values = values_of(connection, place.cipher, person)
        tickets = _escalation_ids(connection, person)
    result = Erased(numbers=person.numbers if place.settings.shop_url else ())
    progress("erase", 0, 4)
    result.files = blot_out(place.settings.data_dir, values)
    result.mentions = mentions(place.root / "nlu_data", values)
    result.redis = _forget(place.settings, [*person.ids, *tickets, *values])
    progress("erase", 1, 4)
    _remember(place.settings, person)
    result.rows = _delete(place, person, values, actor=actor)
    progress("erase", 2, 4)
    _forget(place.settings, [*person.ids, *tickets, *values])  # what a process wrote in between
    progress("erase", 3, 4)
    result.compacted = finish(place, full=full)
    result.backups = _backups(place, person.since)
    progress("erase", 4, 4)
    return result


def finish(place: Place, *, full: bool = False) -> bool:
    """Clear the free pages after erasures that did not come so far; say whether it is done. Nothing to do is done."""
    with place.engine.connect() as connection:
        begun, finished = (_last(connection, action) for action in ("erase", FINISHED))
    if begun is None or (finished is not None and finished > begun):
        return True
    if not compact(place.engine, full=full):
        return False
    with place.engine.begin() as connection:
        audit.record(connection, actor="command", action=FINISHED, subject="free pages")
    return True


def erased_before(settings: Settings) -> list[str]:
    """Return the ids of all who were erased here; after the restore of an old backup they may be back."""
    path = settings.data_dir / ERASED
    return path.read_text(encoding="utf8").split() if path.is_file() else []


def _remember(settings: Settings, person: Person) -> None:
    """Write the pseudonymous ids down beside the database, before anything goes, for the day on which an old backup is restored."""
    path = settings.data_dir / ERASED
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = set(erased_before(settings))
    with path.open("a", encoding="utf8") as file:
        file.writelines(f"{one}\n" for one in (*person.customer_ids, *person.thread_ids) if one not in known)
    path.chmod(0o600)


def _delete(place: Place, person: Person, values: set[str], *, actor: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    with place.engine.connect() as connection:
        refused = [row["id"] for row in quarantined_of(connection, place.cipher, values)]
    with place.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")  # what is deleted is overwritten at once
        _hold(connection, person)
        ours = not place.settings.shop_url
        counts["quarantined_rows"] = connection.execute(sa.delete(quarantined_rows).where(quarantined_rows.c.id.in_(refused))).rowcount
        for table, clause in reach(person):
            if ours or not table.name.startswith(SHOPS):
                counts[table.name] = connection.execute(sa.delete(table).where(clause)).rowcount
        found = {name: count for name, count in counts.items() if count}
        audit.record(connection, actor=actor, action="erase", subject=person.subject, records=len(person.customer_ids), rows=found)
    return found


def _hold(connection: sa.Connection, person: Person) -> None:
    """Let whoever is about to write for this person wait until they are gone; then their writing is refused."""
    lock_writers(connection)
    for table, ids in ((threads, person.thread_ids), (conversations, person.conversation_ids)):
        connection.execute(sa.select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id).with_for_update())


def _escalation_ids(connection: sa.Connection, person: Person) -> list[str]:
    query = sa.select(escalations.c.id).where(escalations.c.conversation_id.in_(person.conversation_ids))
    return list(connection.execute(query).scalars())


def _forget(settings: Settings, wanted: list[str]) -> int | None:
    client = Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=2)
    try:
        return forget_in_redis(client, wanted)
    except REDIS_DOWN:
        return None  # nothing there outlives it
    finally:
        client.close()


def _last(connection: sa.Connection, action: str) -> datetime | None:
    query = sa.select(audit_log.c.created_at).where(audit_log.c.action == action).order_by(audit_log.c.created_at.desc()).limit(1)
    return connection.execute(query).scalar()


def _backups(place: Place, since: datetime | None) -> list[str]:
    """Name the backups made while the person was in the database, and databases that a restore has moved aside."""
    query = sa.select(audit_log.c.details, audit_log.c.created_at).where(audit_log.c.action == "backup").order_by(audit_log.c.created_at)
    if since is not None:
        query = query.where(audit_log.c.created_at >= since)
    with place.engine.connect() as connection:
        made = [f"{row.details.get('file', '?')} of {row.created_at:%Y-%m-%d %H:%M}" for row in connection.execute(query)]
    aside = [str(path) for path in sorted(place.settings.data_dir.glob("*.before-restore-*"))]
    return made + aside
