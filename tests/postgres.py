"""A PostgreSQL server of the tests' own: a fresh cluster in a temporary folder, on a Unix socket."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

Fill = Callable[[str], None]  # writes what a group of tests starts from into the database of this URL


class PostgresServer:
    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries = binaries
        self.folder = folder
        self._templates: set[str] = set()
        # PostgreSQL refuses to run as root; Debian's package makes this user.
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

    @classmethod
    def find(cls, folder: Path) -> PostgresServer | None:
        places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]), reverse=True)
        on_path = shutil.which("initdb")
        binary = places[0] if places else Path(on_path) if on_path else None
        return cls(binary.parent, folder) if binary else None

    @contextmanager
    def running(self) -> Iterator[None]:
        self.folder.chmod(0o777)
        data = self.folder / "data"
        self._run("initdb", "-D", str(data), "-A", "trust", "-U", "yingda", "--no-sync", "-E", "UTF8")
        # Nothing here outlives a crash of the machine, and thousands of databases come and go.
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c autovacuum=off -c max_connections=200"
        self._run("pg_ctl", "-D", str(data), "-w", "-l", str(self.folder / "log"), "-o", options, "start")
        try:
            yield
        finally:
            self._run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")

    def fresh_database(self, like: str = "yingda", fill: Fill | None = None) -> str:
        """Return the URL of a new, migrated database: a copy of the template of that name, which `fill` filled once."""
        name, template = f"test_{uuid.uuid4().hex[:12]}", f"template_{like}"
        if template not in self._templates:
            from bot.database.migrate import migrate

            self._sql(f"CREATE DATABASE {template}")
            migrate(self.url(template))
            if fill:
                fill(self.url(template))
            self._templates.add(template)
        # Copied as files, as all versions before 15 do: through the log it takes three times as long.
        strategy = "STRATEGY FILE_COPY" if self._connection.server_version >= 150000 else ""
        self._sql(f"CREATE DATABASE {name} TEMPLATE {template} {strategy}")
        return self.url(name)

    def empty_database(self) -> str:
        """Return the URL of a new database without tables."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self._sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database of `fresh_database`; hundreds of them would take a minute to delete at the end."""
        name = url.partition("@/")[2].partition("?")[0]
        self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        return f"postgresql://yingda@/{name}?host={self.folder}"

    @functools.cached_property
    def _connection(self) -> psycopg2.extensions.connection:
        """One connection for all of them: to start a program for each takes longer than what it says."""
        connection = psycopg2.connect(self.url("postgres"))
        connection.autocommit = True
        return connection

    def _sql(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        user = self.user if os.geteuid() == 0 else None
        subprocess.run([self.binaries / program, *arguments], check=True, user=user, capture_output=True, cwd="/", timeout=60)
