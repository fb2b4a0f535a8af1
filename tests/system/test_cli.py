"""The command line as a person meets it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.cli import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Yingda = Callable[..., Done]


@pytest.fixture
def yingda(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Yingda:
    """Run a verb, in this process, on an empty embedded system."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "yingda.sqlite3").write_bytes(sqlite_template.read_bytes())
    for name in ("DATABASE_URL", "REDIS_URL", "SHOP_URL", "SHOP_SECRET", "YINGDA_DEMO", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("YINGDA_DATA_DIR", str(tmp_path / "var"))

    def run(*arguments: str, given: str = "", **environment: str) -> Done:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


def test_the_command_is_one_line_and_exit_code_1_when_something_is_wrong(tmp_path: Path) -> None:
    """The same as below in a process of its own, as a person runs it."""
    environment = {**os.environ, "YINGDA_DATA_DIR": str(tmp_path), "PORT": "80a"}

    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "status"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: PORT is '80a'; a port is a number from 1 to 65535\n"


def test_help_lists_the_verbs(yingda: Yingda) -> None:
    done = yingda("--help")

    assert done.returncode == 0
    assert "sample-data  Fill the embedded database" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["agents", "password", "nobody"], {}, "there is no agent 'nobody'"),
        (["agents", "add", "two words"], {}, "username is 'two words'; allowed are"),
        (["agents", "add", "anna", "--languages", "fr"], {}, "languages are ['fr']; allowed are zh and en"),
        (["status"], {"PORT": "80a"}, "PORT is '80a'; a port is a number"),
        (["sample-data"], {"DATABASE_URL": "sqlite:////tmp/of-your-own.sqlite3"}, "DATABASE_URL names a database of your own"),
        (["sample-data", "--customers", "1"], {}, "1 customers; allowed are 4 to"),
        (["agents", "list"], {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}, "the database cannot be used"),
        (["shop", "check", "--customer", "C1", "--order", "A1", "--phone-last4", "1234"], {}, "SHOP_URL is not set"),
        (["nlu", "parse", "你好"], {}, "run `yingda train`"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(yingda: Yingda, arguments: list[str], environment: dict[str, str], said: str) -> None:
    done = yingda(*arguments, **environment)

    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


def test_agents_come_and_go(yingda: Yingda) -> None:
    added = yingda("agents", "add", "anna", "--name", "安娜", "--topics", "returns,orders")
    changed = yingda("agents", "password", "anna", "--password", given="correct horse\n")
    gone = yingda("agents", "deactivate", "anna")
    listed = yingda("agents", "list")

    assert "The password is " in added.stdout
    assert changed.stdout == "The password is changed.\n"
    assert gone.returncode == 0
    assert listed.stdout.split() == ["anna", "agent", "zh,en", "returns,orders", "安娜", "deactivated"]


def test_an_agent_cannot_be_added_twice(yingda: Yingda) -> None:
    yingda("agents", "add", "anna")

    assert "there is an agent 'anna' already" in yingda("agents", "add", "anna").stderr


def test_sample_data_with_its_truth_goes_into_an_empty_database_once(yingda: Yingda, tmp_path: Path) -> None:
    done = yingda("sample-data", "--customers", "30", "--truth", str(tmp_path / "truth"))
    again = yingda("sample-data", "--customers", "30")

    assert "30 shop_customers" in done.stdout
    assert (tmp_path / "truth" / "churn_truth.csv").is_file()
    assert "only into an empty one" in again.stderr


def test_status_says_that_nothing_runs(yingda: Yingda) -> None:
    done = yingda("status")

    assert done.returncode == 3
    assert "not running; start it with `yingda up`" in done.stdout
    assert "none yet; train one" in done.stdout


def test_backup_and_restore(yingda: Yingda, tmp_path: Path) -> None:
    yingda("agents", "add", "anna")

    saved = yingda("backup", str(tmp_path / "backup.tar.gz"))
    yingda("agents", "add", "ben")
    back = yingda("restore", "--yes", str(tmp_path / "backup.tar.gz"))

    assert "keep it like a password" in saved.stderr
    assert "Restored the sqlite database" in back.stdout
    assert "ben" not in yingda("agents", "list").stdout
