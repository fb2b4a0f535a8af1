"""Our bot as the product starts it, beside the action server that both bots use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.place import ROOT
from benchmarks.service import Service
from benchmarks.trained import Trained, train_once
from bot.nlu.training import model_fingerprint
from bot.settings import Settings, load_settings
from bot.system.processes import ENVIRONMENT

# Whatever is set around us must not lead to a database, a shop or a language of somebody's own.
NEUTRAL = dict.fromkeys(
    ("DATABASE_URL", "REDIS_URL", "SHOP_URL", "SHOP_SECRET", "COMPANY_NAME_ZH", "COMPANY_NAME_EN", "COMPANY_TIMEZONE", "BUSINESS_HOURS"), ""
) | {"LOG_LEVEL": "WARNING", "YINGDA_DEMO": ""}


def environment(data_dir: Path, *, bot_port: int, actions_port: int, secrets: Mapping[str, str]) -> dict[str, str]:
    ports = {"RASA_PORT": str(bot_port), "ACTIONS_PORT": str(actions_port)}
    return {**NEUTRAL, **ENVIRONMENT, **secrets, **ports, "YINGDA_DATA_DIR": str(data_dir)}


def settings_of(environment: Mapping[str, str]) -> Settings:
    return load_settings(environment, root=Path(environment["YINGDA_DATA_DIR"]))


def train(settings: Settings, cache: Path) -> Trained:
    """Return our model, trained or out of the cache."""
    fingerprint = model_fingerprint(settings, root=ROOT)[:16]
    return train_once(f"ours-{fingerprint}", ["bot.system.learn"], cache=cache, environment={**NEUTRAL, **ENVIRONMENT})


def actions_service(settings: Settings, environment: Mapping[str, str]) -> Service:
    return Service("actions", ["bot.dialogue.actions_server"], settings.actions_port, environment)


def bot_service(settings: Settings, environment: Mapping[str, str]) -> Service:
    return Service("ours", ["bot.dialogue.host"], settings.rasa_port, environment)
