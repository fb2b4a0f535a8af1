"""The queue as a web process sees it."""

from __future__ import annotations

import pytest

from bot.web.board import QUEUE_EVERY_S, RARELY_S, pause_s


@pytest.mark.parametrize(
    ("took_s", "pause"),
    [
        pytest.param(0.002, QUEUE_EVERY_S, id="as often as allowed"),
        pytest.param(0.1, 1.0, id="a tenth of the time"),
        pytest.param(20.0, RARELY_S, id="it waited for a Redis that stood still"),
    ],
)
def test_looks_are_rare_where_they_are_long_and_never_far_apart(took_s: float, pause: float) -> None:
    assert pause_s(took_s) == pytest.approx(pause)
