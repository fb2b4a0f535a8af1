"""Where the project is, who holds its data directory, and which ports are free."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.errors import ConflictError, SettingError
from bot.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not listened on


@dataclass(frozen=True)
class Running:
    """A system that runs on this data directory."""

    pid: int
    url: str


def project_root() -> Path:
    """Return the folder with config.yml, domain.yml and nlu_data: the current one, or the checkout that this package is in."""
    here = Path.cwd()
    return here if (here / "config.yml").is_file() and (here / "nlu_data").is_dir() else CHECKOUT


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the data directory; raises ConflictError when another system does. The kernel lets go when the process dies."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock_file(settings).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(f"Yingda runs on {settings.data_dir} already") from error
        file.truncate(0)
        json.dump(asdict(Running(os.getpid(), settings.public_url)), file)
        file.flush()
        yield
        file.truncate(0)


def running(settings: Settings) -> Running | None:
    """Return who holds the data directory, if anybody does."""
    try:
        with _lock_file(settings).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return Running(**json.loads(file.read() or '{"pid": 0, "url": ""}'))
    except FileNotFoundError:
        pass
    return None


def local_url(settings: Settings) -> tuple[str, int]:
    """Return host and port at which this machine reaches its own web app."""
    return ("127.0.0.1" if settings.host in EVERYWHERE else settings.host), settings.port


def check_ports(settings: Settings) -> None:
    """Raise SettingError for a port that somebody else listens on."""
    wanted = {
        "PORT": (settings.host, settings.port),
        "RASA_PORT": ("127.0.0.1", settings.rasa_port),
        "ACTIONS_PORT": ("127.0.0.1", settings.actions_port),
    }
    numbers = [port for _host, port in wanted.values()]
    if len(set(numbers)) < len(numbers):
        raise SettingError(f"PORT, RASA_PORT and ACTIONS_PORT are {numbers}; they must differ")
    for name, (host, port) in wanted.items():
        try:
            with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
                pass
        except OSError as error:
            reason = error.strerror or str(error)
            raise SettingError(
                f"cannot listen on {host}:{port} ({reason}); stop what listens there, or set {name} to a free port"
            ) from error


def prepare_socket_folder(settings: Settings) -> None:
    """Make the folder of the embedded Redis's socket, which nobody else may own or enter."""
    folder = settings.redis_socket.parent
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    if folder != settings.data_dir:
        state = folder.lstat()
        if state.st_uid != os.geteuid() or state.st_mode & 0o077 or folder.is_symlink():
            raise SettingError(f"{folder} belongs to somebody else or is open to others; remove it or set REDIS_URL")


def _lock_file(settings: Settings) -> Path:
    return settings.data_dir / "up.lock"
