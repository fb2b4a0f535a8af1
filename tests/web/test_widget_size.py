"""What a shop's visitors pay for the widget, and rules that its scripts keep."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "bot" / "web" / "static"
LIMIT = 15_000  # bytes, compressed, of all that one page loads
LONGEST_MODULE = 250  # lines

LANGUAGES = sorted((STATIC / "widget" / "i18n").glob("*.js"))
MODULES = [STATIC / "widget.js", *sorted((STATIC / "widget").glob("*.js"))]


def compressed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), compresslevel=9))


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda path: path.stem)
def test_all_that_a_page_loads_stays_under_15_kb(language: Path) -> None:
    sizes = {path.name: compressed(path) for path in [*MODULES, language]}

    assert sum(sizes.values()) < LIMIT, sizes


def test_both_languages_say_the_same_things() -> None:
    keys = [re.findall(r"^  (\w+):", path.read_text(encoding="utf8"), re.MULTILINE) for path in LANGUAGES]

    assert [path.stem for path in LANGUAGES] == ["en", "zh"]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("module", [*MODULES, *LANGUAGES], ids=lambda path: path.name)
def test_a_module_is_short_and_never_makes_markup_of_text(module: Path) -> None:
    text = module.read_text(encoding="utf8")

    assert len(text.splitlines()) < LONGEST_MODULE
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
