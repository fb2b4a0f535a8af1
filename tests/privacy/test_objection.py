"""Who objects to profiling is served like somebody unknown, from the next message on."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.customers.offers import choose_offer
from bot.customers.profile import read_profile
from bot.database.escalations import escalations
from bot.database.intelligence import churn_scores, offers_made
from bot.database.people import customer_profiles, customers
from bot.errors import NotFoundError
from bot.escalations.routing import Priority
from bot.messages import InboundMessage
from bot.privacy.objection import set_objection
from tests.conversations.conftest import settle
from tests.privacy.conftest import World

pytestmark = pytest.mark.slow


def count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


async def test_an_objection_is_honoured_at_the_next_message(world: World) -> None:
    engine, database = world.place.engine, world.services.database
    before = await read_profile(database, world.customer_id)
    with engine.connect() as connection:
        [handed_over] = connection.execute(sa.select(escalations)).all()
    assert handed_over.priority > Priority.NORMAL
    assert handed_over.packet["profile"]["segment"] == "loyal"

    with engine.begin() as connection:
        assert set_objection(connection, world.customer_id, objects=True, actor="command") == 2  # both records of the person

    with engine.begin() as connection:
        assert count(connection, customer_profiles) == count(connection, churn_scores) == 0
        assert count(connection, offers_made) == 1  # the account of what was decided stays
        assert connection.execute(sa.select(escalations.c.packet)).scalar_one()["profile"] is None
        connection.execute(sa.update(escalations).values(status="resolved"))
        connection.exec_driver_sql("UPDATE conversations SET status = 'resolved'")
    await world.service.receive(InboundMessage(inbox_id="website", channel_user="visitor-of-quetzal", client_id="m-2", text="转人工"))
    await settle(world.service)
    assert before is not None
    assert await read_profile(database, world.customer_id) is None
    assert choose_offer(await read_profile(database, world.customer_id)) == choose_offer(None)
    with engine.connect() as connection:
        latest = connection.execute(sa.select(escalations).order_by(escalations.c.id.desc()).limit(1)).one()
    assert latest.id != handed_over.id
    assert latest.priority == Priority.NORMAL
    assert latest.packet["profile"] is None


async def test_an_objection_can_be_taken_back(world: World) -> None:
    with world.place.engine.begin() as connection:
        set_objection(connection, world.customer_id, objects=True, actor="command")
        set_objection(connection, world.customer_id, objects=False, actor="command")

        assert connection.execute(sa.select(customers.c.id).where(customers.c.objects_to_profiling)).all() == []
        with pytest.raises(NotFoundError, match="no customer 'nobody'"):
            set_objection(connection, "nobody", objects=True, actor="command")
