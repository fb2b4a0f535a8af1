"""Who may take what, and who is asked first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.escalations.staff import Colleague, by_least_loaded, by_longest_idle, lanes_of, may_take, takers

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def colleague(
    name: str, *skills: str, presence: str = "online", load: int = 0, capacity: int = 4, idle_min: int | None = None
) -> Colleague:
    claimed = None if idle_min is None else NOON - timedelta(minutes=idle_min)
    return Colleague(name, frozenset(skills or {"orders_zh"}), presence, capacity, load, claimed)


def names(staff: list[Colleague]) -> list[str]:
    return [one.agent_id for one in staff]


def test_who_serves_a_skill_takes_it_and_others_only_when_nobody_does() -> None:
    serves, near, far = colleague("serves"), colleague("near", "shipping_zh"), colleague("far", "orders_en")

    assert names(takers([near, serves, far], "orders_zh")) == ["serves"]
    assert names(takers([near, far], "orders_zh")) == ["near"]
    assert takers([far, colleague("away", presence="away")], "orders_zh") == []


@pytest.mark.parametrize(("presence", "limited"), [("online", True), ("away", True), ("finishing", False), ("off", False)])
def test_what_somebody_on_shift_serves_widens_only_with_time(presence: str, limited: bool) -> None:
    lanes = {lane.skill: lane for lane in lanes_of(["shipping_zh"], [colleague("serves", presence=presence)])}

    assert lanes["shipping_zh"].upto is None
    assert (lanes["orders_zh"].upto is not None) == limited
    assert "payments_zh" not in lanes


def test_the_longest_idle_comes_first_and_who_is_full_not_at_all() -> None:
    staff = [colleague("busy", idle_min=1), colleague("idle", idle_min=30), colleague("new"), colleague("full", load=4, idle_min=90)]

    assert names(by_longest_idle(staff)) == ["new", "idle", "busy"]


def test_the_least_loaded_comes_first_by_share_of_capacity() -> None:
    staff = [colleague("half", load=2), colleague("third", load=3, capacity=9), colleague("away", presence="away")]

    assert names(by_least_loaded(staff)) == ["third", "half"]


def test_a_colleague_without_room_or_language_may_not_take_it() -> None:
    assert may_take(colleague("other topic", "account_zh"), "orders_zh")
    assert not may_take(colleague("other language", "orders_en"), "orders_zh")
    assert not may_take(colleague("full", load=4), "orders_zh")
    assert not may_take(colleague("finishing", presence="finishing"), "orders_zh")
