"""The staff's group robots: signed as the vendors document it, nothing of any customer in them, a dead one in nobody's way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from bot.channels.client import VendorClient
from bot.channels.robots import ROBOTS, Robot, lacking_of_robot, open_robots
from bot.channels.vendor import (
    VendorAnswer,
)
from bot.cli.channels import command
from bot.conversations import store
from bot.conversations.alerts import Alerts
from bot.conversations.services import Services
from bot.database.channels import alert_robots
from bot.database.conversations import conversations, threads
from bot.database.escalations import escalations, sla_clocks
from bot.errors import SettingError, TransportError
from bot.escalations.times import longest_wait
from bot.ids import new_id, utcnow
from bot.settings import ChannelSettings, load_settings
from tests.channels.conftest import SECRET
from tests.channels.simulator import Says, Vendor

ROOT = Path(__file__).parents[2]
OK = {kind: b'{"errcode":0,"code":0}' if kind != "slack" else b"ok" for kind in ROBOTS}
TOO_FAST = {
    "wecom": Says(body=b'{"errcode":45009,"errmsg":"api freq out of limit"}'),
    "dingtalk": Says(body=b'{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}'),
    "feishu": Says(body=b'{"code":11232,"msg":"frequency limited"}'),
    "slack": Says(status=429, headers={"Retry-After": "7"}),
}
REFUSED = {
    "wecom": Says(body=b'{"errcode":93000,"errmsg":"invalid webhook url"}'),
    "dingtalk": Says(body=b'{"errcode":310000,"errmsg":"sign not match"}'),
    "feishu": Says(body=b'{"code":19021,"msg":"sign match fail"}'),
    "slack": Says(status=404, body=b"no_service"),
}
every_robot = pytest.mark.parametrize("kind", ROBOTS)


def account(kind: str, url: str = "https://robot.example/send?key=k", **more: str) -> ChannelSettings:
    return ChannelSettings(f"alert_{kind}", kind, {"URL": url, "SECRET": SECRET, **more})


def robot(kind: str, url: str = "https://robot.example/send?key=k", **more: str) -> Robot:
    return Robot(account(kind, url, **more), default_language="zh")


def text_of(body: bytes) -> str:
    said = json.loads(body)
    return str(
        said["text"]
        if isinstance(said.get("text"), str)
        else (said.get("text") or said.get("content")).get("content") or said["content"]["text"]
    )


def test_dingtalks_signature_is_in_the_address_and_feishus_in_the_body() -> None:
    at = 1_795_300_000.0
    dingtalk, feishu = robot("dingtalk").build("x", at=at), json.loads(robot("feishu").build("x", at=at).body)

    signed = hmac.digest(SECRET.encode(), f"1795300000000\n{SECRET}".encode(), "sha256")
    escaped = base64.b64encode(signed).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert dingtalk.url.endswith(f"?key=k&timestamp=1795300000000&sign={escaped}")
    key = f"1795300000\n{SECRET}".encode()
    assert (feishu["timestamp"], feishu["sign"]) == ("1795300000", base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode())
    assert SECRET not in dingtalk.url


@every_robot
def test_what_each_answer_of_a_robot_means(kind: str) -> None:
    def reads(says: Says) -> TransportError | None:
        try:
            robot(kind).read(VendorAnswer(says.status, {name.lower(): value for name, value in says.headers.items()}, says.body))
        except TransportError as error:
            return error
        return None

    too_fast, refused, unwell = reads(TOO_FAST[kind]), reads(REFUSED[kind]), reads(Says(status=503))
    assert reads(Says(body=OK[kind])) is None
    assert too_fast is not None
    assert (too_fast.reason, too_fast.permanent, too_fast.retry_after_s > 5) == ("rate", False, True)
    assert refused is not None
    assert refused.permanent
    assert unwell is not None
    assert (unwell.reason, unwell.permanent) == ("unreachable", False)


def test_a_robot_lacks_what_its_kind_needs_and_a_wrong_one_is_refused_by_name() -> None:
    assert lacking_of_robot(ChannelSettings("alert_ops", "feishu", {})) == ["ALERT_OPS_URL", "ALERT_OPS_SECRET"]
    assert open_robots((ChannelSettings("alert_wecom", "wecom", {}),), default_language="zh") == []
    with pytest.raises(SettingError, match="pigeon"):
        lacking_of_robot(ChannelSettings("alert_pigeon", "pigeon", {}))
    with pytest.raises(SettingError, match="ALERT_WECOM_URL"):
        robot("wecom", url="key")
    with pytest.raises(SettingError, match="ALERT_WECOM_LANGUAGE"):
        robot("wecom", LANGUAGE="fr")


@pytest.mark.parametrize("page", ["alerts.md", "alerts.zh.md"])
def test_the_page_has_every_kind_and_setting(page: str) -> None:
    text = (ROOT / "docs" / "channels" / page).read_text(encoding="utf8")

    assert [name for kind in ROBOTS for name in (kind, f"ALERT_{kind.upper()}_URL") if f"`{name}`" not in text] == []
    assert all(f"`ALERT_{kind.upper()}_{name}`" in text for kind in ROBOTS for name in (*ROBOTS[kind].required, *Robot.optional))


# --- what is told


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client() -> AsyncIterator[VendorClient]:
    client = VendorClient(timeout_s=0.5)
    yield client
    await client.close()


async def told_to(services: Services, client: VendorClient, wanted: Robot, *, ago_s: float = 60) -> Alerts:
    """Return alerts of a robot that was told everything until so long ago."""
    alerts = Alerts(database=services.database, client=client, robot=wanted, desk_url="https://chat.example/desk")
    await alerts.tell()
    async with services.database.write() as connection:
        mine = sa.update(alert_robots).where(alert_robots.c.name == wanted.name)
        await connection.execute(mine.values(told_at=utcnow() - timedelta(seconds=ago_s), next_at=utcnow() - timedelta(seconds=1)))
    return alerts


async def waits(
    services: Services, count: int = 1, *, skill: str = "returns_zh", priority: int = 2, ago_s: float = 20, **more: object
) -> list[str]:
    """Let customers wait for a person; return their escalations."""
    at, found = utcnow() - timedelta(seconds=ago_s), []
    async with services.database.write() as connection:
        await store.open_inbox(connection, "i", channel="webhook", name="i")
        for _ in range(count):
            thread, conversation, escalation = new_id(), new_id(), new_id()
            await connection.execute(sa.insert(threads).values(id=thread, inbox_id="i", channel_user=thread, language="zh", created_at=at))
            await connection.execute(
                sa.insert(conversations).values(
                    id=conversation, thread_id=thread, status="waiting", epoch=1, language="zh", created_at=at, updated_at=at
                )
            )
            row = {"id": escalation, "conversation_id": conversation, "status": "waiting", "reason": "complaint", "priority": priority}
            row |= {
                "skill": skill,
                "language": "zh",
                "summary": "王小明 13800138000 要退款",
                "packet": {},
                "created_at": at,
                "place_at": at,
                **more,
            }
            await connection.execute(sa.insert(escalations).values(**row))
            found.append(escalation)
    return found


async def test_a_group_is_told_numbers_and_topics_and_nothing_of_a_customer(
    services: Services, client: VendorClient, simulator: Vendor
) -> None:
    alerts = await told_to(services, client, robot("wecom", f"{simulator.url}/send?key=k"))
    await waits(services, 2)
    await waits(services, 1, skill="orders_en", priority=3)
    await waits(services, 5, skill="orders_zh", status="resolved")

    await alerts.tell()
    await alerts.tell()

    [got] = simulator.received
    assert text_of(got.body).split("\n") == [
        "新转人工 3 个",
        "· 订单（英文，紧急）× 1",
        "· 退换货（中文，优先）× 2",
        "当前共 3 人排队，最长已等 0 分钟",
        "https://chat.example/desk",
    ]


async def test_promises_and_long_waits_are_told_once(services: Services, client: VendorClient, simulator: Vendor) -> None:
    alerts = await told_to(services, client, robot("slack", f"{simulator.url}/s", LANGUAGE="en"))
    near, past, met = await waits(services, 3, ago_s=3600, status="claimed")
    await waits(services, 1, ago_s=longest_wait().total_seconds() + 10)
    now = utcnow()
    async with services.database.write() as connection:
        for escalation, due_s, met_at in ((near, 600, None), (past, -10, None), (met, -10, now)):
            clock = {
                "id": new_id(),
                "escalation_id": escalation,
                "target": "first_response",
                "priority": 1,
                "started_at": now,
                "met_at": met_at,
            }
            times = {"warn_at": now - timedelta(seconds=20), "due_at": now + timedelta(seconds=due_s)}
            await connection.execute(sa.insert(sla_clocks).values(**clock, **times, breached=False))

    await alerts.tell()

    assert text_of(simulator.received[0].body).split("\n")[:-2] == [
        "🔴 Promised time is over: 1",
        "🟠 Promised time is nearly over: 1",
        "🟠 Waiting for too long: 1",
    ]
    async with services.database.write() as connection:
        await connection.execute(sa.update(alert_robots).values(next_at=utcnow()))
    await alerts.tell()
    assert len(simulator.received) == 1


ANSWERS = [*((kind, "too fast") for kind in ROBOTS), ("wecom", "refused"), ("wecom", "unwell"), ("wecom", "no answer")]


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("kind", "answer"), ANSWERS)
async def test_a_robot_that_was_not_told_is_told_all_at_once_later(
    kind: str, answer: str, services: Services, client: VendorClient, simulator: Vendor
) -> None:
    alerts = await told_to(services, client, robot(kind, f"{simulator.url}/send?key=k"))
    simulator.always = lambda _got: Says(body=OK[kind])
    says = {"too fast": TOO_FAST[kind], "refused": REFUSED[kind], "unwell": Says(status=502, body=b"<html>")}
    simulator.script = [says.get(answer, Says(body=OK[kind], delay_s=0.8))]
    await waits(services, 1)
    await alerts.tell()
    await waits(services, 1)
    await alerts.tell()
    assert len(simulator.received) == 1, "it rests"

    async with services.database.write() as connection:
        await connection.execute(sa.update(alert_robots).values(next_at=utcnow()))
    await alerts.tell()

    assert len(simulator.received) == 2
    assert "2" in text_of(simulator.received[1].body).split("\n")[0]
    await asyncio.sleep(0.5 if answer == "no answer" else 0)


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_two_workers_tell_it_once(services: Services, client: VendorClient, simulator: Vendor) -> None:
    alerts = await told_to(services, client, robot("wecom", f"{simulator.url}/send?key=k"))
    simulator.always = lambda _got: Says(body=OK["wecom"])
    await waits(services, 30)

    await asyncio.gather(*(alerts.tell() for _ in range(4)))

    assert len(simulator.received) == 1


def test_robots_are_named_in_the_settings(tmp_path: Path) -> None:
    values = {
        "YINGDA_DATA_DIR": str(tmp_path),
        "YINGDA_ALERTS": "wecom, ops:feishu",
        "ALERT_OPS_SECRET": SECRET,
        "ALERT_WECOM_URL": "https://x",
    }
    settings = load_settings(values, root=tmp_path)

    assert [(each.name, each.kind, dict(each.values)) for each in settings.alerts] == [
        ("alert_wecom", "wecom", {"URL": "https://x"}),
        ("alert_ops", "feishu", {"SECRET": SECRET}),
    ]
    assert SECRET not in repr(settings)
    with pytest.raises(SettingError, match="YINGDA_ALERTS"):
        load_settings({**values, "YINGDA_ALERTS": "a b"}, root=tmp_path)


async def test_the_command_knows_robots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulator: Vendor) -> None:
    (tmp_path / "config.yml").write_text("")
    (tmp_path / "nlu_data").mkdir()
    monkeypatch.chdir(tmp_path)
    values = {"YINGDA_DATA_DIR": str(tmp_path / "var"), "YINGDA_ALERTS": "wecom,feishu", "ALERT_WECOM_URL": f"{simulator.url}/send"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    simulator.script = [Says(body=OK["wecom"]), REFUSED["wecom"]]

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, command, list(arguments))
        return result.exit_code, result.output

    assert "alert_feishu         feishu     off, needs ALERT_FEISHU_URL, ALERT_FEISHU_SECRET" in (await run("list"))[1]
    assert (await run("check", "alert_wecom"))[0] == 0
    assert await run("send", "alert_wecom", "group", "hello") == (0, "alert_wecom: sent\n")
    assert await run("send", "alert_wecom", "group", "hello") == (1, "alert_wecom: not sent, error 93000\n")
    assert text_of(simulator.received[0].body) == "hello"
