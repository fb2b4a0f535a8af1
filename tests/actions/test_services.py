"""The services are opened once by the action server and given back at its end."""

from __future__ import annotations

import pytest

from actions.services import close_services, open_services, services
from bot.settings import Settings


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("stage", ["sqlite", "postgresql"])
async def test_the_action_servers_services_open_and_close(settings: Settings, stage: str) -> None:
    await open_services(settings)

    assert services().settings is settings
    assert await services().shop.healthy()
    assert services().faq.search("how long does delivery take?", "en") is not None
    await close_services()


async def test_without_services_the_actions_say_so() -> None:
    with pytest.raises(RuntimeError, match="open_services"):
        services()
