"""The way to a company's own system when things go wrong: signatures, retries, lost answers, answers that make no sense."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
import sqlalchemy as sa
from aiohttp import web

from bot.database import Database
from bot.database.conversations import conversations, effects
from bot.errors import ConflictError, NotFoundError, ServiceError, SettingError
from bot.shop.client import ShopClient
from bot.shop.protocol import OrderStatus, Refusal, ShopRefusal
from bot.shop.remote import RemoteShop
from tests.shop.company import Company
from tests.shop.conftest import LEAVING, LOYAL, NO_MEMBER, SECRET, Key, find_order


def problem(status: int, **error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)


async def effect_states(database: Database) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(sa.select(effects.c.state))).scalars())


async def test_a_request_signed_with_another_secret_is_refused_and_not_repeated(company: Company, company_url: str) -> None:
    stranger = RemoteShop(company_url, "another secret")

    with pytest.raises(ServiceError, match="401") as caught:
        await stranger.orders(LOYAL)
    await stranger.close()

    assert caught.value.permanent
    assert len(company.requests) == 1
    assert not await stranger.healthy()
    await stranger.close()


@pytest.mark.parametrize("faults", [["busy", "busy"], ["slow"], ["busy", "lost"]], ids=",".join)
async def test_what_is_temporary_is_tried_again(remote: RemoteShop, company: Company, faults: list[str]) -> None:
    company.faults += faults

    orders = await remote.orders(LOYAL, limit=2)

    assert len(orders) == 2
    assert len(company.requests) > len(faults)


async def test_a_shop_that_stays_away_is_a_temporary_failure(remote: RemoteShop, company: Company) -> None:
    company.faults += ["busy"] * 3

    with pytest.raises(ServiceError, match="503") as caught:
        await remote.orders(LOYAL)

    assert not caught.value.permanent
    assert len(company.requests) == 3


async def test_nobody_at_the_address_is_a_temporary_failure() -> None:
    client = ShopClient("http://127.0.0.1:9", SECRET, timeout_s=0.5, backoff_s=0.01)
    shop = RemoteShop("http://127.0.0.1:9", SECRET, client=client)

    with pytest.raises(ServiceError, match="did not answer") as caught:
        await shop.orders(LOYAL)

    assert not caught.value.permanent
    assert not await shop.healthy()
    await shop.close()


async def test_a_change_whose_answer_was_lost_happens_once(remote: RemoteShop, company: Company, key: Key, database: Database) -> None:
    order = await find_order(remote, LOYAL, OrderStatus.DELIVERED)
    company.faults += ["lost"]

    made = await remote.create_return(order.number, order.lines[0].id, kind="return", reason="damaged", key=key())

    assert company.keys == ["c1:m1:action_test"] * 2
    assert await company.shop.returns(LOYAL, limit=1) == [made]
    assert await effect_states(database) == ["done"]


async def test_a_second_run_after_a_crash_gets_the_same_answer(remote: RemoteShop, company: Company, key: Key, database: Database) -> None:
    company.faults += ["lost"] * 3
    with pytest.raises(ServiceError):
        await remote.cancel_membership(LEAVING, key=key())
    assert await effect_states(database) == ["pending"]

    membership = await remote.cancel_membership(LEAVING, key=key())

    assert membership.status == "cancelled"
    assert await effect_states(database) == ["done"]
    assert len(set(company.keys)) == 1


async def test_a_recorded_change_is_not_asked_for_again(remote: RemoteShop, company: Company, key: Key) -> None:
    first = await remote.cancel_membership(LEAVING, key=key())
    asked = len(company.requests)

    assert await remote.cancel_membership(LEAVING, key=key()) == first
    assert len(company.requests) == asked


async def test_nothing_is_sent_once_the_bot_is_no_longer_the_owner(remote: RemoteShop, company: Company, key: Key) -> None:
    with pytest.raises(ConflictError):
        await remote.cancel_membership(LEAVING, key=key(epoch=7))

    assert company.requests == []


async def test_what_the_shop_did_during_a_takeover_is_recorded(company: Company, company_url: str, key: Key, database: Database) -> None:
    client = ShopClient(company_url, SECRET)

    class TakenOver(ShopClient):
        async def send(self, *arguments: object, **options: object) -> object:  # type: ignore[override]
            async with database.write() as connection:
                await connection.execute(sa.update(conversations).where(conversations.c.id == "c1").values(status="agent", epoch=2))
            return await client.send(*arguments, **options)  # type: ignore[arg-type]

    shop = RemoteShop(company_url, SECRET, database=database, client=TakenOver(company_url, SECRET))
    await shop.cancel_membership(LEAVING, key=key())
    await client.close()

    assert await effect_states(database) == ["done"]
    with pytest.raises(ConflictError):
        await shop.cancel_membership(LEAVING, key=key())


async def test_a_refused_change_is_recorded_as_failed_and_may_be_asked_again(remote: RemoteShop, key: Key, database: Database) -> None:
    for _ in range(2):
        with pytest.raises(ShopRefusal) as caught:
            await remote.cancel_membership(NO_MEMBER, key=key())

    assert caught.value.reason == Refusal.NO_MEMBERSHIP
    assert await effect_states(database) == ["failed"]


MEMBERSHIP = {"customer_id": LOYAL, "tier": "gold", "status": "active", "price": {"minor": 1, "currency": "CNY"}}
NONSENSE: dict[str, Callable[[], web.Response]] = {
    "not JSON": lambda: web.Response(text="<html>It works!</html>"),
    "another shape": lambda: web.json_response({"membership": []}),
    "empty": web.Response,
    "no time zone": lambda: web.json_response({**MEMBERSHIP, "started_at": "2026-01-01T00:00:00", "renews_at": "2027-01-01T00:00:00"}),
    "redirect": lambda: web.Response(status=302, headers={"Location": "/elsewhere"}),
    "too long": lambda: web.Response(body=b"[" + b" " * 1_100_000 + b"]"),
    "unknown reason": lambda: problem(409, code="refused", reason="full_moon"),
    "bad request": lambda: problem(400, code="input", message="no"),
}


@pytest.mark.parametrize("answer", NONSENSE)
async def test_an_answer_that_makes_no_sense_is_a_lasting_failure(remote: RemoteShop, company: Company, answer: str) -> None:
    company.faults += [NONSENSE[answer]()]

    with pytest.raises(ServiceError) as caught:
        await remote.membership(LOYAL)

    assert caught.value.permanent
    assert len(company.requests) == 1


async def test_an_earlier_try_that_is_still_at_work_is_waited_for(remote: RemoteShop, company: Company, key: Key) -> None:
    company.faults += [problem(409, code="in_progress")]

    assert (await remote.cancel_membership(LEAVING, key=key())).status == "cancelled"


async def test_a_shop_that_forgets_whose_order_it_is_shows_it_to_nobody_else(remote: RemoteShop, company: Company) -> None:
    order = (await company.shop.orders(LOYAL, limit=1))[0]
    body = msgspec.to_builtins(order)
    company.faults += [web.json_response(body), web.json_response([body])]

    with pytest.raises(NotFoundError):
        await remote.order(order.number, customer_id=LEAVING)
    assert await remote.orders(LEAVING) == []


@pytest.mark.parametrize("url", ["shop.example", "ftp://shop.example", "https://", "https://shop.example?x=1"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(SettingError, match="SHOP_URL"):
        RemoteShop(url, SECRET)


def test_a_missing_secret_is_refused_at_once() -> None:
    with pytest.raises(SettingError, match="SHOP_SECRET"):
        RemoteShop("https://shop.example", "")
