"""Fixtures for all tests: settings, a database with every table, a real Redis."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import redis.asyncio as aioredis
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

from bot.crypto import Cipher
from bot.database import Database
from bot.database.migrate import migrate
from bot.nlu.training import is_trained, newest_model
from bot.redis import connect, embedded_server_command
from bot.settings import Settings, load_settings
from bot.system.processes import python_process
from tests.postgres import Fill, PostgresServer

CopyOf = Callable[..., str]

ROOT = Path(__file__).parents[1]
DATA_KEY = bytes(range(32))  # of all tests, so that filled databases can be copied

E2E = "tests/e2e/"

IN_CI = os.environ.get("CI") == "true"


def missing(what: str, how: str) -> None:
    """Skip with one line that says how to get it; in CI that is a failure."""
    if IN_CI:
        pytest.fail(f"{what} is missing in CI; {how}")
    pytest.skip(f"{what} is missing; {how}")


class OneSystem(LoadScopeScheduling):
    """Modules are spread over the workers, and those that need the whole system go to one, which starts it once and first of all."""

    def _split_scope(self, nodeid: str) -> str:
        return E2E if nodeid.startswith(E2E) else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if E2E in self.workqueue:
            self.workqueue.move_to_end(E2E, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneSystem:
    return OneSystem(config, log)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated database file that tests copy; filled ones lie beside it."""
    path = tmp_path_factory.mktemp("templates") / "yingda.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not among pytest's own folders: those are closed to the user that the server runs as.
    with tempfile.TemporaryDirectory(prefix="yingda-postgres-", dir=_memory()) as folder:
        server = PostgresServer.find(Path(folder))
        if server is None:
            missing("PostgreSQL", "install it with: apt-get install postgresql")
        assert server is not None
        with server.running():
            yield server


def _memory() -> Path | None:
    """Return the folder that is in memory if there is room: of what a copy of a database takes, most is making its files."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() and shutil.disk_usage(folder).free > 2 << 30 else None


@pytest.fixture
def copy_of(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> Iterator[CopyOf]:
    """`copy_of("sqlite", "web", fill)`: the URL of a database of the test's own, like one that `fill` has filled once for all."""
    made: list[str] = []
    count = itertools.count(1)

    def copy(kind: str, like: str = "yingda", fill: Fill | None = None) -> str:
        if kind == "postgresql":
            made.append(request.getfixturevalue("postgres").fresh_database(like, fill))
            return made[-1]
        template = sqlite_template.with_name(f"{like}.sqlite3")
        if not template.exists():
            shutil.copy(sqlite_template, template)
            if fill:
                fill(f"sqlite:///{template}")
        own = tmp_path / f"{like}-{next(count)}.sqlite3"
        return f"sqlite:///{shutil.copy(template, own)}"

    yield copy
    for url in made:
        request.getfixturevalue("postgres").drop(url)


@pytest.fixture
def postgres_url(copy_of: CopyOf) -> str:
    """A migrated PostgreSQL database that goes with its test."""
    return copy_of("postgresql")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_kind(request: pytest.FixtureRequest) -> str:
    """The same test on SQLite (quick) and on PostgreSQL (`make test`)."""
    return str(request.param)


@pytest.fixture
def database_url(database_kind: str, copy_of: CopyOf) -> str:
    return copy_of(database_kind)


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_socket: str) -> Settings:
    return load_settings(
        {
            "YINGDA_DATA_DIR": str(tmp_path / "var"),
            "YINGDA_DATA_KEY": DATA_KEY.hex(),
            "DATABASE_URL": database_url,
            "REDIS_URL": f"unix://{redis_socket}",
        },
        root=tmp_path,
    )


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def cipher() -> Cipher:
    return Cipher(DATA_KEY)


@pytest.fixture(scope="session")
def trained_model(request: pytest.FixtureRequest) -> Path:
    """The product's model, made as `yingda up` makes it: once for all workers, and again only when something of it has changed."""
    folder = Path(request.config.cache.mkdir("trained-model"))  # type: ignore[union-attr]
    settings = load_settings({"YINGDA_DATA_DIR": str(folder)}, root=ROOT)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_trained(settings, root=ROOT):
            learn = python_process("learn", "bot.system.learn", settings=settings, root=ROOT)
            done = subprocess.run(learn.command, env=learn.environment, cwd=learn.folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return newest_model(settings)


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis server on a Unix socket, without persistence, for the whole session."""
    socket = tmp_path_factory.mktemp("redis") / "redis.sock"
    server = subprocess.Popen(embedded_server_command(socket), stdout=subprocess.DEVNULL)
    while not socket.exists() and server.poll() is None:
        time.sleep(0.005)  # the socket file is the server's only sign of life
    yield str(socket)
    server.kill()
    server.wait()


@pytest.fixture
async def redis(redis_socket: str) -> AsyncIterator[aioredis.Redis]:
    client = connect(f"unix://{redis_socket}")
    await client.flushall()
    yield client
    await client.aclose()
