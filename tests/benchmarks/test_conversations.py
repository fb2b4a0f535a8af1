from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from benchmarks.conversations import ORDER, Conversation, Line, fill, read_scripts, with_messages
from benchmarks.first_answer import for_visitors
from benchmarks.place import ROOT


def examples() -> set[str]:
    """Return the texts that the bots are trained with, without annotations."""
    found = set()
    for path in (ROOT / "nlu_data" / "nlu").rglob("*.yml"):
        for block in yaml.safe_load(path.read_text(encoding="utf8"))["nlu"]:
            lines = block["examples"].splitlines()
            found |= {_plain(line.removeprefix("- ")) for line in lines}
    return found


def _plain(text: str) -> str:
    return re.sub(r"\[(.*?)\]\(\w+\)", r"\1", text).casefold().strip(" .!?。！？")


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return [line for script in read_scripts() for line in script.lines]


def test_there_are_some_hundred_distinct_messages_in_each_way_of_writing(lines: list[Line]) -> None:
    texts = Counter(line.text for line in lines if line.text != ORDER)
    languages = Counter(line.written_in for line in lines)

    assert max(texts.values()) == 1
    assert len(lines) >= 300
    assert languages["zh"] > 100
    assert languages["en"] > 100
    assert languages["mixed"] > 20


def test_no_message_is_an_example_of_the_training(lines: list[Line]) -> None:
    known = {_plain(line.text) for line in lines} & examples()

    assert known == set()


def test_every_intent_of_the_domain_is_asked_for(lines: list[Line]) -> None:
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf8"))

    assert {intent for line in lines for intent in line.intents} == set(domain["intents"])


def test_a_conversation_is_answered_in_the_language_it_is_in(tmp_path: Path) -> None:
    file = tmp_path / "messages.yml"
    says = [{"greet": "hello, anybody there"}, {"inform": ORDER}, {"return_item|exchange_item": "我想退货"}]
    file.write_text(yaml.safe_dump([{"speaker": "visitor", "language": "zh", "says": says}]), encoding="utf8")

    [script] = read_scripts(file)

    assert [line.language for line in script.lines] == ["en", "en", "zh"]
    assert script.lines[2].intents == {"return_item", "exchange_item"}
    assert not script.identified


def test_as_many_messages_as_wanted_are_taken() -> None:
    scripts = read_scripts()

    assert sum(len(script.lines) for script in with_messages(scripts, 50)) == 50
    with pytest.raises(ValueError, match="100000 are too many"):
        with_messages(scripts, 100_000)


def test_a_script_is_filled_with_the_speakers_order() -> None:
    script = Conversation((Line(f"where is {ORDER}", "en", frozenset({"order_status"})),), identified=True, language="en")

    filled = fill(script, conversation_id="c1", order="A1")

    assert (filled.id, filled.lines[0].text) == ("c1", "where is A1")


def test_visitors_of_a_running_system_ask_for_no_person_and_no_order() -> None:
    asked = [line for script in for_visitors(read_scripts()) for line in script.lines]

    assert len(asked) > 200
    assert not any(ORDER in line.text or line.intents & {"human_handoff", "complaint"} for line in asked)
