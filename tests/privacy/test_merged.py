"""What a merge changes for who speaks, and what it does not."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.conversations.who import who
from bot.customers.profile import read_profile
from bot.database.conversations import conversations, threads
from bot.database.people import customers
from tests.privacy.conftest import World

pytestmark = pytest.mark.slow


async def test_a_merged_record_speaks_with_the_persons_profile_and_never_for_another_number(world: World) -> None:
    """A merge serves what we know. Whose orders somebody may see is proven in each conversation: by the shop, or by the order."""
    with world.place.engine.begin() as connection:
        crm = connection.execute(sa.select(customers.c.id).where(customers.c.merged_into == world.customer_id)).scalar_one()
        connection.execute(sa.update(threads).values(customer_id=crm))
        conversation_id = connection.execute(sa.select(conversations.c.id)).scalar_one()

    speaker = await who(world.services.database, conversation_id)
    profile = await read_profile(world.services.database, crm)

    assert profile is not None
    assert profile.customer_id == world.customer_id
    assert speaker.customer_id == crm
    assert speaker.shop_customer_id is None
    assert speaker.owner_of("A20260101-9999") is None
