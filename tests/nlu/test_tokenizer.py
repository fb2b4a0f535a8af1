"""Tokens and their places: text as typed, no blanks, codes whole."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from rasa.engine.graph import ExecutionContext
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.normalize import MAX_CHARACTERS, fold
from bot.nlu.tokenizer import BilingualTokenizer

TABLE = {
    "chinese": ("我要退货", ["我要", "退货"]),
    "chinese_words_of_the_user_dictionary": ("运费险怎么退换货", ["运费险", "怎么", "退换货"]),
    "english": ("Where is my order?", ["Where", "is", "my", "order", "?"]),
    "english_contraction": ("it doesn't work", ["it", "does", "n't", "work"]),
    "mixed": ("我的 order 还没ship呢", ["我", "的", "order", "还", "没", "ship", "呢"]),
    "mixed_the_other_way": ("can you 帮我 check", ["can", "you", "帮", "我", "check"]),
    "order_number": ("order #A20261029-0042?", ["order", "#", "A20261029-0042", "?"]),
    "order_number_in_chinese": ("订单A20261029-0042到哪了", ["订单", "A20261029-0042", "到", "哪", "了"]),
    "tracking_number": ("查SF1234567890123", ["查", "SF1234567890123"]),
    "url": ("看https://x.com/a?b=1。谢谢", ["看", "https://x.com/a?b=1", "。", "谢谢"]),
    "email": ("mail li.lei+1@mail.example.com, please", ["mail", "li.lei+1@mail.example.com", ",", "please"]),
    "phone": ("电话+86 138-0013-8000吧", ["电话", "+86 138-0013-8000", "吧"]),
    "numbers": ("¥1,299.00 退20%", ["¥", "1,299.00", "退", "20%"]),
    "date_and_time": ("2026-11-20 12:30", ["2026-11-20", "12:30"]),
    "emoji": ("太慢了😡😡!!", ["太慢", "了", "😡", "😡", "!", "!"]),
    "emoji_of_several_code_points": ("👨‍👩‍👧好👍🏽❤️🇨🇳", ["👨‍👩‍👧", "好", "👍🏽", "❤️", "🇨🇳"]),
    "full_width": ("ＳＦ１２３４５６７８９０１２３到哪了", ["ＳＦ１２３４５６７８９０１２３", "到", "哪", "了"]),
    "traditional": ("我要退換貨", ["我要", "退換貨"]),
    "length_changing_forms": ("㎏ﬁne①", ["㎏ﬁne①"]),
    "decomposed_accent": ("cafe\u0301 ok", ["cafe\u0301", "ok"]),
    "invisible_characters": ("\u200b你好\ufeff吗", ["你好", "吗"]),
    "rare_han_outside_of_the_basic_plane": ("𠮷野家 ok", ["𠮷", "野家", "ok"]),
    "brackets_and_colons": (
        "(see https://x.com/a), mail:li@x.com #SKU-12)",
        ["(", "see", "https://x.com/a", ")", ",", "mail", ":", "li@x.com", "#", "SKU-12", ")"],
    ),
    "only_blanks": (" \t\n ", []),
}


@pytest.fixture(scope="module")
def tokenizer() -> BilingualTokenizer:
    config = BilingualTokenizer.get_default_config() | {"user_dictionary": "nlu_data/jieba/userdict.txt"}
    nothing = cast(Any, None)
    return BilingualTokenizer.create(config, cast(ModelStorage, nothing), Resource("tokenizer"), cast(ExecutionContext, nothing))


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE.keys())
def test_tokens_are_parts_of_the_text_as_typed(tokenizer: BilingualTokenizer, text: str, expected: list[str]) -> None:
    tokens = tokenizer.tokenize(Message({TEXT: text}), TEXT)

    assert [token.text for token in tokens] == expected
    assert [text[token.start : token.end] for token in tokens] == expected


def test_features_are_made_of_the_folded_form(tokenizer: BilingualTokenizer) -> None:
    tokens = tokenizer.tokenize(Message({TEXT: "ＯＲＤＥＲ 退換貨"}), TEXT)

    assert [token.lemma for token in tokens] == ["order", "退换货"]


def test_a_book_is_cut_with_a_note(tokenizer: BilingualTokenizer) -> None:
    message = Message({TEXT: "退货" * 50_000})

    tokens = tokenizer.process([message])[0].get("text_tokens")

    assert tokens[-1].end <= MAX_CHARACTERS
    assert message.as_dict(only_output_properties=True)["cut"] is True


@pytest.mark.parametrize("text", ["('" * 1000, "a-" * 1000, "一" * 2000, "@" * 2000, "(" * 50_000])
def test_signs_without_a_blank_do_not_stall(tokenizer: BilingualTokenizer, text: str) -> None:
    began = time.process_time()

    tokenizer.tokenize(Message({TEXT: text}), TEXT)

    assert time.process_time() - began < 1


@pytest.mark.parametrize("text", ["我的order", "ｆｕｌｌ　width", "①㎏ﬁ x", "e\u0301\u200b退換", ""])
def test_every_folded_character_knows_where_it_came_from(text: str) -> None:
    folded = fold(text)

    places = [folded.original(index, index + 1) for index in range(len(folded.text))]

    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)
