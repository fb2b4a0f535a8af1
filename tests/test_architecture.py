"""The rules of the code's shape: who imports whom, how large a module and a function may be, what a light process loads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LARGEST_MODULE = 300  # lines
LONGEST_FUNCTION = 50  # lines; the aim is 40, most have fewer than 10
GENERATED_ONCE = {"bot/database/migrations/versions"}  # a migration is history, as long as it is
HEAVY = ("rasa", "tensorflow", "spacy", "pandas", "sklearn")


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not any(part in path.as_posix() for part in GENERATED_ONCE):
                yield path


def test_imports_point_down_only() -> None:
    program = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_every_part_of_bot_has_its_place_in_the_layers() -> None:
    parts = {path.stem for path in (ROOT / "bot").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()} - {"__init__"}
    layers = (ROOT / ".importlinter").read_text(encoding="utf8").split("[importlinter:contract:for-rasa-only]")[0]

    assert {part for part in parts if f"bot.{part}" not in layers} == set()


def test_modules_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf8").splitlines()) for path in python_files("bot", "actions")}

    assert {path: length for path, length in lengths.items() if length > LARGEST_MODULE} == {}


def test_scripts_of_the_pages_are_short() -> None:
    scripts = (path for path in (ROOT / "bot" / "web" / "static").rglob("*.js") if "vendor" not in path.parts)
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf8").splitlines()) for path in scripts}

    assert {path: length for path, length in lengths.items() if length > LARGEST_MODULE} == {}


def test_functions_are_short() -> None:
    long = {}
    for path in python_files("bot", "actions"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = length

    assert long == {}


@pytest.mark.parametrize("module", ["bot.web.app", "bot.worker", "bot.dialogue.actions_server", "bot.cli", "bot.system.supervisor"])
def test_a_light_process_loads_no_heavy_library(module: str) -> None:
    """Memory and start-up time: the web app must neither be large nor slow because Rasa is."""
    program = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50
    )

    assert (done.stdout.split(), done.stderr) == ([], "")


def test_the_command_line_answers_at_once() -> None:
    program = "import time; began = time.process_time(); import bot.cli; print(time.process_time() - began)"

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=50)

    assert float(done.stdout) < 0.5


@pytest.mark.slow
def test_nothing_connects_or_reads_settings_on_import() -> None:
    """With an unreadable setting in the environment, importing every light module still works."""
    program = "import bot.web.app, bot.worker, bot.cli.up, bot.cli.agents, bot.cli.backup, bot.system.prepare"
    environment = {**os.environ, "PORT": "no port", "DATABASE_URL": "nonsense"}

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=50
    )

    assert done.returncode == 0, done.stderr
