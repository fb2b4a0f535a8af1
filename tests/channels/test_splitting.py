"""Texts fit the channel's unit, and nothing that belongs together is cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.channels.base import Unit
from bot.channels.splitting import length, split


@pytest.mark.parametrize(
    ("text", "longest", "unit", "parts"),
    [
        ("短", 3, Unit.BYTES, ["短"]),
        ("一二三四", 6, Unit.BYTES, ["一二", "三四"]),
        ("第一句话。第二句话。", 21, Unit.BYTES, ["第一句话。", "第二句话。"]),
        ("one two three four", 9, Unit.CHARACTERS, ["one two", "three", "four"]),
        ("up to 2026-11-22 it is", 12, Unit.CHARACTERS, ["up to", "2026-11-22", "it is"]),
        ("pay 1,299.00 now", 10, Unit.CHARACTERS, ["pay", "1,299.00", "now"]),
        ("see https://shop.example/o/1 now", 24, Unit.CHARACTERS, ["see", "https://shop.example/o/1", "now"]),
        ("ab👩‍👩‍👧‍👦cd", 8, Unit.CHARACTERS, ["ab", "👩‍👩‍👧‍👦c", "d"]),
        ("ab🙂🙂", 4, Unit.UTF16, ["ab🙂", "🙂"]),
        ("   ", 4, Unit.UTF16, []),
    ],
    ids=lambda value: None,
)
def test_a_text_is_cut_where_it_may_be(text: str, longest: int, unit: Unit, parts: list[str]) -> None:
    assert split(text, longest, unit) == parts


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(text=st.text(alphabet="你好ab 1.,\n。🙂é\u200d👩", max_size=300), longest=st.integers(4, 60), unit=st.sampled_from(Unit))
def test_every_part_fits_and_nothing_but_blanks_is_lost(text: str, longest: int, unit: Unit) -> None:
    parts = split(text, longest, unit)

    assert all(0 < length(part, unit) <= longest for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)


@given(numbers=st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_no_number_is_cut(numbers: list[int]) -> None:
    parts = split("订单".join(map(str, numbers)), 40, Unit.BYTES)

    assert [int(number) for part in parts for number in re.findall(r"\d+", part)] == numbers
