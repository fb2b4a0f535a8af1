"""What the terminal shows while the system starts."""

from __future__ import annotations

import io

from rich.console import Console

from bot.system.narrator import Narrator


def test_where_nobody_watches_each_step_is_one_plain_line() -> None:
    screen = io.StringIO()
    narrator = Narrator(Console(file=screen, force_terminal=False, width=200))

    heard = narrator.sequence()
    for done in range(50):
        heard("load", done, 50)
    heard("profiles", 0, 0)
    heard("", 0, 0)
    narrator.quiet()

    lines = screen.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Loading")
    assert "\x1b" not in screen.getvalue()


def test_on_a_terminal_steps_move_and_are_ticked_off() -> None:
    screen = io.StringIO()
    narrator = Narrator(Console(file=screen, force_terminal=True, width=120))

    heard = narrator.sequence()
    heard("load", 50, 50)
    heard("", 0, 0)
    narrator.quiet()

    assert "✓ Loading the demo shop's data" in screen.getvalue()


def test_the_last_line_says_how_long_it_took() -> None:
    screen = io.StringIO()
    narrator = Narrator(Console(file=screen, force_terminal=False, width=200))

    narrator.say("ready", url="http://127.0.0.1:8080", login="demo / [password]", logs="var/logs")
    narrator.say("last", seconds="12.3")

    assert "demo / [password]" in screen.getvalue()
    assert screen.getvalue().splitlines()[-1].startswith("Ready in 12.3 s")
