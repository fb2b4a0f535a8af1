"""Pinyin is Chinese, English is not pinyin, and two syllables are too little to tell."""

from __future__ import annotations

import pytest
from pypinyin import lazy_pinyin

from bot.languages import LANGUAGES, reply_language
from bot.nlu.quality.examples import read_examples
from bot.pinyin import SYLLABLES, is_pinyin, syllables
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("tuihuo", ("tui", "huo")),
        ("zhuanzhang", ("zhuan", "zhang")),
        ("nvzhuang", ("nv", "zhuang")),
        ("xian", ("xian",)),
        ("order", ()),
        ("", ()),
        ("tuihuox", ()),
        ("ma" * 101, ()),
    ],
)
def test_a_word_falls_into_the_fewest_syllables(word: str, parts: tuple[str, ...]) -> None:
    assert syllables(word) == parts


@pytest.mark.parametrize(("text", "previous", "expected"), [
    ("wo yao tuihuo", "en", "zh"),
    ("Wo Yao Tui Huo!", "en", "zh"),
    ("tuihuo", "zh", "zh"),
    ("tuihuo", "en", "en"),
    ("Shanghai", "zh", "zh"),
    ("Shanghai", "en", "en"),
    ("where is my order", "zh", "en"),
    ("can you dance", "zh", "en"),
    ("我要退货", "en", "zh"),
])  # fmt: skip
def test_who_writes_pinyin_is_answered_in_chinese(text: str, previous: str, expected: str) -> None:
    assert reply_language(text, previous) == expected


def test_no_english_example_is_taken_for_pinyin_and_what_chinese_write_is() -> None:
    examples = [one for one in read_examples(ROOT).examples if not one.entities]
    english, chinese = ([one.text for one in examples if one.language == language] for language in ("en", "zh"))
    spelled = [" ".join(lazy_pinyin(text)) for text in chinese[:2000] if len(text) > 3 and all("一" <= sign <= "鿿" for sign in text)]

    assert set(LANGUAGES) == {"zh", "en"}
    assert [text for text in english if is_pinyin(text)] == []
    assert sum(map(is_pinyin, spelled)) > 0.98 * len(spelled) > 0


def test_all_syllables_of_the_dictionary_are_known() -> None:
    common = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民"

    assert {one for one in lazy_pinyin(common)} <= SYLLABLES
