"""What a person sees at the terminal while the system starts: progress that moves, or plain lines where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

WORDS = Path(__file__).with_name("words.yml")


class Narrator:
    def __init__(self, console: Console | None = None) -> None:
        self._words: dict[str, Any] = yaml.safe_load(WORDS.read_text(encoding="utf8"))
        self._console = console or Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._lively = self._console.is_terminal
        self._progress = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}

    def step(self, what: str, done: int = 0, total: int = 0) -> None:
        """Show a step and how far it is; a step of unknown length moves until it is finished."""
        text = self._words["steps"].get(what, what)
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(text, total=total or None)
            if self._lively:
                self._progress.start()
            else:
                self._plain(text)
        if total:
            self._progress.update(self._tasks[what], completed=done, total=total)

    def sequence(self) -> Callable[[str, int, int], None]:
        """Return what hears the steps of one process: each ends when the next begins, the last with an empty name."""
        now = ""

        def heard(what: str, done: int, total: int) -> None:
            nonlocal now
            if now and what != now:
                self.finish(now)
            now = what
            if what:
                self.step(what, done, total)

        return heard

    def finish(self, what: str) -> None:
        """Tick off a step."""
        if what in self._tasks:
            self._progress.update(self._tasks[what], total=1, completed=1)

    def quiet(self) -> None:
        """Let the progress stand as it is."""
        if self._lively:
            self._progress.stop()

    def say(self, key: str, **values: object) -> None:
        """Print a text of words.yml."""
        self._plain(self.words(key, **values))

    def words(self, key: str, **values: object) -> str:
        return str(self._words[key]).format(**values)

    def lines(self, lines: list[str]) -> None:
        for line in lines:
            self._plain(f"    {line}")

    def _plain(self, text: str) -> None:
        self._console.print(text, markup=False)
        self._console.file.flush()
