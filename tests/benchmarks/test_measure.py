from __future__ import annotations

import os

import pytest

from benchmarks.measure import percentile, use_of


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.95, 95), (1.0, 100), (0.0, 1)], ids=["median", "95th", "largest", "smallest"]
)
def test_a_percentile_is_one_of_the_values(share: float, expected: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_process_takes_at_least_what_python_takes() -> None:
    use = use_of(os.getpid())

    assert use.peak_rss_mb > 10
    assert use.pss_mb > 5
    assert use.cpu_s > 0
