"""The tracker store by itself: a turn is a context, a tracker with new events, and a save."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import yaml
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.conversations.tracker import end_form
from bot.database.conversations import conversations, tracker_events, turns
from bot.dialogue.context import TurnContext, current_turn
from bot.dialogue.tracker_store import SqlTrackerStore
from bot.messages import TurnRequest

# Rasa says so for every domain that has a form.
pytestmark = pytest.mark.filterwarnings("ignore:Slot auto-fill has been removed")

DOMAIN = """
version: "3.1"
intents: [greet]
slots: {order_number: {type: text, mappings: [{type: custom}]}}
forms: {return_form: {required_slots: [order_number]}}
actions: [utter_greet]
responses: {utter_greet: [{text: hello}]}
"""
OLDER = DOMAIN.replace("actions: [utter_greet]", "actions: [utter_greet, action_gone]").replace(
    "slots: {", "slots: {gone: {type: text, mappings: [{type: custom}]}, "
)


@pytest.fixture
def store(database_url: str) -> Iterator[SqlTrackerStore]:
    store = SqlTrackerStore(database_url)
    store.domain = Domain.from_dict(yaml.safe_load(DOMAIN))
    yield store
    store.close()


async def take_turn(store: SqlTrackerStore, conversation: str, message: str, *, epoch: int = 1, events: tuple = ()) -> TurnContext:
    """Do what `Turns` and Rasa's processor do around the store."""
    request = TurnRequest(conversation, message, epoch, "hello", "en")
    recorded = await store.look_up(request)
    context = TurnContext(request, tracker_seq=recorded.tracker_seq)
    current_turn.set(context)
    tracker = await store.get_or_create_tracker(conversation)
    for event in (UserUttered("hello", {"name": "greet", "confidence": 0.9}), *events, ActionExecuted("action_listen")):
        tracker.update(event)
    await store.save(tracker)
    return context


async def loaded(database_url: str, conversation: str, domain: str = DOMAIN) -> DialogueStateTracker:
    """Read the tracker as a process does that has just started."""
    store = SqlTrackerStore(database_url)
    store.domain = Domain.from_dict(yaml.safe_load(domain))
    request = TurnRequest(conversation, "later", 1, "", "en")
    recorded = await store.look_up(request)
    current_turn.set(TurnContext(request, tracker_seq=recorded.tracker_seq))
    tracker = await store.get_or_create_tracker(conversation)
    store.close()
    return tracker


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


async def test_turns_append_their_events_and_another_process_reads_them(store, conversation, engine, database_url):
    await take_turn(store, conversation, "m1")
    await take_turn(store, conversation, "m2", events=(SlotSet("order_number", "A-1"),))

    tracker = await loaded(database_url, conversation)

    assert count(engine, tracker_events) == len(tracker.events) == 5
    assert tracker.get_slot("order_number") == "A-1"
    with engine.connect() as connection:
        assert list(connection.execute(sa.select(tracker_events.c.seq).order_by(tracker_events.c.seq)).scalars()) == [1, 2, 3, 4, 5]


async def test_a_recorded_turn_is_found_again(store, conversation):
    context = await take_turn(store, conversation, "m1")

    recorded = await store.look_up(context.request)

    assert recorded.turn == context.turn
    assert recorded.turn.intent == "greet"


async def test_a_turn_of_an_older_epoch_stores_nothing_and_is_forgotten(store, conversation, engine):
    await take_turn(store, conversation, "m1")
    with engine.begin() as connection:
        connection.execute(sa.update(conversations).values(epoch=2))

    refused = await take_turn(store, conversation, "m2", epoch=1)
    after = await take_turn(store, conversation, "m3", epoch=2)

    assert refused.stale
    assert refused.turn is None
    assert not after.stale
    assert count(engine, turns) == 2
    assert count(engine, tracker_events) == 4


async def test_a_turn_while_an_agent_has_the_conversation_stores_nothing(store, conversation, engine):
    with engine.begin() as connection:
        connection.execute(sa.update(conversations).values(status="agent"))

    assert (await take_turn(store, conversation, "m1")).stale
    assert count(engine, tracker_events) == 0


async def test_a_kept_tracker_is_used_until_the_service_appends_events(store, conversation, database):
    await take_turn(store, conversation, "m1", events=(ActiveLoop("return_form"),))
    _, kept = store._cache[conversation]
    await take_turn(store, conversation, "m2")
    assert store._cache[conversation][1] is kept
    assert kept.active_loop_name == "return_form"

    async with database.write() as connection:
        await end_form(connection, conversation)
    await take_turn(store, conversation, "m3")

    _, rebuilt = store._cache[conversation]
    assert rebuilt is not kept
    assert rebuilt.active_loop is None
    assert len(rebuilt.events) == 3 + 2 + 2 + 2


async def test_the_tracker_of_an_older_domain_loads_and_says_what_it_skipped(store, conversation, database_url, caplog):
    store.domain = Domain.from_dict(yaml.safe_load(OLDER))
    await take_turn(store, conversation, "m1", events=(SlotSet("gone", "x"), ActionExecuted("action_gone"), SlotSet("order_number", "A-1")))

    with caplog.at_level(logging.WARNING):
        tracker = await loaded(database_url, conversation)

    assert tracker.get_slot("order_number") == "A-1"
    assert len(tracker.events) == 3
    assert "slot gone" in caplog.text
    assert "action action_gone" in caplog.text


async def test_the_least_used_trackers_are_forgotten(database_url, conversation):
    store = SqlTrackerStore(database_url, cache_size=0)
    store.domain = Domain.from_dict(yaml.safe_load(DOMAIN))

    await take_turn(store, conversation, "m1")

    assert not store._cache
    store.close()


async def test_an_unknown_conversation_is_none(store):
    assert await store.look_up(TurnRequest("nobody", "m1", 1, "", "en")) is None
