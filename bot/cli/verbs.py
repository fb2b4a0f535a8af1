"""A group of verbs, each imported when it is called and not for the list of them, so that `--help` answers at once."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class Verbs(click.Group):
    """A group made of a table: verb: (module of `package`, what it does).

    The module holds the verb as `command`; a module of several verbs is written `module:name`.
    """

    def __init__(self, *, verbs: Mapping[str, tuple[str, str]], package: str, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.verbs = verbs
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.verbs:
            return None
        module, _, attribute = self.verbs[name][0].partition(":")
        command = getattr(importlib.import_module(f"{self.package}.{module}"), attribute or "command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_module, text) in self.verbs.items()])
