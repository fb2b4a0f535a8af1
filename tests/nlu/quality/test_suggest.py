"""Suggestions out of a real database: what was not understood, masked, grouped, in the form of nlu_data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from bot.crypto import Cipher
from bot.database import sync_engine
from bot.database.conversations import conversations, feedback, inboxes, messages, threads, tracker_events, turns
from bot.database.people import customer_identities, customers
from bot.ids import new_id, utcnow
from bot.nlu.quality.examples import read_examples
from bot.nlu.quality.masking import Identity, Masker
from bot.nlu.quality.suggest import Suggestions, suggest
from bot.nlu.rules import EntityRules
from bot.settings import Settings
from tests.nlu.quality.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

LISTS = {"city": ["cities.yml"], "product": ["products.yml", "product_kinds.yml"]}


class Desk:
    """Writes conversations as the service does."""

    def __init__(self, engine: sa.Engine, cipher: Cipher) -> None:
        self.engine, self.cipher = engine, cipher
        with engine.begin() as connection:
            connection.execute(sa.insert(inboxes).values(id="website", channel="website", name="", created_at=utcnow()))

    def talk(self, *said: dict[str, Any], csat: int = 0, form: str = "", **identity: str) -> None:
        """Store one conversation; each of `said` is a message: sender, text, payload, ranking, created_at."""
        thread, conversation, customer, now = new_id(), new_id(), new_id(), utcnow()
        with self.engine.begin() as connection:
            connection.execute(sa.insert(customers).values(id=customer, language="zh", objects_to_profiling=False, created_at=now))
            hidden = {key: self.cipher.encrypt(value, column=f"customer_identities.{key}") for key, value in identity.items()}
            connection.execute(sa.insert(customer_identities).values(customer_id=customer, **hidden))
            row = {"id": thread, "inbox_id": "website", "channel_user": thread, "customer_id": customer, "language": "zh"}
            connection.execute(sa.insert(threads).values(**row, created_at=now))
            row = {"id": conversation, "thread_id": thread, "status": "bot", "epoch": 1, "language": "zh"}
            connection.execute(sa.insert(conversations).values(**row, created_at=now, updated_at=now))
            for seq, one in enumerate(said, start=1):
                self._say(connection, thread, conversation, seq, one)
            if csat:
                connection.execute(sa.insert(feedback).values(conversation_id=conversation, csat=csat, created_at=now))
            for seq, event in enumerate([{"event": "active_loop", "name": "f"}, {"event": "user", "text": form}] if form else []):
                connection.execute(sa.insert(tracker_events).values(conversation_id=conversation, seq=seq, event=event))

    @staticmethod
    def _say(connection: sa.Connection, thread: str, conversation: str, seq: int, one: dict[str, Any]) -> None:
        message = new_id()
        row = {"id": message, "thread_id": thread, "conversation_id": conversation, "seq": seq, "language": "zh", "payload": {}}
        row |= {"sender": "customer", "created_at": utcnow()} | {key: value for key, value in one.items() if key != "ranking"}
        connection.execute(sa.insert(messages).values(**row))
        if "ranking" in one:
            result = {"message_id": message, "ranking": one["ranking"]}
            connection.execute(
                sa.insert(turns).values(conversation_id=conversation, message_id=message, epoch=1, result=result, created_at=utcnow())
            )


def typed(text: str, intent: str = "nlu_fallback", confidence: float = 0.9, at: datetime | None = None) -> dict[str, Any]:
    message = {"text": text, "payload": {"intent": intent, "confidence": confidence}, "ranking": [[intent, confidence]]}
    return {**message, "created_at": at} if at else message


@pytest.fixture
def desk(settings: Settings, cipher: Cipher) -> Desk:
    return Desk(sync_engine(settings.database_url), cipher)


@pytest.fixture
def suggested(desk: Desk, settings: Settings) -> Callable[[], Suggestions]:
    return lambda: suggest(desk.engine, settings, small_project(settings), days=30)


def small_project(settings: Settings) -> Path:
    """Our configuration with a few examples: the encoder need not read thousands."""
    root = settings.data_dir.parent / "project"
    for language, texts in {
        "zh": ["怎么退货", "我要退货", "申请退货"],
        "en": ["how do I return this", "I want to return it", "return my order"],
    }.items():
        file = root / "nlu_data" / "nlu" / language / "returns.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"    - {text}\n" for text in texts)
        invoice = "    - 开发票\n" if language == "zh" else "    - I need an invoice\n"
        file.write_text(
            f"nlu:\n- intent: return_item\n  examples: |\n{lines}- intent: request_invoice\n  examples: |\n{invoice}", encoding="utf8"
        )
    for name in ("config.yml", "domain.yml", "nlu_data/lookups"):
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(ROOT / name)
    return root


def test_an_understanding_bot_needs_no_examples(desk: Desk, suggested: Callable[[], Suggestions]) -> None:
    desk.talk(typed("我要退货啊", "return_item", 0.95))

    assert suggested().groups == []


def test_messages_of_both_languages_are_grouped_and_proposed(desk: Desk, suggested: Callable[[], Suggestions]) -> None:
    for text in ("这个想退货怎么弄", "这个想退货怎么弄？", "想退货要怎么操作", "how do I return this thing"):
        desk.talk(typed(text))
    desk.talk(typed("你们招不招程序员", "out_of_scope"))

    result = suggested()
    written = yaml.safe_load(result.as_yaml())

    assert [(group.intent, group.count) for group in result.groups] == [("return_item", 4), ("new_intent_2", 1)]
    assert [entry["intent"] for entry in written["nlu"]] == ["return_item", "return_item", "new_intent_2"]
    assert "这个想退货怎么弄\n" in written["nlu"][0]["examples"]
    assert "# 4 messages (4 nlu_fallback); fits return_item" in result.as_yaml()


def test_what_comes_out_is_read_as_training_data(desk: Desk, suggested: Callable[[], Suggestions], tmp_path: Path) -> None:
    desk.talk(typed("单号A20261029-0042的东西[急]怎么退啊"))
    file = tmp_path / "new" / "nlu_data" / "nlu" / "zh" / "new.yml"
    file.parent.mkdir(parents=True)
    file.write_text(suggested().as_yaml(), encoding="utf8")

    data = read_examples(tmp_path / "new")

    assert data.findings == []
    assert [(one.text, one.entities[0].entity) for one in data.examples] == [("单号A20260101-0001的东西(急)怎么退啊", "order_number")]


def test_old_messages_buttons_answers_in_forms_and_known_texts_are_left_out(desk: Desk, suggested: Callable[[], Suggestions]) -> None:
    desk.talk(typed("很久以前说的话", at=utcnow() - timedelta(days=31)))
    desk.talk({"text": "转人工", "payload": {"intent": "nlu_fallback", "confidence": 0.9, "button_id": "human"}})
    desk.talk(typed("浦东某处的某栋楼"), form="浦东某处的某栋楼")
    desk.talk(typed("怎么退货！"))

    assert suggested().groups == []


def test_what_a_customer_chose_when_asked_back_decides(desk: Desk, suggested: Callable[[], Suggestions]) -> None:
    offered = {"sender": "bot", "text": "?", "payload": {"buttons": [{"id": "b/0", "title": "", "intent": "request_invoice"}]}}
    desk.talk(typed("退货的票据弄一下"), offered, {"text": "发票", "payload": {"button_id": "b/0"}})

    assert [(group.intent, dict(group.chosen)) for group in suggested().groups] == [("request_invoice", {"request_invoice": 1})]


def test_low_confidence_and_bad_ratings_count(desk: Desk, suggested: Callable[[], Suggestions]) -> None:
    desk.talk(typed("弄一下那个发票呗", "return_item", 0.3))
    desk.talk(typed("invoice thingy for my boss", "return_item", 0.7), csat=1)
    desk.talk(typed("invoice thingy for my wife", "return_item", 0.7), csat=5)

    why = sum((group.why for group in suggested().groups), start=type(suggested().groups[0].why)())

    assert why == {"low_confidence": 1, "bad_rating": 1}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我电话13812345678，邮箱li.hua@163.com", "我电话[13800000000](phone)，邮箱[name@example.com](email)"),
        ("order A20261029-0042, parcel SF1234567890123", "order [A20260101-0001](order_number), parcel [SF1000000000001](tracking_number)"),
        ("我叫陈晓雨，晓雨是我", "我叫王小明，王小明是我"),
        ("my name is Grace Miller and grace is fine", "my name is Alex Smith and Alex Smith is fine"),
        ("寄到长沙市岳麓区麓山路36号3栋602室，谢谢", "寄到幸福路1号，谢谢"),
        ("send it to 221 Baker Street, Flat 4B", "send it to 1 Main Street"),
        ("身份证11010119900101123X 卡号6222 0212 3456 7890", "身份证00000000000000000X 卡号0000 0000 0000 0000"),
        ("王先生的单，李女士收", "王小明先生的单，王小明收"),
        ("我的[订单]\n呢", "我的(订单) 呢"),
        ("收件人赵敏，李雷收，新北市板橋區文化路一段188號7樓", "收件人王小明，王小明收，幸福路1号"),
        ("联系人工客服，收件人电话写错了", "联系人工客服，收件人电话写错了"),
        ("怎么还不发货", "怎么还不发货"),
        ("这条路怎么走，要等一周 吗", "这条路怎么走，要等一周 吗"),
    ],
)
def test_personal_data_are_masked(text: str, masked: str) -> None:
    masker = Masker(EntityRules(ROOT / "nlu_data" / "lookups", LISTS))

    known = Identity(name="陈晓雨" if "晓" in text else "Grace Miller", phone="13812345678")

    assert masker.mask(text, known) == masked
