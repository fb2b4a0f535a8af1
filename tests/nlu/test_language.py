"""The language of each message, in the parse."""

from __future__ import annotations

import pytest
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.language import LanguageDetector


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我要退货", "zh"),
        ("where is my order", "en"),
        ("我的 order 还没 ship", "mixed"),
        ("A20261029-0042", "other"),
        ("👍", "other"),
        ("wo yao tuihuo", "zh"),
        ("zenme hai mei dao", "zh"),
        ("tuihuo", "en"),
        ("hahaha", "en"),
        ("are you a machine", "en"),
        ("see you, take care", "en"),
        ("ni hao, where is my order", "en"),
        ("", "other"),
    ],
)
def test_each_message_gets_its_language(text: str, language: str) -> None:
    message = LanguageDetector().process([Message({TEXT: text})])[0]

    assert message.as_dict(only_output_properties=True)["language"] == language
