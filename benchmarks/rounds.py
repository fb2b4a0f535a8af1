"""One round: a bot is started, spoken to by one sender and by eight, looked at, and ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bots import Bot
from benchmarks.conversations import Conversation
from benchmarks.load import Pass, new_session, parses_per_s, rightly_understood, say_all
from benchmarks.measure import Use, percentile, use_of
from benchmarks.service import Running

MANY = 8
FIRST_ANSWER_WITHIN_S = 600.0  # stock Rasa accepts connections while it builds its TensorFlow graphs, which takes minutes on a busy machine
FAILURE = "failed in conversation"  # what the action server logs for an action that raised


@dataclass(frozen=True)
class Script:
    """What is said in a round: the first words at the start, a pass to warm up, one for one sender, one for eight."""

    first: Conversation
    warm: Sequence[Conversation]
    one: Sequence[Conversation]
    many: Sequence[Conversation]


@dataclass(frozen=True)
class Checked:
    """What the answers were worth, over both passes. `right` is by the language that the messages are written in."""

    messages: int
    not_ok: int
    empty: int
    failed_actions: int
    right: dict[str, float]


@dataclass(frozen=True)
class Round:
    start_s: float
    turns_per_s_1: float
    turns_per_s_8: float
    parses_per_s: float
    p50_ms: float
    p95_ms: float
    cpu_ms_per_turn: float
    bot: Use
    actions: Use
    checked: Checked


async def run_round(bot: Bot, process: Running, actions: Running, script: Script) -> Round:
    """Speak to a bot whose process has just been started."""
    start_s = await _first_answer(bot, process, script.first)
    await say_all(bot, script.warm, senders=2)
    before = _cpu_s(process, actions)
    one = await say_all(bot, script.one, senders=1)
    many = await say_all(bot, script.many, senders=MANY)
    spent_s = _cpu_s(process, actions) - before
    bot_use, actions_use = use_of(process.process.pid), use_of(actions.process.pid)
    heard = await rightly_understood(bot, [*script.one, *script.many])
    return Round(
        start_s=start_s,
        turns_per_s_1=one.turns_per_s,
        turns_per_s_8=many.turns_per_s,
        parses_per_s=await parses_per_s(bot, script.one),
        p50_ms=percentile(one.seconds, 0.5) * 1000,
        p95_ms=percentile(one.seconds, 0.95) * 1000,
        cpu_ms_per_turn=spent_s * 1000 / len(one.answers + many.answers),
        bot=bot_use,
        actions=actions_use,
        checked=_check([one, many], heard, actions.log),
    )


async def _first_answer(bot: Bot, process: Running, conversation: Conversation) -> float:
    """Return the seconds from the start of the process until its first answer; TimeoutError when it only listens."""
    await asyncio.to_thread(process.wait_until_listening)
    async with new_session(FIRST_ANSWER_WITHIN_S) as session, asyncio.timeout(FIRST_ANSWER_WITHIN_S):
        while True:
            answer = await bot.say(session, conversation, conversation.lines[0])
            if answer.status == 200 and answer.replies:
                return time.monotonic() - process.started_at
            await asyncio.sleep(0.1)


def _cpu_s(*processes: Running) -> float:
    return sum(use_of(running.process.pid).cpu_s for running in processes)


def _check(passes: Sequence[Pass], heard: Sequence[tuple[str, bool]], actions_log: Path) -> Checked:
    answers = [answer for one in passes for answer in one.answers]
    log = actions_log.read_text(encoding="utf8", errors="replace")
    return Checked(
        messages=len(answers),
        not_ok=sum(answer.status != 200 for answer in answers),
        empty=sum(answer.status == 200 and not answer.replies for answer in answers),
        failed_actions=log.count(FAILURE),
        right=dict(_shares(heard)),
    )


def _shares(heard: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, float]]:
    yield "all", sum(right for _, right in heard) / len(heard)
    for language in ("zh", "en", "mixed"):
        rights = [right for written_in, right in heard if written_in == language]
        if rights:
            yield language, sum(rights) / len(rights)
