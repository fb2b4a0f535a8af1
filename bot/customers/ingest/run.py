"""Ingestion, as a story: read and check a whole source, then store it; a source with too many bad rows is not stored at all."""

from __future__ import annotations

import fcntl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.ingest import quarantine, runs
from bot.customers.ingest.bulk import bulk
from bot.customers.ingest.cleaning import Cleaned, Cleaner
from bot.customers.ingest.encoding import checksum
from bot.customers.ingest.happenings import Happenings, kinds_told
from bot.customers.ingest.http import open_http
from bot.customers.ingest.kinds import customers_of, events_of, key_space, keyed, personal_key, row_hashes, row_keys
from bot.customers.ingest.mapping import Mapping, Source
from bot.customers.ingest.people import People
from bot.customers.ingest.readers import Opened, open_file
from bot.customers.ingest.staging import Staging
from bot.customers.quality.measures import Measures
from bot.errors import ConflictError, InputError
from bot.ids import utcnow

LIMIT = 0.05  # share of bad rows above which nothing of a file is stored
UNITS = 1000  # of a progress bar

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What came of one input."""

    run_id: str
    source: str
    input: str
    status: str  # done, stopped, unchanged
    counts: dict[str, Any]


@dataclass(frozen=True)
class Input:
    """One source to be read from one place."""

    source: Source
    path: Path | None  # None: its HTTP interface

    @property
    def name(self) -> str:
        return self.path.name if self.path else (self.source.http.url.split("?")[0] if self.source.http else "")


@dataclass(frozen=True)
class Ingestion:
    """What every input of one call is read with."""

    engine: sa.Engine
    cipher: Cipher
    folder: Path  # for the temporary file and the lock
    limit: float = LIMIT
    again: bool = False  # read also what has been read before
    progress: Progress = lambda what, done, total: None


def inputs_of(mapping: Mapping, folder: Path, files: Sequence[Path]) -> list[Input]:
    """Return what is to be read, customers first: the files given by the sources whose patterns they fit, or all named.

    Raises InputError for a file that no source reads, and for a source without any file.
    """
    found: list[Input] = []
    for source in mapping.sources:
        if source.http is not None:
            found += [] if files else [Input(source, None)]
            continue
        own = [path for path in files if _fits(path, source, mapping)] if files else _files_of(source, folder)
        found += [Input(source, path) for path in own]
    unread = [path.name for path in files if path not in {one.path for one in found}]
    if unread:
        patterns = ", ".join(pattern for source in mapping.sources for pattern in source.files) or "none"
        raise InputError(f"no source of the mapping reads {unread[0]}; its patterns are {patterns}")
    return sorted(found, key=lambda one: one.source.kind != "customers")


def _fits(path: Path, source: Source, mapping: Mapping) -> bool:
    if not source.files:
        return len(mapping.sources) == 1
    return any(fnmatch(path.name, Path(pattern).name) for pattern in source.files)


def _files_of(source: Source, folder: Path) -> list[Path]:
    paths = sorted({path for pattern in source.files for path in folder.glob(pattern)})
    if not paths:
        wanted = ", ".join(source.files) or "no files"
        raise InputError(f"source {source.name!r} names {wanted} and there is none beside the mapping; give FILE on the command line")
    return paths


def ingest(ingestion: Ingestion, inputs: Sequence[Input]) -> Iterator[Outcome]:
    """Read the inputs one after the other, yielding what came of each. One ingestion at a time; ConflictError says that another runs."""
    with _alone(ingestion.folder):
        for one in inputs:
            yield _ingest(ingestion, one)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "ingest.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError("another ingestion is running; wait until it has ended") from error
        yield


def _ingest(ingestion: Ingestion, one: Input) -> Outcome:
    source, mapping = one.source, one.source.checksum()
    digest = checksum(one.path) if one.path and one.path.is_file() else ""
    with ingestion.engine.begin() as connection:
        before = runs.finished(connection, source.name, digest, mapping) if digest else None
        if before and not ingestion.again:
            return Outcome(before, source.name, one.name, "unchanged", {})
        run_id = runs.begin(connection, source=source.name, name=one.name, checksum=digest, mapping=mapping)
    run = _Run(ingestion, one, run_id)
    try:
        status = run.go()
    except BaseException:
        with ingestion.engine.begin() as connection:
            runs.end(connection, run_id, "failed", run.report())
        raise
    return Outcome(run_id, source.name, one.name, status, run.report())


class _Run:
    """One input on its way into the database."""

    def __init__(self, ingestion: Ingestion, one: Input, run_id: str) -> None:
        self.ingestion = ingestion
        self.input = one
        self.source = one.source
        self.run_id = run_id
        self.now = utcnow()
        self.began, self.cpu_began = time.monotonic(), time.process_time()
        self.cleaner = Cleaner(one.source, self.now)
        self.counts: Counter[str] = Counter(rows=0, refused=0, marred=0)
        self.rules: Counter[str] = Counter()
        self.facts: dict[str, Any] = {}
        self.measures = Measures(one.source)
        self.told = frozenset[Any]()

    def go(self) -> str:
        """Return "done", or "stopped" when too many rows were bad and nothing was stored."""
        with self.ingestion.engine.connect() as connection:
            self.told = frozenset(kinds_told(connection, self.source.name))
            since = runs.cursor(connection, self.source.name) if self.source.http else ""
        opened = open_file(self.input.path, self.source) if self.input.path else open_http(self.source, since)
        with Staging(self.ingestion.folder) as staging:
            self._read(opened, staging)
            self.facts = opened.facts
            if self.counts["marred"] > self.ingestion.limit * max(1, self.counts["rows"]):
                return self._end("stopped")
            staging.settle()
            self.counts.update({"duplicates": staging.duplicates, "corrected_in_file": staging.corrected})
            self._store(staging)
        return self._end("done")

    def _read(self, opened: Opened, staging: Staging) -> None:
        self._show("read", 0)
        for chunk in opened.chunks:
            cleaned = self.cleaner.clean(chunk)
            self.counts.update({"rows": len(chunk.numbers) + len(chunk.broken), "refused": cleaned.refused, "marred": cleaned.marred})
            self.measures.add(chunk, cleaned)
            self._quarantine(cleaned)
            if len(cleaned.numbers):
                self._stage(cleaned, staging)
            self._show("read", opened.done())
        self.counts["rows"] -= self.cleaner.repairs["blank_rows"]
        self._show("read", 1)

    def _quarantine(self, cleaned: Cleaned) -> None:
        room = quarantine.MOST_KEPT - self.rules.total()
        self.rules.update(bad.rule for bad in cleaned.bad)
        if cleaned.bad and room > 0:
            with self.ingestion.engine.begin() as connection:
                some = cleaned.bad[:room]
                quarantine.keep(connection, self.ingestion.cipher, some, run_id=self.run_id, file=self.input.name, at=self.now)

    def _stage(self, cleaned: Cleaned, staging: Staging) -> None:
        values = keyed(cleaned, self.source, self.ingestion.cipher)
        names = row_keys(values, self.source)
        places = staging.places(row_hashes({"key": names}), row_hashes(values))
        if self.source.kind == "customers":
            staging.add(customers_of(values, places, self.ingestion.cipher))
        else:
            staging.add(events_of(values, places, self.source, now=self.now, told=self.told))

    def _store(self, staging: Staging) -> None:
        space, known = key_space(self.source), self.source.known
        store: People | Happenings
        if self.source.kind == "customers":
            store = People(self.ingestion.cipher, source=self.source.name, space=space, known=known, now=self.now)
        else:
            personal = personal_key(self.source)
            store = Happenings(source=self.source.name, space=space, known=known, personal=personal, run_id=self.run_id, now=self.now)
        self._show("store", 0)
        with self.ingestion.engine.connect() as connection, bulk(connection):
            for table, share in staging.tables():
                with connection.begin():
                    store.store(connection, table)
                self._show("store", share)
        self._show("store", 1)
        self.counts.update(store.counts)

    def _end(self, status: str) -> str:
        digest, cursor = self.facts.pop("checksum", ""), self.facts.pop("cursor", "")
        with self.ingestion.engine.begin() as connection:
            if cursor and status == "done":
                runs.move_cursor(connection, self.source.name, cursor)
            runs.end(connection, self.run_id, status, self.report(), checksum=digest)
        return status

    def report(self) -> dict[str, Any]:
        """Return the run's counts as they are stored: no value of any row is in them."""
        seconds = time.monotonic() - self.began
        return {
            **self.counts,
            "quarantined": dict(self.rules),
            "repairs": {name: count for name, count in self.cleaner.repairs.items() if count},
            "seconds": round(seconds, 3),
            "cpu_seconds": round(time.process_time() - self.cpu_began, 3),
            "rows_per_s": int(self.counts["rows"] / seconds) if seconds else 0,
            "mapping": self.source.checksum(),
            "read_as": self.facts,
            "quality": self.measures.report(),
        }

    def _show(self, what: str, share: float) -> None:
        self.ingestion.progress(f"{what} {self.input.name} ({self.source.name})", int(share * UNITS), UNITS)


__all__ = ["LIMIT", "Ingestion", "Input", "Outcome", "ingest", "inputs_of"]
