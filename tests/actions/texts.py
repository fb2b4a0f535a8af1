"""The bot's texts as tests read them: domain.yml and nlu_data/rules, rendered as the responses of the dialogue are."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPANY = {"zh": "青禾优选", "en": "Qinghe Select"}

_PLACEHOLDER = re.compile(r"{([^\n{}]+?)}")


@cache
def domain() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf8")))


@cache
def rules() -> list[dict[str, Any]]:
    files = sorted((ROOT / "nlu_data/rules").glob("*.yml"))
    return [rule for path in files for rule in yaml.safe_load(path.read_text(encoding="utf8"))["rules"]]


def variation(response: str, language: str) -> dict[str, Any]:
    """Return the one variation of the response for the language; AssertionError when there is none or more than one."""
    assert response in domain()["responses"], f"domain.yml has no response {response}"
    condition = [{"type": "slot", "name": "language", "value": language}]
    found = [one for one in domain()["responses"][response] if one.get("condition") == condition]
    assert len(found) == 1, f"{response} has {len(found)} variations for {language}"
    return dict(found[0])


def fill(text: str, values: dict[str, Any]) -> str:
    """Fill placeholders in; AssertionError for one that has no value."""
    missing = [name for name in _PLACEHOLDER.findall(text) if values.get(name) is None]
    assert not missing, f"nothing fills {missing} in {text!r}"
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), text)


def intents() -> list[str]:
    return list(domain()["intents"])
