"""The FAQ: found by intent or by likeness, edited while it runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from bot.encoder import shared_encoder
from bot.encoders import Vectors
from bot.errors import SettingError
from bot.faq import FOLDER, THRESHOLD, Faq, read_entries
from bot.languages import LANGUAGES
from tests.actions.conftest import BigramEncoder

TWO = """
- {id: hours, intent: opening_hours, questions: [when are you open, opening times], answer: "From nine to nine.\\n"}
- {id: holidays, intent: opening_hours, questions: [are you open at Christmas, public holidays], answer: Every day of the year.}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "en").mkdir()
    write(tmp_path, TWO, at=1)
    return tmp_path


def write(folder: Path, text: str, *, at: int) -> None:
    path = folder / "en" / "general.yml"
    path.write_text(text, encoding="utf8")
    os.utime(path, ns=(at, at))


def test_an_intent_with_several_entries_gets_the_one_that_was_asked_for(folder: Path) -> None:
    faq = Faq(folder, BigramEncoder())

    found = [faq.about("opening_hours", text, "en") for text in ("", "when are you open today", "open on public holidays?")]

    assert [entry.answer if entry else "" for entry in found] == ["From nine to nine."] * 2 + ["Every day of the year."]
    assert faq.about("shipping_cost", "", "en") is None


def test_a_text_is_found_by_likeness_above_the_threshold_only(folder: Path) -> None:
    faq = Faq(folder, BigramEncoder())

    found = faq.search("when are you open?", "en")

    assert found is not None
    assert found.entry.id == "hours"
    assert faq.search("my cat is green", "en") is None
    assert faq.search("when are you open?", "zh") is None


def test_an_encoder_to_which_all_is_alike_gets_a_threshold_of_its_own(folder: Path) -> None:
    class Narrow(BigramEncoder):
        """Like E5: a large part of every vector is the same."""

        def encode_one(self, text: str) -> Vectors:
            return np.append(super().encode_one(text), np.float32(2)) / np.float32(5**0.5)

    loose, fitting = Faq(folder, Narrow()), Faq(folder, Narrow(), threshold=None)

    assert loose.search("my cat is green", "en") is not None
    assert fitting.search("my cat is green", "en") is None
    assert fitting.search("when are you open?", "en") is not None
    assert fitting.search("when are you open?", "zh") is None


def test_an_edited_file_is_seen_at_the_next_question(folder: Path) -> None:
    faq = Faq(folder, BigramEncoder())
    faq.about("opening_hours", "", "en")

    write(folder, TWO.replace("nine to nine", "ten to six"), at=2)

    entry = faq.about("opening_hours", "", "en")
    assert entry is not None
    assert entry.answer == "From ten to six."


def test_a_mistake_while_editing_leaves_the_answers_as_they_were(folder: Path) -> None:
    faq = Faq(folder, BigramEncoder())
    faq.about("opening_hours", "", "en")

    write(folder, "- {id: hours", at=3)

    assert faq.about("opening_hours", "", "en") is not None
    with pytest.raises(SettingError, match=r"general\.yml"):
        Faq(folder, BigramEncoder()).about("opening_hours", "", "en")


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_threshold_lets_ways_of_asking_in_and_foreign_messages_out(language: str) -> None:
    encoder = shared_encoder()
    questions = [
        question for path in sorted((FOLDER / language).glob("*.yml")) for entry in read_entries(path) for question in entry.questions
    ]
    general = yaml.safe_load((FOLDER.parent / f"nlu/{language}/general.yml").read_text(encoding="utf8"))["nlu"]
    examples = next(block["examples"] for block in general if block.get("intent") == "out_of_scope")
    foreign = [re.sub(r"\[([^]]+)]\([^)]+\)", r"\1", line[2:]) for line in examples.splitlines()]

    vectors = encoder.encode(questions)
    left_out = vectors @ vectors.T - 2 * np.eye(len(questions))

    assert np.mean(left_out.max(axis=1) >= THRESHOLD) >= 0.55
    assert np.mean((encoder.encode(foreign) @ vectors.T).max(axis=1) >= THRESHOLD) <= 0.06
