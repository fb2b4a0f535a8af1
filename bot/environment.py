"""One value of the environment each: read, checked, or refused with its name, its value and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping

from bot.errors import SettingError

SHORTEST_SECRET = 32  # characters of a secret that others share with us


def text(values: Mapping[str, str], name: str, default: str = "") -> str:
    return values.get(name) or default


def port(values: Mapping[str, str], name: str, default: int) -> int:
    raw = values.get(name) or str(default)
    if not raw.isdigit() or not 1 <= int(raw) <= 65535:
        raise SettingError(f"{name} is {raw!r}; a port is a number from 1 to 65535")
    return int(raw)


def number(values: Mapping[str, str], name: str, default: float) -> float:
    raw = values.get(name) or str(default)
    try:
        number = float(raw)
    except ValueError as error:
        raise SettingError(f"{name} is {raw!r}; it must be a number of seconds") from error
    if not 0 < number <= 86400:
        raise SettingError(f"{name} is {raw!r}; it must be more than 0 and at most 86400 seconds")
    return number


def share(values: Mapping[str, str], name: str, default: float) -> float:
    raw = values.get(name) or str(default)
    try:
        share = float(raw)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingError(f"{name} is {raw!r}; it must be a number from 0 to 1")
    return share


def count(values: Mapping[str, str], name: str, default: int) -> int:
    raw = values.get(name) or str(default)
    if not raw.isdecimal() or int(raw) > 9:
        raise SettingError(f"{name} is {raw!r}; allowed are 0 to 9")
    return int(raw)


def long_secret(values: Mapping[str, str], name: str) -> str:
    raw = values.get(name) or ""
    if raw and len(raw) < SHORTEST_SECRET:
        raise SettingError(f"{name} has {len(raw)} characters; it needs at least {SHORTEST_SECRET}, such as openssl rand -hex 32 gives")
    return raw


def flag(values: Mapping[str, str], name: str, default: bool) -> bool:
    raw = (values.get(name) or str(default)).lower()
    if raw not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
        raise SettingError(f"{name} is {raw!r}; allowed are true and false")
    return raw in {"1", "true", "yes", "on"}


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingError(f"{name} is {value!r}; allowed are {', '.join(allowed)}")


def at_least_one(values: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    raw = values.get(name) or str(default)
    if not raw.isdecimal() or not 1 <= int(raw) <= most:
        raise SettingError(f"{name} is {raw!r}; allowed are 1 to {most}")
    return int(raw)
