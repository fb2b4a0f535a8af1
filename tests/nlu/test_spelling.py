"""What is written by sound is read as it is meant; what is written rightly stays."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.language import LanguageDetector
from bot.nlu.sounds import SoundReader, Vocabulary, Word, changed
from bot.nlu.spelling import SpellingCorrector, meant_text, meant_words
from bot.nlu.tokenizer import BilingualTokenizer

NOTHING = cast(Any, None)
EXAMPLES = (
    *("我要退货", "怎么退货", "退货要多久", "帮我查一下物流", "物流到哪了", "转人工客服", "人工客服在吗", "人工在吗"),
    *(
        "优惠券怎么用",
        "我的优惠券",
        "什么时候发货",
        "怎么还不发货",
        "我要开票",
        "怎么开票",
        "银行卡付款",
        "用银行卡",
        "我要退款",
        "怎么退款",
    ),
    *(
        "where is my order",
        "I like this name",
        "make it work",
        "my name is Li",
        "wo yao tuikuan",
        "好久不见",
        "等了好久",
        "现在就要",
        "就是要",
    ),
    *("我就要这个", "就这样", "那就好"),
)


@pytest.fixture(scope="module")
def tokenizer() -> BilingualTokenizer:
    config = BilingualTokenizer.get_default_config() | {"user_dictionary": "nlu_data/jieba/userdict.txt"}
    return BilingualTokenizer.create(config, NOTHING, Resource("tokenizer"), NOTHING)


@pytest.fixture(scope="module")
def corrector(tokenizer: BilingualTokenizer, tmp_path_factory: pytest.TempPathFactory) -> SpellingCorrector:
    storage, resource = LocalModelStorage(tmp_path_factory.mktemp("spelling")), Resource("spelling")
    messages = tokenizer.process([Message({TEXT: text, INTENT: "any"}) for text in EXAMPLES])
    SpellingCorrector.create({}, storage, resource, NOTHING).train(TrainingData(messages))
    return SpellingCorrector.load({}, storage, resource, NOTHING)


def read(tokenizer: BilingualTokenizer, corrector: SpellingCorrector, text: str) -> Message:
    return corrector.process(tokenizer.process([Message({TEXT: text})]))[0]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("我要推货", "我要退货"),
        ("帮我查一下物留", "帮我查一下物流"),
        ("什么时候花货", "什么时候花货"),
        ("壬工客福在吗", "人工客服在吗"),
        ("tuihuo", "退货"),
        ("Zenme tuihuo?", "怎么退货?"),
        ("wo yao tui huo", "我要退货"),
        ("tuihuo 要多久", "退货 要多久"),
        ("yinhangka", "银行卡"),
        ("因行卡", "银行卡"),
        ("我的 order 什么时候发或", "我的 order 什么时候发货"),
        ("退換貨和推貨", "退换货和退货"),
        ("ｔｕｉｈｕｏ", "退货"),
        ("还不发获😡😡", "还不发货😡😡"),
    ],
)
def test_words_of_the_examples_are_found_by_their_sound(
    tokenizer: BilingualTokenizer, corrector: SpellingCorrector, typed: str, meant: str
) -> None:
    message = read(tokenizer, corrector, typed)

    assert meant_text(message) == meant
    assert "".join(meant_words(message)) == meant.lower().replace(" ", "")
    assert message.get(TEXT) == typed
    assert (message.as_dict(only_output_properties=True).get("corrected") or meant) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("我要退货", "你好就好", "发火了", "第七个", "没有的词汇", "", "  ", "😡", "我在武汉"),
        *(
            "where is my order",
            "I like this",
            "make me name it",
            "women can hang on",
            "tuihuo@example.com",
            "https://x.com/tuihuo",
            "SF12tuihuo34",
        ),
        *("a", "he", "tu", "xyz", "tuihuoz", "x" * 5000, "tuihuo" * 400),
    ],
)
def test_what_is_no_word_of_ours_or_rightly_written_stays(tokenizer: BilingualTokenizer, corrector: SpellingCorrector, text: str) -> None:
    message = read(tokenizer, corrector, text)

    assert message.get("corrected") is None
    assert meant_words(message) == [token.lemma for token in message.get("text_tokens")]


def test_no_example_is_read_otherwise_unless_it_is_pinyin(tokenizer: BilingualTokenizer, corrector: SpellingCorrector) -> None:
    assert [text for text in EXAMPLES if read(tokenizer, corrector, text).get("corrected")] == ["wo yao tuikuan"]


def test_pinyin_is_chinese(tokenizer: BilingualTokenizer, corrector: SpellingCorrector) -> None:
    languages = [
        LanguageDetector().process([read(tokenizer, corrector, text)])[0].get("language") for text in ("wo yao tuihuo", "my order")
    ]

    assert languages == ["zh", "en"]


def test_a_component_that_has_learned_nothing_changes_nothing(tokenizer: BilingualTokenizer) -> None:
    message = read(tokenizer, SpellingCorrector.create({}, NOTHING, Resource("none"), NOTHING), "我要推货")

    assert message.get("corrected") is None


def test_the_same_examples_give_the_same_file(tokenizer: BilingualTokenizer, tmp_path: Path) -> None:
    messages = tokenizer.process([Message({TEXT: text, INTENT: "any"}) for text in EXAMPLES])
    written = []
    for order in (messages, messages[::-1]):
        storage, resource = LocalModelStorage(tmp_path), Resource("spelling")
        SpellingCorrector.create({}, storage, resource, NOTHING).train(TrainingData(order))
        with storage.read_from(resource) as folder:
            written.append((folder / "vocabulary.json").read_text(encoding="utf8"))

    assert written[0] == written[1]


def test_a_word_that_is_changed_in_part_keeps_the_rest() -> None:
    vocabulary = Vocabulary.learn(["我要退货"] * 2, [["我", "要", "退货"]] * 2)
    words = [Word(0, 1), Word(1, 4), Word(4, 5)]

    changes = SoundReader(vocabulary).changes("我推货吧了", words)

    assert changed("我推货吧了", words, changes) == ("我退货吧了", ["我", "退货", "吧", "了"])


@given(st.text(alphabet="推退货获物留流人壬工客服福tuihowezngma .,!😡3A", max_size=40))
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_or_doubled_whatever_is_typed(text: str) -> None:
    words = [Word(match.start(), match.end()) for match in re.finditer(r"[a-z]+|[^a-z\s]", text.lower())]
    reader = known_reader()

    changes = reader.changes(text, words)
    meant, after = changed(text, words, changes)

    assert all(one.end <= other.start for one, other in pairwise(changes))
    kept = re.escape(text)
    for change in changes:
        assert "".join(change.words) != text[change.start : change.end].lower()
        kept = kept.replace(re.escape(text[change.start : change.end]), ".*", 1)
    assert re.fullmatch(kept, meant, re.DOTALL)
    assert "".join(after).lower() == "".join(meant.lower().split())
    assert reader.changes(text, words) == changes


@cache
def known_reader() -> SoundReader:
    return SoundReader(Vocabulary.learn(EXAMPLES, [re.findall("退货|物流|人工|客服|[a-z]+|.", text) for text in EXAMPLES]))


def test_two_hundred_letters_of_pinyin_are_read() -> None:
    text = " x ".join(["wo yao tui huo " * 4] * 20)
    words = [Word(match.start(), match.end()) for match in re.finditer("[a-z]+", text)]

    changes = known_reader().changes(text, words)

    assert changes
    assert sum(len(text[change.start : change.end].replace(" ", "")) for change in changes) <= 200
