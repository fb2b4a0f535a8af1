"""Who objects to profiling in plain words gets a person; nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.conversations.objections import is_objection
from bot.conversations.service import ConversationService
from bot.database.escalations import escalations
from bot.messages import Status
from tests.conversations.conftest import conversation, say, settle, transcript
from tests.fakes import FakeRasa

NLU_DATA = Path(__file__).parents[2] / "nlu_data"


@pytest.mark.parametrize(
    "text",
    [
        "别再给我做个性化推荐了", "不要分析我的数据", "停止对我做用户画像", "我不同意你们收集我的个人信息",
        "不要根据我的购买记录给我推荐东西", "Stop profiling me!", "I object to profiling", "Please don\u2019t analyse my data",
        "opt me out of personalised offers",
    ],
)  # fmt: skip
def test_an_objection_is_heard(text: str) -> None:
    assert is_objection(text)


@pytest.mark.parametrize(
    "text", ["取消个性化刻字的订单", "别推荐贵的", "你们会分析我的数据吗", "I don't see my profile", "do not cancel my order"]
)
def test_what_only_sounds_alike_is_none(text: str) -> None:
    assert not is_objection(text)


def test_no_example_of_another_wish_is_taken_for_one() -> None:
    lines = [line.strip().removeprefix("- ") for path in NLU_DATA.rglob("*.yml") for line in path.read_text(encoding="utf8").splitlines()]

    assert len(lines) > 10_000
    assert [line for line in lines if is_objection(line)] == []


async def test_who_objects_gets_a_person_who_is_told_what_to_do(service: ConversationService, rasa: FakeRasa) -> None:
    message = await say(service, "别再给我做个性化推荐")
    await settle(service)

    assert rasa.asked == []
    assert (await conversation(service, message.conversation_id)).status == Status.WAITING
    assert "您有权拒绝" in (await transcript(service, message.conversation_id))[1][1]
    async with service.services.database.read() as connection:
        assert "客户拒绝" in (await connection.execute(sa.select(escalations.c.summary))).scalar_one()
