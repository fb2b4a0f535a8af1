"""What must happen for each answer of each vendor: one table, a simulator on loopback."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.channels.vendor import (
    Reason,
)
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from tests.channels.conftest import Post, open_post
from tests.channels.simulator import Received, Says, Vendor
from tests.channels.vendors import Case, every_channel_in_full

pytestmark = every_channel_in_full


async def opened(case: Case, services: Services, service: ConversationService, simulator: Vendor) -> Post:
    def says(request: Received) -> Says:
        return case.taken if case.is_send(request) else (case.token or Says())

    simulator.always, simulator.scripted = says, case.is_send
    return await open_post(services, service, simulator, case.channel(simulator.url))


async def two_tries(post: Post, case: Case) -> list[str]:
    await post.say("hello", user="u1")
    await post.courier().drain()
    await post.hurry()
    await post.courier().drain()
    await post.client.close()
    return post.vendor.texts(case.sent)


async def test_success_is_sent_once(case: Case, services: Services, service: ConversationService, simulator: Vendor) -> None:
    post = await opened(case, services, service, simulator)

    assert await two_tries(post, case) == ["you said hello"]
    assert await post.states() == [("sent", "")]


@pytest.mark.parametrize("answer", ["too_fast", "unwell"])
async def test_what_is_temporary_is_sent_again(
    case: Case, answer: str, services: Services, service: ConversationService, simulator: Vendor
) -> None:
    post = await opened(case, services, service, simulator)
    simulator.script = [getattr(case, answer)]

    assert await two_tries(post, case) == ["you said hello"] * 2
    assert await post.states() == [("sent", "")]


async def test_what_is_permanent_is_not_sent_again(case: Case, services: Services, service: ConversationService, simulator: Vendor) -> None:
    post = await opened(case, services, service, simulator)
    simulator.script = [case.refused]

    assert await two_tries(post, case) == ["you said hello"]
    [(state, reason)] = await post.states()
    assert (state, reason in set(Reason)) == ("dead", True)


@pytest.mark.slow
async def test_no_answer_after_accepting_is_sent_again(
    case: Case, services: Services, service: ConversationService, simulator: Vendor
) -> None:
    post = await opened(case, services, service, simulator)
    simulator.script = [replace(case.taken, delay_s=1.4)]

    assert await two_tries(post, case) == ["you said hello"] * 2
    assert await post.states() == [("sent", "")]


async def test_an_answer_that_is_no_answer_is_no_crash(
    case: Case, services: Services, service: ConversationService, simulator: Vendor
) -> None:
    post = await opened(case, services, service, simulator)
    simulator.script = [Says(body=b"<html>\xff")]

    assert len(await two_tries(post, case)) in {1, 2}
    assert await post.states() == [("sent", "")]


async def test_an_expired_token_is_renewed_and_the_send_repeated_at_once(
    case: Case, services: Services, service: ConversationService, simulator: Vendor
) -> None:
    if case.expired is None:
        pytest.skip("this vendor lends no token that expires")
    post = await opened(case, services, service, simulator)
    simulator.script = [case.expired]
    await post.say("hello")

    await post.courier().drain()
    await post.client.close()

    assert post.vendor.texts(case.sent) == ["you said hello"] * 2
    assert len([request for request in simulator.received if not case.is_send(request)]) == 2, "one token for each"
    assert await post.states() == [("sent", "")]
