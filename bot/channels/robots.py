"""Group robots of WeCom, DingTalk, Feishu and Slack, which tell the staff that work waits: each builds a request and reads its answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import msgspec

from bot.channels.vendor import (
    Call,
    Reason,
    VendorAnswer,
    check_status,
)
from bot.errors import SettingError, TransportError
from bot.settings import ChannelSettings

REST_S = 60.0  # DingTalk keeps a robot that was too fast silent for ten minutes; every minute is tried

log = logging.getLogger(__name__)


class _Answer(msgspec.Struct, frozen=True):
    errcode: int = 0  # WeCom, DingTalk
    code: int = 0  # Feishu


def _wecom(url: str, secret: str, text: str, at: float) -> tuple[str, dict[str, object]]:
    return url, {"msgtype": "text", "text": {"content": text}}


def _dingtalk(url: str, secret: str, text: str, at: float) -> tuple[str, dict[str, object]]:
    """The signature is over milliseconds and the secret, with the secret as key."""
    timestamp = str(int(at * 1000))
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    sign = quote(base64.b64encode(digest).decode(), safe="")
    return f"{url}&timestamp={timestamp}&sign={sign}", {"msgtype": "text", "text": {"content": text}}


def _feishu(url: str, secret: str, text: str, at: float) -> tuple[str, dict[str, object]]:
    """The signature is over nothing, with seconds and the secret as key."""
    timestamp = str(int(at))
    digest = hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
    signed = {"timestamp": timestamp, "sign": base64.b64encode(digest).decode()}
    return url, {**signed, "msg_type": "text", "content": {"text": text}}


def _slack(url: str, secret: str, text: str, at: float) -> tuple[str, dict[str, object]]:
    return url, {"text": text}


@dataclass(frozen=True)
class RobotKind:
    required: tuple[str, ...]
    build: Callable[[str, str, str, float], tuple[str, dict[str, object]]]
    too_fast: frozenset[int] = frozenset()  # of the vendor's codes
    temporary: frozenset[int] = frozenset()


ROBOTS: dict[str, RobotKind] = {
    "wecom": RobotKind(("URL",), _wecom, too_fast=frozenset({45009, 45033}), temporary=frozenset({-1})),
    "dingtalk": RobotKind(("URL", "SECRET"), _dingtalk, too_fast=frozenset({130101, 410100}), temporary=frozenset({-1})),
    "feishu": RobotKind(("URL", "SECRET"), _feishu, too_fast=frozenset({11232, 99991400})),
    "slack": RobotKind(("URL",), _slack),
}


class Robot:
    """One group's robot, with its settings."""

    optional = ("LANGUAGE",)

    def __init__(self, settings: ChannelSettings, *, default_language: str) -> None:
        self.name = settings.name
        self.language = settings.get("LANGUAGE", default_language)
        self._kind = ROBOTS[settings.kind]
        self._url, self._secret = settings.get("URL"), settings.get("SECRET")
        parts = urlsplit(self._url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingError(f"{settings.setting('URL')} is no web address; it must be the one that the group's robot shows")
        if self.language not in {"zh", "en"}:
            raise SettingError(f"{settings.setting('LANGUAGE')} is {self.language!r}; allowed are zh and en")

    def build(self, text: str, *, at: float) -> Call:
        """Make the request that says the text in the group; `at` is in seconds since 1970."""
        url, body = self._kind.build(self._url, self._secret, text, at)
        return Call("POST", url, msgspec.json.encode(body), {"Content-Type": "application/json; charset=utf-8"})

    def read(self, answer: VendorAnswer) -> None:
        """Raise TransportError unless the group has it."""
        try:
            said = msgspec.json.decode(answer.body, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = _Answer()  # Slack says "ok"; what the others would say then, the status tells
        code = said.errcode or said.code
        if code in self._kind.too_fast:
            raise TransportError(f"error {code}", reason=Reason.RATE, retry_after_s=REST_S)
        check_status(answer)
        if code in self._kind.temporary:
            raise TransportError(f"error {code}", reason=Reason.UNREACHABLE)
        if code:
            raise TransportError(f"error {code}", reason=Reason.REFUSED, permanent=True)


def open_robots(accounts: tuple[ChannelSettings, ...], *, default_language: str) -> list[Robot]:
    """Return the robots that have all their settings; the log says what the others lack. SettingError for an unknown kind."""
    robots = []
    for account in accounts:
        if lacking := lacking_of_robot(account):
            log.warning("robot %s is off: it needs %s", account.name, ", ".join(lacking))
            continue
        robots.append(Robot(account, default_language=default_language))
    return robots


def lacking_of_robot(account: ChannelSettings) -> list[str]:
    """Return the names of the settings that this robot still needs."""
    if account.kind not in ROBOTS:
        raise SettingError(f"YINGDA_ALERTS holds a robot of kind {account.kind[:40]!r}; allowed are {', '.join(ROBOTS)}")
    return [account.setting(name) for name in ROBOTS[account.kind].required if not account.get(name)]
