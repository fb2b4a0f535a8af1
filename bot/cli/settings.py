"""The settings of the project that the command is called in."""

from __future__ import annotations

from bot.settings import Settings, load_settings
from bot.system.place import project_root
from bot.tables import use_tables


def settings_here() -> Settings:
    return use_tables(load_settings(root=project_root()))
