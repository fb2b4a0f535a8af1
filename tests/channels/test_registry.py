"""Accounts, settings and pages of channels fit together."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.channels.registry import KINDS, missing, open_channels
from bot.channels.vendor import (
    Reason,
)
from bot.cli.channels import command
from bot.errors import SettingError
from bot.settings import ChannelSettings, load_settings
from tests.channels.simulator import Says, Vendor
from tests.channels.vendors import CASES, SECRET, TELEGRAM

ROOT = Path(__file__).parents[2]


def test_every_kind_is_in_the_table_of_vendors() -> None:
    assert {case.kind for case in CASES} == set(KINDS)
    assert {kind: channel.kind for kind, channel in KINDS.items()} == {kind: kind for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("page", ["{}.md", "{}.zh.md"])
def test_every_kind_has_its_page_with_all_its_settings(kind: str, page: str) -> None:
    text = (ROOT / "docs" / "channels" / page.format(kind)).read_text(encoding="utf8")
    channel = KINDS[kind]

    assert [name for name in (*channel.required, *channel.optional) if f"`{kind.upper()}_{name}`" not in text] == []
    assert f"channels/{page.format(kind)}" in (ROOT / "docs" / "channels.md").read_text(encoding="utf8")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_and_every_reason_has_its_word_at_the_desk(language: str) -> None:
    words = json.loads((ROOT / "bot" / "web" / "static" / "i18n" / f"desk.{language}.json").read_text(encoding="utf8"))

    assert [kind for kind in KINDS if f"channel.{kind}" not in words] == []
    assert [reason for reason in Reason if f"delivery.why.{reason}" not in words] == []


def test_every_test_that_the_table_names_exists() -> None:
    text = (ROOT / "docs" / "channels.md").read_text(encoding="utf8").split("## What is tested where")[1].split("## Not there yet")[0]
    written = "".join(path.read_text(encoding="utf8") for path in Path(__file__).parent.glob("test_*.py"))
    names = {name.rpartition("::")[2].removeprefix("test_") for name in re.findall(r"`([\w:.]+)`", text) if not name.endswith(".py")}

    assert len(names) > 20
    assert [name for name in sorted(names) if f"def test_{name}(" not in written] == []


def test_accounts_of_one_kind_live_side_by_side(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "YINGDA_DATA_DIR": str(tmp_path),
            "YINGDA_CHANNELS": "webhook, partner:webhook, half:webhook",
            "WEBHOOK_SECRET": SECRET,
            "WEBHOOK_URL": "https://a.example",
            "PARTNER_SECRET": SECRET[::-1],
            "PARTNER_URL": "https://b.example",
            "HALF_URL": "https://c.example",
        },
        root=tmp_path,
    )

    assert list(open_channels(settings)) == ["webhook", "partner"]
    assert missing(settings.channels[2]) == ["HALF_SECRET"]
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("wrong", ["Telegram", "a b", "website", "webhook,webhook", "1st:webhook"])
def test_a_wrong_name_of_a_channel_is_refused(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="YINGDA_CHANNELS"):
        load_settings({"YINGDA_DATA_DIR": str(tmp_path), "YINGDA_CHANNELS": wrong}, root=tmp_path)


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(SettingError, match="pigeon"):
        missing(ChannelSettings("pigeon", "pigeon", {}))


def test_the_command_lists_what_is_set_and_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yml").write_text("")
    (tmp_path / "domain.yml").write_text("")
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "YINGDA_DATA_DIR": str(tmp_path / "var"),
        "YINGDA_CHANNELS": "webhook,half:webhook",
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_URL": "https://a.example",
    }.items():
        monkeypatch.setenv(name, value)

    listed = CliRunner().invoke(command, ["list"])

    assert listed.exit_code == 0, listed.output
    assert re.search(r"^webhook +webhook +http://127.0.0.1:8080/webhooks/webhook$", listed.output, re.MULTILINE)
    assert re.search(r"^half +webhook +off, needs HALF_SECRET, HALF_URL$", listed.output, re.MULTILINE)


async def test_the_command_asks_the_vendor_and_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulator: Vendor) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yml").write_text("")
    (tmp_path / "nlu_data").mkdir()
    monkeypatch.setenv("YINGDA_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("YINGDA_CHANNELS", "telegram")
    for name, value in TELEGRAM.settings(simulator.url).items():
        monkeypatch.setenv(f"TELEGRAM_{name}", value)
    simulator.script = [TELEGRAM.taken, Says(status=401, body=b'{"ok":false,"error_code":401}'), TELEGRAM.taken]

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, command, list(arguments))
        return result.exit_code, result.output

    assert await run("check", "telegram") == (0, "telegram: the vendor answers, and takes our secrets\n")
    assert await run("check", "telegram") == (1, "telegram: error 401\n")
    assert await run("send", "telegram", "1111", "hello") == (0, "telegram: sent, the vendor's id is 8\n")
    assert simulator.received[-1].path.endswith("/sendMessage")
