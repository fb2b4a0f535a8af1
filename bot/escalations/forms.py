"""What may stand in routing.yml, times.yml and hours.yml."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from bot.languages import LANGUAGES
from bot.messages import HandoffReason

Level = Annotated[int, Meta(ge=0, le=3)]
Minutes = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(gt=0, le=1)]


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that is missing or that nobody reads is refused: a company that wrote it meant something."""


class ExpectedLoss(Form, frozen=True):
    raises: Level
    from_: dict[str, Annotated[float, Meta(ge=0)]] = msgspec.field(name="from")


class VeryNegative(Form, frozen=True):
    below: Annotated[float, Meta(ge=-1, le=1)]
    raises: Level


class Widens(Form, frozen=True):
    after_minutes: Minutes
    topics: dict[str, list[str]]
    languages: dict[str, list[str]]


class SameAgent(Form, frozen=True):
    first_for_s: Annotated[float, Meta(ge=0)]
    within_days: Annotated[float, Meta(ge=0)]


class Routing(Form, frozen=True):
    reason: dict[HandoffReason, Level]
    expected_loss: ExpectedLoss
    membership_tier: dict[str, Level]
    very_negative: VeryNegative
    ageing_minutes: Minutes
    topics: list[str]
    widens: Widens
    same_agent: SameAgent

    def __post_init__(self) -> None:
        if missing := [reason.value for reason in HandoffReason if reason not in self.reason]:
            raise ValueError(f"reason lacks {', '.join(missing)}")
        if "general" not in self.topics:
            raise ValueError("topics lacks general, which serves what no other topic names")
        named = {*self.widens.topics, *(topic for others in self.widens.topics.values() for topic in others)}
        if unknown := sorted(named - set(self.topics)):
            raise ValueError(f"widens.topics names {', '.join(unknown)}; allowed are the topics {', '.join(self.topics)}")
        spoken = {*self.widens.languages, *(one for others in self.widens.languages.values() for one in others)}
        if unknown := sorted(spoken - set(LANGUAGES)):
            raise ValueError(f"widens.languages names {', '.join(unknown)}; allowed are {', '.join(LANGUAGES)}")


class FirstReply(Form, frozen=True):
    within: Minutes
    not_again_for: Minutes
    returns: Count


class Silence(Form, frozen=True):
    remind: Minutes | None
    close: Minutes


class Partners(Form, frozen=True):
    bot: Silence
    agent: Silence


class FollowUp(Form, frozen=True):
    within: Minutes


class Outreach(Form, frozen=True):
    answered_within: Minutes


class Queue(Form, frozen=True):
    limit: Count
    longest_wait: Minutes


class Promise(Form, frozen=True):
    first_response: Minutes
    next_response: Minutes
    resolution: Minutes


class Sla(Form, frozen=True):
    warn_at: Share
    low: Promise
    normal: Promise
    high: Promise
    urgent: Promise


class Times(Form, frozen=True):
    first_reply: FirstReply
    idle: dict[str, Partners]
    follow_up: FollowUp
    outreach: Outreach
    queue: Queue
    sla: Sla

    def __post_init__(self) -> None:
        if "other" not in self.idle:
            raise ValueError("idle lacks other, which is for every channel that is not named")


class Weekly(Form, frozen=True):
    mon: list[str] = []
    tue: list[str] = []
    wed: list[str] = []
    thu: list[str] = []
    fri: list[str] = []
    sat: list[str] = []
    sun: list[str] = []


class OpeningHours(Form, frozen=True):
    weekly: Weekly
    days: dict[date, list[str]] | None = None
