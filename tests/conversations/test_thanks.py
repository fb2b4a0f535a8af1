"""What is a bare thank-you, and what says more."""

from __future__ import annotations

import pytest

from bot.conversations.thanks import is_thanks


@pytest.mark.parametrize(
    "text",
    [
        "谢谢",
        "好的，谢谢！",
        "谢谢您~辛苦了",
        "非常感谢👍🏻",
        "嗯嗯 谢谢啦，再见",
        "👍",
        "🙏🙏",
        "Thanks!",
        "OK, thank you so much :)",
        "great, thx",
        "THANK YOU",
        "3Q",
    ],
)
def test_a_bare_thank_you(text: str) -> None:
    assert is_thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "好的",
        "ok",
        "no",
        "谢谢，还有一个问题",
        "谢谢，订单还没到",
        "thanks but it is still broken",
        "no thanks to you, refund me",
        "?",
        "谢谢" * 60,
        "5",
    ],
)
def test_more_or_less_than_a_thank_you(text: str) -> None:
    assert not is_thanks(text)
