"""The desk's calls for a customer without a conversation, and for records that look like one person."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.database import sync_engine
from bot.database.channels import channel_threads
from bot.database.conversations import conversations, inboxes, threads
from bot.database.escalations import escalations
from bot.database.intelligence import customer_merges, merge_suggestions
from bot.database.people import agents, audit_log, customer_identities, customers
from bot.ids import new_id, utcnow
from bot.settings import Settings
from tests.agents import agent_row
from tests.web.conftest import frame, log_in, open_widget
from tests.web.test_widget_api import identity

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)]


@pytest.fixture
def plain(database_url: str) -> Any:
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


def record_of(engine: sa.Engine, number: str) -> str:
    with engine.connect() as connection:
        return str(connection.execute(sa.select(customers.c.id).where(customers.c.shop_customer_id == number)).scalar_one())


def ingested(engine: sa.Engine, cipher: Cipher, **fields: str) -> str:
    """Add a record that some source has told of and that is no customer of the shop."""
    customer_id = new_id()
    sealed = {field: cipher.encrypt(value, column=f"customer_identities.{field}") for field, value in fields.items()}
    with engine.begin() as connection:
        row = {"id": customer_id, "language": "zh", "objects_to_profiling": False, "created_at": utcnow()}
        connection.execute(sa.insert(customers).values(row))
        connection.execute(sa.insert(customer_identities).values(customer_id=customer_id, **sealed))
    return customer_id


async def got(http: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async with http.get(f"/api/desk/{path}") as response:
        assert response.status == 200, await response.text()
        return dict(await response.json())


async def sent(http: aiohttp.ClientSession, path: str, headers: dict[str, str], **body: object) -> tuple[int, dict[str, Any]]:
    async with http.post(f"/api/desk/{path}", json=body, headers=headers) as response:
        return response.status, dict(await response.json())


async def test_an_agent_writes_first_and_gets_the_answer(http: aiohttp.ClientSession, settings: Settings, plain: sa.Engine) -> None:
    headers = await log_in(http)
    desk = await http.ws_connect("/ws/desk")
    await desk.send_json({"type": "hello", "csrf": headers["X-CSRF-Token"], "open": {}})
    await frame(desk, "ready")
    record = record_of(plain, "C000001")
    shown = await got(http, f"customers/{record}")
    assert shown["customer"]["name"] == "林悦"
    assert shown["customer"]["orders"]
    assert shown["way"] == {"channel": "website", "reach": "yes", "conversation_id": None}

    message = {"client_id": str(uuid.uuid4()), "text": "您的包裹晚到了，抱歉"}
    status, first = await sent(http, f"customers/{record}/messages", headers, **message)
    again = await sent(http, f"customers/{record}/messages", headers, **message)

    assert status == 200
    assert again == (200, first)
    widget = await open_widget(http, identity=identity(settings, "C000001"), language="zh")
    found = (await widget.messages())["messages"]
    assert [(one["sender"], one["text"]) for one in found] == [("agent", "您的包裹晚到了，抱歉")]
    answered = await widget.send("好的，怎么补偿我")
    conversation = answered["message"]["conversation_id"]
    assert conversation != first["conversation_id"]
    while (await frame(desk, "queue"))["mine"] == []:
        pass
    mine = (await got(http, "queue"))["mine"]
    assert [(one["conversation_id"], one["reason"]) for one in mine] == [(conversation, "outreach")]
    shown = await got(http, f"customers/{record}")
    assert shown["way"] == {"channel": "website", "reach": "talking", "conversation_id": conversation}
    status, refused = await sent(http, f"customers/{record}/messages", headers, client_id="another", text="还在吗")
    assert (status, "talking" in refused["error"]["message"]) == (409, True)


async def test_an_answer_to_an_agent_who_is_gone_waits_for_a_person(
    http: aiohttp.ClientSession, settings: Settings, plain: sa.Engine
) -> None:
    headers = await log_in(http)
    await sent(http, f"customers/{record_of(plain, 'C000002')}/messages", headers, client_id="one", text="您好")

    widget = await open_widget(http, identity=identity(settings, "C000002"), language="zh")
    await widget.send("可以")

    said = (await widget.messages())["messages"]
    assert [one["notice"] for one in said if one["notice"]] == ["nobody_there"]
    with plain.connect() as connection:
        waiting = connection.execute(sa.select(escalations.c.reason).where(escalations.c.status == "waiting")).scalars().all()
    assert waiting == ["outreach"]


@pytest.mark.parametrize(("wrote", "reach"), [(timedelta(hours=1), "not_configured"), (None, "no_way")])
async def test_who_cannot_be_written_to_is_not(
    http: aiohttp.ClientSession, plain: sa.Engine, cipher: Cipher, wrote: timedelta | None, reach: str
) -> None:
    headers = await log_in(http)
    record = ingested(plain, cipher, name="王芳", phone="+8613800138000")
    if wrote:
        with plain.begin() as connection:
            now = utcnow()
            connection.execute(sa.insert(inboxes).values(id="shop_line", channel="line", name="shop_line", created_at=now))
            thread = {
                "id": new_id(),
                "inbox_id": "shop_line",
                "channel_user": "u1",
                "customer_id": record,
                "language": "zh",
                "created_at": now,
            }
            connection.execute(sa.insert(threads).values(thread))
            heard = {"thread_id": thread["id"], "inbox_id": "shop_line", "customer_at": now - wrote, "quota_used": 0, "reply_token": ""}
            connection.execute(sa.insert(channel_threads).values(heard | {"held": False}))

    shown = await got(http, f"customers/{record}")
    status, _ = await sent(http, f"customers/{record}/messages", headers, client_id="one", text="您好")

    assert (shown["way"] or {"reach": "no_way"})["reach"] == reach
    assert status == (409 if wrote else 404)
    assert (shown["customer"]["name"], shown["customer"]["phone"]) == ("王芳", "**********8000")
    with plain.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(conversations)).scalar_one() == 0


async def test_what_is_revealed_and_objected_to_is_logged(http: aiohttp.ClientSession, plain: sa.Engine, cipher: Cipher) -> None:
    headers = await log_in(http)
    record = ingested(plain, cipher, name="王芳", phone="+8613800138000")

    revealed = await sent(http, f"customers/{record}/reveal", headers, field="phone")
    objected = await sent(http, f"customers/{record}/profiling", headers, objects=True)

    assert revealed == (200, {"value": "+8613800138000"})
    assert objected[1]["customer"]["objects"] is True
    assert (await sent(http, f"customers/{record}/reveal", headers, field="password"))[0] == 400
    assert (await sent(http, "customers/nobody/reveal", headers, field="phone"))[0] == 404
    with plain.connect() as connection:
        logged = connection.execute(sa.select(audit_log.c.action).where(audit_log.c.subject == f"customer:{record}")).scalars().all()
    assert logged == ["reveal", "object_to_profiling"]


def suggest_twins(plain: sa.Engine, cipher: Cipher) -> str:
    """Add two records that look like one person; return the suggestion."""
    pair = sorted(
        [ingested(plain, cipher, name="王芳", phone="+8613800138000"), ingested(plain, cipher, name="王芳", phone="+8613800138001")]
    )
    row = {"id": new_id(), "left_id": pair[0], "right_id": pair[1], "status": "open", "probability": 0.93, "created_at": utcnow()}
    with plain.begin() as connection:
        connection.execute(sa.insert(merge_suggestions).values(row | {"reasons": {"name": 7.5, "phone": 2.1}}))
    return str(row["id"])


@pytest.fixture
def suggestion(plain: sa.Engine, cipher: Cipher) -> str:
    """Two records that look like one person, and a supervisor."""
    with plain.begin() as connection:
        connection.execute(sa.insert(agents).values(**agent_row("zhou", role="supervisor")))
    return suggest_twins(plain, cipher)


async def test_a_supervisor_decides_on_two_records_and_takes_it_back(
    http: aiohttp.ClientSession, plain: sa.Engine, suggestion: str
) -> None:
    headers = await log_in(http, "zhou")
    [listed] = (await got(http, "merges/"))["suggestions"]
    shown = await got(http, f"merges/{suggestion}")
    assert (listed["id"], listed["names"], listed["probability"]) == (suggestion, ["王芳", "王芳"], 0.93)
    assert shown["same"] == ["name"]
    assert [one["phone"] for one in shown["records"]] == ["**********8000", "**********8001"]
    assert shown["evidence"][0] == {"field": "name", "bits": 7.5}

    def merged() -> int:
        with plain.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).where(customers.c.merged_into.is_not(None))).scalar_one())

    statuses, now_merged = [], []
    for decision in ("accept", "accept", "take_back", "take_back", "refuse"):
        status, answer = await sent(http, f"merges/{suggestion}/decision", headers, decision=decision)
        statuses.append(answer["suggestion"]["status"] if status == 200 else status)
        now_merged.append(merged())

    assert statuses == ["accepted", 409, "refused", "open", "refused"]
    assert now_merged == [1, 1, 0, 0, 0]
    assert (await got(http, "merges/"))["suggestions"] == []
    [decided] = (await got(http, "merges/?status=decided"))["suggestions"]
    assert decided["status"] == "refused"
    status, clear = await sent(http, f"merges/{suggestion}/reveal", headers)
    assert {one["phone"] for one in clear["records"]} == {"+8613800138000", "+8613800138001"}
    with plain.connect() as connection:
        mine = sa.select(audit_log.c.action).where(audit_log.c.subject == f"suggestion:{suggestion}").order_by(audit_log.c.id)
        assert connection.execute(mine).scalars().all() == ["merge", "unmerge", "unmerge", "refuse_merge", "reveal"]
        assert connection.execute(sa.select(sa.func.count()).select_from(customer_merges)).scalar_one() == 1


async def test_only_supervisors_see_what_looks_alike(http: aiohttp.ClientSession, suggestion: str) -> None:
    headers = await log_in(http)

    for path in ("merges/", f"merges/{suggestion}"):
        async with http.get(f"/api/desk/{path}") as response:
            assert response.status == 403
    for verb in ("reveal", "decision"):
        assert (await sent(http, f"merges/{suggestion}/{verb}", headers, decision="accept"))[0] == 403
