"""The product's model on messages that were written apart from its examples, by someone who had only domain.yml's definitions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.nlu.quality.measures import macro_f1

ROOT = Path(__file__).parents[2]
FALLBACK = "nlu_fallback"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def messages() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / "tests/nlu/data/messages.yml").read_text(encoding="utf8"))
    return found


@pytest.fixture(scope="module")
def parses(trained_model: Path, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    command = [sys.executable, "-W", "ignore", "-m", "bot.dialogue.parse_texts", str(trained_model)]
    lines = "".join(json.dumps(message["text"]) + "\n" for message in messages)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, cwd=ROOT, check=True)
    return [json.loads(line)["parse"] for line in done.stdout.splitlines()[:-1]]


def best(parse: dict[str, Any]) -> str:
    return next(str(one["name"]) for one in parse["intent_ranking"] if one["name"] != FALLBACK)


def test_the_intents_are_understood(messages: list[dict[str, Any]], parses: list[dict[str, Any]]) -> None:
    """The likeliest intent; a refusal counts as wrong for what is ours."""
    said = [FALLBACK if parse["intent"]["name"] == FALLBACK and message["intent"] != "out_of_scope" else best(parse)
            for message, parse in zip(messages, parses, strict=True)]  # fmt: skip
    wanted = [message["intent"] for message in messages]

    def accuracy(chosen: Callable[[dict[str, Any]], bool]) -> float:
        pairs = [(one, other) for message, one, other in zip(messages, wanted, said, strict=True) if chosen(message)]
        return sum(one == other for one, other in pairs) / len(pairs)

    assert len(messages) >= 400
    assert accuracy(lambda message: True) >= 0.92
    assert macro_f1(wanted, said) >= 0.92
    chinese = accuracy(lambda message: message["language"] == "zh")
    assert chinese >= 0.92
    assert accuracy(lambda message: message["language"] == "en") >= 0.92
    assert accuracy(lambda message: message["language"] == "mixed") >= chinese - 0.03


def test_entities_are_found_at_their_places(messages: list[dict[str, Any]], parses: list[dict[str, Any]]) -> None:
    hits = wrong = 0
    for message, parse in zip(messages, parses, strict=True):
        text, places = message["text"], message.get("entities") or []
        wanted = {(one["entity"], text.find(one["text"]), text.find(one["text"]) + len(one["text"])) for one in places}
        found = {(one["entity"], one["start"], one["end"]) for one in parse["entities"]}
        hits += len(wanted & found)
        wrong += len(wanted ^ found)

    assert 2 * hits / (2 * hits + wrong) >= 0.95


def test_the_language_is_told(messages: list[dict[str, Any]], parses: list[dict[str, Any]]) -> None:
    right = [parse["language"] == message["language"] for message, parse in zip(messages, parses, strict=True)]

    assert sum(right) / len(right) >= 0.85
