"""What can be checked of the browser's code without a browser: words in both languages, no markup from data, small modules."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import bot.web
from bot.messages import HandoffReason, Sender, Status

STATIC = Path(bot.web.__file__).parent / "static"
DESK = sorted((STATIC / "desk").glob("*.js"))
SCRIPTS = sorted(STATIC.rglob("*.js"))
LONGEST_MODULE = 250

MARKUP_FROM_TEXT = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML|\beval\(|new Function"
)
LITERAL_KEY = re.compile(r"""\bt\(\s*"([a-z_.]+)["]""")
IMPORT = re.compile(r"""from "(\./[a-z_]+\.js)";""")


def words(language: str) -> dict[str, str]:
    texts: dict[str, str] = json.loads((STATIC / "i18n" / f"desk.{language}.json").read_text(encoding="utf8"))
    return texts


def name_of(path: Path) -> str:
    return str(path.relative_to(STATIC))


def test_the_desk_has_the_same_keys_in_both_languages() -> None:
    assert list(words("zh")) == list(words("en"))


def test_no_text_of_the_desk_is_empty() -> None:
    assert [key for language in ("zh", "en") for key, text in words(language).items() if not text.strip()] == []


def test_both_languages_fill_in_the_same_values() -> None:
    zh, en = words("zh"), words("en")

    def names(text: str) -> set[str]:
        return set(re.findall(r"{(\w+)}", text))

    assert [key for key in zh if names(zh[key]) != names(en[key])] == []


def test_every_sentence_that_the_desk_asks_for_exists() -> None:
    asked = {key for path in DESK for key in LITERAL_KEY.findall(path.read_text(encoding="utf8"))}

    assert len(asked) > 50
    assert sorted(asked - set(words("zh"))) == []


@pytest.mark.parametrize("kind", ["reason", "status", "sender"])
def test_every_value_of_a_closed_set_has_its_word(kind: str) -> None:
    values = {"reason": HandoffReason, "status": Status, "sender": Sender}[kind]

    assert [value for value in values if f"{kind}.{value}" not in words("zh")] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_never_makes_markup_from_text(path: Path) -> None:
    assert MARKUP_FROM_TEXT.findall(path.read_text(encoding="utf8")) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_module_is_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf8").splitlines()) < LONGEST_MODULE


@pytest.mark.parametrize("path", DESK, ids=name_of)
def test_a_module_of_the_desk_imports_what_exists(path: Path) -> None:
    source = path.read_text(encoding="utf8")

    missing = [address for address in IMPORT.findall(source) if not (path.parent / address).is_file()]

    assert missing == []
    assert source.startswith("/** ")
