"""The keys that are made on the first start, in a file of the data directory that only its owner may read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from bot.errors import SettingError

SECRET_NAMES = ("YINGDA_SECRET_KEY", "YINGDA_DATA_KEY", "YINGDA_IDENTITY_SECRET", "YINGDA_INTERNAL_TOKEN")
DATA_KEY, OLD_DATA_KEY = "YINGDA_DATA_KEY", "YINGDA_DATA_KEY_OLD"


def secrets_file(data_dir: Path) -> Path:
    return data_dir / "secrets.env"


def read_env(path: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(path).items() if value} if path.is_file() else {}


def read_secrets(data_dir: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return the generated secrets, having made those that are neither there nor given."""
    known = read_env(secrets_file(data_dir))
    missing = [name for name in SECRET_NAMES if not known.get(name) and not given.get(name)]
    if missing:
        known.update({name: secrets.token_hex(32) for name in missing})
        _write(data_dir, known)
    return known


def make_data_key(data_dir: Path, present: str) -> str:
    """Put a new data key into the file, with the present one as an old one, and return it. SettingError when it is set elsewhere."""
    known = read_env(secrets_file(data_dir))
    if known.get(DATA_KEY) != present:
        raise SettingError(
            f"{DATA_KEY} is set in the environment or .env; set it to a new key there, {OLD_DATA_KEY} to the present one, and restart"
        )
    new = secrets.token_hex(32)
    _write(data_dir, {**known, DATA_KEY: new, OLD_DATA_KEY: present})
    return new


def forget_old_keys(data_dir: Path) -> bool:
    """Take the old data keys out of the file; say whether they were in it."""
    known = read_env(secrets_file(data_dir))
    if known.pop(OLD_DATA_KEY, None) is None:
        return False
    _write(data_dir, known)
    return True


def _write(data_dir: Path, known: Mapping[str, str]) -> None:
    """Replace the file in one step: a half-written one would be the loss of all personal data."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = secrets_file(data_dir)
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in known.items())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
