"""A company's own tables: taken whole, checked before anything starts, named by `yingda status`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.customers import costs, offers, segments
from bot.errors import SettingError
from bot.escalations import forms, hours, routing, times
from bot.system.tables import READERS, check_tables
from bot.tables import read_table
from tests.conftest import ROOT

FORMS = {
    routing.TABLE: forms.Routing,
    times.TABLE: forms.Times,
    hours.TABLE: forms.OpeningHours,
    offers.TABLE: offers.Table,
    costs.TABLE: costs.Costs,
    segments.TABLE: list[segments.Rule],
}


def test_our_own_tables_are_as_they_may_be() -> None:
    assert check_tables() == []


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        (routing.TABLE, ("complaint: 2", "complaint: 9"), ["reason.complaint is 9", "<= 3"]),
        (routing.TABLE, ("  complaint: 2\n", ""), ["reason lacks complaint"]),
        (
            routing.TABLE,
            ("general: [orders, account]", "general: [ordres]"),
            ["widens.topics names ordres", "allowed are the topics orders"],
        ),
        (routing.TABLE, ("ageing_minutes: 15", "aging_minutes: 15"), ["unknown field `aging_minutes`", "what is allowed stands in"]),
        (
            times.TABLE,
            ("bot: {remind: null, close: 1440}", "bot: {remind: soon, close: 1440}"),
            ["idle.other.bot.remind is 'soon'", "Expected `float"],
        ),
        (times.TABLE, ("limit: 50", "limit: -1"), ["queue.limit is -1", ">= 0"]),
        (hours.TABLE, ("days: {}", "days: {someday: []}"), ["days is ['someday']", "date"]),
        (offers.TABLE, ("kind: amount, value: 50", "kind: money, value: 50"), ["offers.3.kind is 'money'", "Invalid enum value"]),
        (offers.TABLE, ("hold_out: 0.1", "hold_out: 10"), ["hold_out is 10", "<= 1.0"]),
        (costs.TABLE, ("care_cost: 0.05", "care_cost: cheap"), ["care_cost is 'cheap'"]),
        (segments.TABLE, ("tenure_days: {below: 90}", "tenure_weeks: {below: 12}"), ["allowed measures are days_since_order"]),
        (segments.TABLE, ("{from: 75}, orders", "{at_least: 75}, orders"), ["2.when.days_since_order", "at_least"]),
        (costs.TABLE, ("offer_cost: 0.10", "offer_cost: [0.10"), ["cannot be read as YAML", "line"]),
    ],
)
def test_what_is_wrong_is_named_with_file_key_value_and_what_is_allowed(
    table: Path, change: tuple[str, str], says: list[str], tmp_path: Path
) -> None:
    ours = table.read_text(encoding="utf8")
    assert change[0] in ours
    own = tmp_path / table.name
    own.write_text(ours.replace(*change), encoding="utf8")

    with pytest.raises(SettingError) as refused:
        read_table(own, FORMS[table])

    assert [each for each in (str(own), *says) if each not in str(refused.value)] == [], str(refused.value)


def yingda(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "YINGDA_DATA_DIR": str(folder)}
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50)


@pytest.mark.slow
def test_an_own_table_is_taken_and_told_and_a_faulty_one_stops_the_start(tmp_path: Path) -> None:
    own = tmp_path / "tables"
    own.mkdir()
    (own / "times.yml").write_text(times.TABLE.read_text(encoding="utf8").replace("limit: 50", "limit: 7"), encoding="utf8")
    status = yingda(tmp_path, "bot.cli", "status")
    assert f"Tables     times.yml from {own}\n" in status.stdout, status.stdout + status.stderr

    (own / "times.yml").write_text("queue: {limit: many}\n", encoding="utf8")
    (own / "offres.yml").touch()
    start = yingda(tmp_path, "bot.cli", "up")
    assert (start.returncode, start.stderr.startswith(f"Error: {own}/offres.yml is no table; allowed are costs.yml")) == (1, True)

    (own / "offres.yml").unlink()
    start = yingda(tmp_path, "bot.cli", "up")
    assert (start.returncode, str(own / "times.yml") in start.stderr) == (1, True), start.stderr


def test_the_docs_name_every_table() -> None:
    for name in ("operations.md", "operations.zh.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf8")
        assert [table.name for table in READERS if f"`{table.name}`" not in text] == []
