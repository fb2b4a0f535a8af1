"""Ownership and queue against a simple model, in any order of deeds, on a real Redis and a real database."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, strategies
from hypothesis import settings as effort
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule, run_state_machine_as_test

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.service import ConversationService
from bot.conversations.services import open_services
from bot.conversations.transfer import Wish, transfer
from bot.database import sync_engine
from bot.database.conversations import conversations, messages, transitions
from bot.database.escalations import escalations
from bot.database.tables import metadata
from bot.errors import CapacityError, ConflictError, ForbiddenError, NotFoundError
from bot.escalations.queue import GENERATION
from bot.messages import HandOff, HandoffReason, Status, Turn, TurnRequest
from bot.settings import Settings
from bot.worker import Worker
from tests.conversations.conftest import make_agent, say
from tests.fakes import FakeRasa

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

NAMES = ("ann", "bo", "cy")
CAPACITY = 2
REFUSED = (ConflictError, NotFoundError, ForbiddenError, CapacityError)


def hands_off(request: TurnRequest) -> Turn:
    """A complaint is of high priority, everything else of normal."""
    reason = HandoffReason.COMPLAINT if "complain" in request.text else HandoffReason.CUSTOMER_REQUEST
    return Turn(message_id=request.message_id, hand_off=HandOff(reason=reason))


class Desk(RuleBasedStateMachine):
    """The model: who owns each conversation (an agent, "" the queue, None nobody any more), and who is at a desk."""

    given: Settings

    talks = Bundle("talks")
    agent = strategies.sampled_from(NAMES)

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.owner: dict[str, str | None] = {}
        self.epochs: dict[str, int] = {}
        self.there = set(NAMES)
        self.visitors = itertools.count()
        self.run(self._open())

    def run(self, doing: Any) -> Any:
        return self.runner.run(doing)

    async def _open(self) -> None:
        engine = sync_engine(self.given.database_url)
        with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
        engine.dispose()
        self.opened = open_services(self.given, rasa=FakeRasa(hands_off))  # type: ignore[arg-type]
        self.services = await self.opened.__aenter__()
        await self.services.redis.flushall()
        self.service, self.assignment = ConversationService(self.services), Assignment(self.services)
        self.worker = Worker(self.services)
        async with self.services.database.write() as connection:
            await store.open_inbox(connection, "website", channel="website", name="Website")
        self.rows = {name: await make_agent(self.services, name, capacity=CAPACITY) for name in NAMES}
        self.names = {row.id: name for name, row in self.rows.items()}

    def teardown(self) -> None:
        self.run(self.service.turns.stop())
        self.run(self.opened.__aexit__(None, None, None))
        self.runner.close()

    def room(self, name: str) -> int:
        return CAPACITY - sum(owner == name for owner in self.owner.values())

    # ---- deeds

    @rule(target=talks, words=strategies.lists(strategies.sampled_from(["help", "I complain"]), min_size=1, max_size=4))
    def customers_ask(self, words: list[str]) -> Any:
        asked = [self.run(say(self.service, word, visitor=f"v{next(self.visitors)}")).conversation_id for word in words]
        self.owner.update(dict.fromkeys(asked, ""))
        return multiple(*asked)

    @rule(talk=talks)
    def a_customer_writes_on(self, talk: str) -> None:
        if self.owner[talk] is not None:
            visitor = self.run(self._visitor(talk))
            assert self.run(say(self.service, "and another thing", visitor=visitor)).conversation_id == talk

    @rule(name=agent)
    def claims(self, name: str) -> None:
        waiting = self.run(self._waiting())
        try:
            talk = self.run(self.assignment.claim(self.rows[name]))
        except NotFoundError:
            assert not waiting
        except CapacityError:
            assert self.room(name) == 0
        else:
            assert self.room(name) > 0
            assert talk == waiting[0], "the first in the queue is served first"
            self.owner[talk] = name

    @rule()
    def all_claim_at_once(self) -> None:
        async def race() -> list[Any]:
            return await asyncio.gather(*(self.assignment.claim(row) for row in self.rows.values()), return_exceptions=True)

        for name, won in zip(self.rows, self.run(race()), strict=True):
            if isinstance(won, str):
                assert self.owner[won] == "", "nobody is served by two"
                self.owner[won] = name
            else:
                assert isinstance(won, NotFoundError | CapacityError), won

    @rule(talk=talks, name=agent)
    def replies(self, talk: str, name: str) -> None:
        reply = self.service.reply_as_agent(self.rows[name].id, talk, client_id=f"r{next(self.visitors)}", text="hello")
        assert self._done(reply) == (self.owner[talk] == name)

    @rule(talk=talks, name=agent)
    def resolves(self, talk: str, name: str) -> None:
        mine = self.owner[talk] == name
        assert self._done(self.service.resolve(self.rows[name].id, talk)) == mine
        if mine:
            self.owner[talk] = None

    @rule(talk=talks, name=agent)
    def returns_it_to_the_bot_which_hands_off_again(self, talk: str, name: str) -> None:
        actor = {"actor": f"agent:{name}", "expected": Status.AGENT, "agent_id": self.rows[name].id}
        mine = self.owner[talk] == name
        assert self._done(self.service.return_to_bot(talk, **actor)) == mine
        if mine:
            visitor = self.run(self._visitor(talk))
            self.run(say(self.service, "help again", visitor=visitor))
            self.owner[talk] = ""

    @rule(talk=talks, name=agent, to=agent)
    def passes_on(self, talk: str, name: str, to: str) -> None:
        may = self.owner[talk] == name and to != name and to in self.there and self.room(to) > 0
        wish = Wish(agent_id=self.rows[to].id, note="please")
        assert self._done(transfer(self.services, self.assignment, self.rows[name], talk, wish)) == may
        if may:
            self.owner[talk] = to

    @rule(name=agent)
    def is_gone(self, name: str) -> None:
        self.there.discard(name)
        self.run(self.services.presence.leave(self.rows[name].id))
        self.run(self.services.redis.set(GENERATION, 1))
        self.run(self.worker.keep_the_queue())
        self.owner = {talk: "" if owner and owner not in self.there else owner for talk, owner in self.owner.items()}

    @rule(name=agent)
    def is_back(self, name: str) -> None:
        self.there.add(name)
        self.run(self.services.presence.beat(self.rows[name].id))

    @rule(chore=strategies.booleans())
    def redis_is_wiped(self, chore: bool) -> None:
        """Those who are there beat again; the chore may come before or after the next claim."""
        self.run(self.services.redis.flushall())
        for name in self.there:
            self.run(self.services.presence.beat(self.rows[name].id))
        if chore:
            self.run(self.worker.keep_the_queue())

    # ---- what holds always

    @invariant()
    def sql_says_what_the_model_says(self) -> None:
        assert self.run(self._owners()) == self.owner

    @invariant()
    def nobody_has_more_than_they_can(self) -> None:
        assert all(self.room(name) >= 0 for name in NAMES)

    @invariant()
    def epochs_only_grow_and_places_have_no_gaps(self) -> None:
        for talk, (epoch, changes, last, said) in self.run(self._shape()).items():
            assert epoch >= self.epochs.get(talk, 0)
            assert epoch == changes, "every change of owner is on record"
            assert last == said
            self.epochs[talk] = epoch

    @precondition(lambda self: bool(self.owner))
    @invariant()
    def the_open_escalation_agrees(self) -> None:
        open_ones = self.run(self._escalations())
        assert open_ones == {talk: "claimed" if owner else "waiting" for talk, owner in self.owner.items() if owner is not None}

    # ---- looking

    def _done(self, deed: Any) -> bool:
        with suppress(*REFUSED):
            self.run(deed)
            return True
        return False

    async def _rows(self, query: sa.Select[Any]) -> list[Any]:
        async with self.services.database.read() as connection:
            return list((await connection.execute(query)).all())

    async def _waiting(self) -> list[str]:
        query = sa.select(escalations.c.conversation_id).where(escalations.c.status == "waiting").order_by(escalations.c.place_at)
        return [row.conversation_id for row in await self._rows(query)]

    async def _owners(self) -> dict[str, str | None]:
        rows = await self._rows(sa.select(conversations))
        shown = {Status.WAITING: "", Status.RESOLVED: None}
        return {row.id: self.names[row.agent_id] if row.status == Status.AGENT else shown[Status(row.status)] for row in rows}

    async def _shape(self) -> dict[str, tuple[int, int, int, int]]:
        def count(table: sa.Table) -> Any:
            return sa.select(sa.func.count()).where(table.c.conversation_id == conversations.c.id).scalar_subquery()

        query = sa.select(conversations.c.id, conversations.c.epoch, count(transitions), conversations.c.last_seq, count(messages))
        return {row[0]: tuple(row[1:]) for row in await self._rows(query)}

    async def _escalations(self) -> dict[str, str]:
        query = sa.select(escalations.c.conversation_id, escalations.c.status).where(escalations.c.status.in_(["waiting", "claimed"]))
        return {row.conversation_id: row.status for row in await self._rows(query)}

    async def _visitor(self, talk: str) -> str:
        from_thread = sa.text("SELECT channel_user FROM threads JOIN conversations ON thread_id = threads.id WHERE conversations.id = :id")
        async with self.services.database.read() as connection:
            return str((await connection.execute(from_thread, {"id": talk})).scalar_one())


def test_ownership_and_queue_agree_with_a_simple_model(settings: Settings) -> None:
    machine = type("Desk", (Desk,), {"given": settings})
    # Without shrinking: an example takes a second, so that the shortest failure would take longer than the whole suite.
    own = effort(max_examples=15, stateful_step_count=40, deadline=None, database=None, phases=[Phase.generate], print_blob=True)
    own = effort(own, suppress_health_check=list(HealthCheck))

    run_state_machine_as_test(machine, settings=own)
