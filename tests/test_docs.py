"""Docs that can be checked are."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
import sqlalchemy as sa
import yaml

from bot.cli import VERBS, cli
from bot.database import channels, conversations, escalations
from bot.keys import SECRET_NAMES
from bot.messages import HandoffReason
from bot.settings import load_settings

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh.md")
SETTING = re.compile(r"^[A-Z][A-Z0-9_]+$")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf8")


def settings_read() -> set[str]:
    """Return the names of the environment variables in bot/settings.py."""
    strings = {node.value for node in ast.walk(ast.parse(read("bot/settings.py"))) if isinstance(node, ast.Constant)}
    return {text for text in strings if isinstance(text, str) and SETTING.match(text) and text not in {"DEBUG", "INFO", "WARNING", "ERROR"}}


def settings_listed() -> dict[str, str]:
    """Return name and default of each setting in .env.example."""
    lines = re.findall(r"^# ([A-Z][A-Z0-9_]+)=(.*?)[ \t]*(?:#.*)?$", read(".env.example"), flags=re.MULTILINE)
    return dict(lines)


def test_env_example_lists_every_setting_and_no_other() -> None:
    assert set(settings_listed()) == settings_read()
    assert set(SECRET_NAMES) <= settings_read()


def test_env_example_shows_the_true_defaults(tmp_path: Path) -> None:
    shown = {name: value for name, value in settings_listed().items() if value}

    without = load_settings({"YINGDA_DATA_DIR": str(tmp_path)}, root=tmp_path)
    given = load_settings({**shown, "YINGDA_DATA_DIR": str(tmp_path)}, root=tmp_path)

    assert given.__dict__.keys() == without.__dict__.keys()
    differing = {name for name in without.__dict__ if getattr(without, name) != getattr(given, name)}
    assert differing - {"secret_key", "data_key", "identity_secret", "internal_token"} == set()


def test_no_secret_is_in_the_settings_repr(tmp_path: Path) -> None:
    settings = load_settings(
        {"YINGDA_DATA_DIR": str(tmp_path), "SHOP_URL": "https://shop.example", "SHOP_SECRET": "hunter22"}, root=tmp_path
    )

    for secret in (settings.secret_key, settings.data_key, settings.identity_secret, settings.internal_token, settings.shop_secret):
        assert secret
        assert secret not in repr(settings)


@pytest.mark.parametrize("readme", READMES)
def test_readme_names_every_verb(readme: str) -> None:
    assert [name for name in VERBS if f"yingda {name}" not in read(readme)] == []


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_help_a_person_can_read(name: str) -> None:
    context = click.Context(cli)
    command = cli.get_command(context, name)

    assert command is not None
    assert command.get_short_help_str(200) == VERBS[name][1]
    names = command.list_commands(context) if isinstance(command, click.Group) else []
    for one in [command.get_command(context, sub) for sub in names] if isinstance(command, click.Group) else [command]:
        assert one is not None
        assert one.help
        assert one.help.strip().splitlines()[0].rstrip().endswith((".", ","))
        assert all(option.help for option in one.params if isinstance(option, click.Option) and option.name not in {"role", "help"})


@pytest.mark.parametrize("readme", READMES)
def test_links_in_the_docs_lead_somewhere(readme: str) -> None:
    for page in [ROOT / readme, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        text = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf8"))
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            if not target.startswith(("http:", "https:", "mailto:")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_docs_for_users_exist_in_both_languages() -> None:
    assert (ROOT / "README.zh.md").is_file()
    for name in ("operations", "customer-data"):
        assert (ROOT / "docs" / f"{name}.md").is_file()
        assert (ROOT / "docs" / f"{name}.zh.md").is_file()


def mirrors() -> list[Path]:
    """Return the Chinese files of all pairs."""
    return [*ROOT.glob("bot/**/zh.yml"), *ROOT.glob("actions/**/zh.yml"), *ROOT.glob("bot/web/static/i18n/*.zh.json")]


@pytest.mark.parametrize("path", mirrors(), ids=lambda path: str(path.relative_to(ROOT)))
def test_chinese_and_english_have_the_same_keys(path: Path) -> None:
    """Plural forms and the ways to write a date differ; what there is to say does not."""
    english = path.with_name(path.name.replace("zh.", "en."))

    assert headings(load(path)) == headings(load(english))


@pytest.mark.parametrize("name", ["bot/notices/{}.yml", "bot/web/static/i18n/desk.{}.json"])
def test_chinese_and_english_have_the_same_places_to_fill(name: str) -> None:
    chinese, english = (flat(load(ROOT / name.format(language))) for language in ("zh", "en"))

    assert {key: fields(text) for key, text in chinese.items()} == {key: fields(text) for key, text in english.items()}


def headings(words: dict[str, Any]) -> dict[str, list[str]]:
    """Return the keys of the first two levels."""
    return {key: sorted(map(str, value)) if isinstance(value, dict) else [] for key, value in words.items()}


def load(path: Path) -> Any:
    text = path.read_text(encoding="utf8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Return every text under its path; lists count by their places."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {prefix: str(value)}
    return {key: text for name, one in items for key, text in flat(one, f"{prefix}.{name}").items()}


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", text))


def test_every_redis_key_and_table_of_the_handoff_has_its_reason_in_the_docs() -> None:
    page = read("docs/escalation.md")
    sources = [path.read_text(encoding="utf8") for path in (ROOT / "bot").rglob("*.py")]
    keys = {key for text in sources if "edis" in text for key in re.findall(r"(?:yingda:|PREFIX \+ \"|\{PREFIX\})([a-z]+)", text)}
    tables = {
        table.name for module in (channels, conversations, escalations) for table in vars(module).values() if isinstance(table, sa.Table)
    }

    assert keys >= {"generation", "queue", "wake", "limit"}
    assert [key for key in sorted(keys) if f"`yingda:{key}" not in page] == []
    assert [name for name in sorted(tables) if f"`{name}`" not in page] == []
    assert [reason for reason in HandoffReason if f"`{reason}`" not in page] == []
