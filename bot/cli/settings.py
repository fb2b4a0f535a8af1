"""The settings of the project that the command is called in."""

from __future__ import annotations

from bot.settings import Settings, load_settings
from bot.system.place import project_root


def settings_here() -> Settings:
    return load_settings(root=project_root())
