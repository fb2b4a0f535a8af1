"""`yingda nlu check` and `yingda nlu suggest` as a person runs them, each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nlu.quality.conftest import ROOT, Project, examples

pytestmark = pytest.mark.slow


def yingda(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "YINGDA_DATA_DIR": str(root / "var")}
    for name in ("DATABASE_URL", "REDIS_URL", "SHOP_URL", "SHOP_SECRET", "PORT"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "bot.cli", "nlu", *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=55)


def test_the_check_says_where_and_counts(project: Project) -> None:
    root = project(zh=examples("order_status", "查订单", "查订单！"), en=examples("return_item", "return it"))

    done = yingda(root, "check", "--quick", "--min-examples", "1")

    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        "domain.yml:3: missing_intent: order_status has no examples in en; write 1 more",
        "domain.yml:4: missing_intent: return_item has no examples in zh; write 1 more",
        "nlu_data/nlu/zh/orders.yml:6: duplicate: '查订单！' stands at nlu_data/nlu/zh/orders.yml:5 already; remove one of the two",
        "3 findings: 2 missing_intent, 1 duplicate",
    ]
    assert done.stderr == ""


def test_the_check_prints_json_and_is_content_with_good_data(project: Project) -> None:
    both = ("order_status", "查订单", "我的单呢"), ("return_item", "退货")
    root = project(zh=examples(*both[0]) + examples(*both[1]).partition("nlu:\n")[2], en=examples("order_status", "where is my order"))

    done = yingda(root, "check", "--quick", "--min-examples", "1", "--json")
    said = json.loads(done.stdout)
    (root / "nlu_data/nlu/en/orders.yml").write_text(
        examples("order_status", "my order") + examples("return_item", "return").partition("nlu:\n")[2]
    )
    good = yingda(root, "check", "--quick", "--min-examples", "1")

    assert said["kinds"] == {"missing_intent": 1}
    assert (said["findings"][0]["file"], said["findings"][0]["line"]) == ("domain.yml", 4)
    assert (good.returncode, good.stdout) == (0, "Nothing is wrong.\n")


@pytest.mark.parametrize("written", ["", "new.yml"])
def test_an_empty_database_suggests_nothing(project: Project, sqlite_template: Path, written: str) -> None:
    root = project(zh=examples("order_status", "查订单"))
    (root / "var").mkdir()
    shutil.copy(sqlite_template, root / "var" / "yingda.sqlite3")

    done = yingda(root, "suggest", *(["--output", written] if written else []))

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.startswith("Nothing to suggest: in the last 30 days")
    assert not (root / "new.yml").exists()
