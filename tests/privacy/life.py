"""A customer whom nobody could mistake for another, with a row in every table that can hold something of a person."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.crypto import Cipher
from bot.database.channels import channel_threads, link_tokens, media, media_parts, outbox
from bot.database.conversations import effects, feedback, messages, proof_attempts, threads, tracker_events, turns
from bot.database.escalations import escalation_skips, escalations
from bot.database.intelligence import (
    churn_scores,
    customer_events,
    customer_keys,
    customer_merges,
    customer_traits,
    merge_suggestions,
    offers_made,
    pipeline_runs,
    quarantined_rows,
)
from bot.database.people import agents, churn_models, customer_identities, customer_profiles, customers
from bot.database.tables import metadata
from bot.ids import new_id
from bot.messages import HandOff, HandoffReason, InboundMessage, Reply, Turn, TurnRequest
from tests.agents import agent_row
from tests.conversations.conftest import settle

NAME, PHONE, EMAIL, ADDRESS = "欧阳鹭飞", "+8619947110815", "quetzal.wick@unmistakable.example", "厦门市思明区鹭岛暗巷4711号"
VALUES = (NAME, PHONE, EMAIL, ADDRESS)
NUMBER, ORDER = "Z047110815", "A20260101-4711"
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SAID = f"我是{NAME}，电话 {PHONE}，邮箱 {EMAIL}，请寄到 {ADDRESS}"


def hands_off(request: TurnRequest) -> Turn:
    hand_off = HandOff(reason=HandoffReason.CUSTOMER_REQUEST, topic="orders", summary=f"{NAME} {PHONE} wants a person")
    slots = {"new_address": ADDRESS}
    return Turn(message_id=request.message_id, replies=[Reply(text=f"好的，{NAME}")], hand_off=hand_off, slots=slots, language="zh")


async def live(services: Services, service: ConversationService) -> str:
    """Fill the system with the customer's life and return their id: records, a conversation, what was made of it, the shop's rows."""
    async with services.database.write() as connection:
        customer_id: str = await connection.run_sync(_recorded, services.cipher)
        await store.open_inbox(connection, "website", channel="website", name="Website")
        await store.lock_thread(connection, inbox_id="website", channel_user="visitor-of-quetzal", language="zh")
        await connection.execute(sa.update(threads).values(customer_id=customer_id))
    message = await service.receive(InboundMessage(inbox_id="website", channel_user="visitor-of-quetzal", client_id="m-1", text=SAID))
    await settle(service)
    async with services.database.write() as connection:
        await connection.run_sync(_beside_the_conversation, services.cipher, message.conversation_id, message.thread_id)
        await connection.run_sync(_at_the_shop, services.cipher)
    await services.redis.set("yingda:limit:message:visitor-of-quetzal", 3)
    await services.redis.hset("yingda:some_hash", message.conversation_id, EMAIL)
    return customer_id


def _put(connection: sa.Connection, table: sa.Table, **values: Any) -> None:
    connection.execute(sa.insert(table).values(**values))


def _sealed(cipher: Cipher, table: str, **values: str) -> dict[str, bytes]:
    return {name: cipher.encrypt(value, column=f"{table}.{name}") for name, value in values.items()}


def _recorded(connection: sa.Connection, cipher: Cipher) -> str:
    """Make two records of the person, merged, with all that intelligence knows; return the id of the one that the shop knows."""
    ours, crm, stranger = new_id(), new_id(), new_id()
    _put(connection, customers, id=ours, shop_customer_id=NUMBER, language="zh", created_at=NOW - timedelta(days=400))
    _put(connection, customers, id=crm, merged_into=ours, created_at=NOW - timedelta(days=300))
    _put(connection, customers, id=stranger, created_at=NOW)
    for one in (ours, crm):
        _put(
            connection,
            customer_identities,
            customer_id=one,
            phone_index=cipher.index(PHONE, column="customer_identities.phone"),
            email_index=cipher.index(EMAIL, column="customer_identities.email"),
            **_sealed(cipher, "customer_identities", name=NAME, phone=PHONE, email=EMAIL, address=ADDRESS, birth_date="1990-05-01"),
        )
    run, model = new_id(), new_id()
    _put(connection, pipeline_runs, id=run, step="ingest", code_version="1", status="done", counts={}, started_at=NOW)
    _put(connection, churn_models, id=model, status="live", weights={}, card={}, created_at=NOW)
    refused = {"run_id": run, "file": "crm.csv", "row": 17, "rule": "date", "created_at": NOW}
    for column, value in (("email", f" {EMAIL.upper()}"), ("birth_date", "31.02.1990")):
        sealed = cipher.encrypt(value, column="quarantined_rows.value")
        _put(connection, quarantined_rows, id=new_id(), column=column, value=sealed, **refused)
    other = cipher.encrypt("somebody@else.example", column="quarantined_rows.value")
    _put(connection, quarantined_rows, id=new_id(), column="email", value=other, **{**refused, "row": 18})
    _put(connection, customer_keys, source="crm", key=EMAIL, customer_id=crm, created_at=NOW)
    _put(
        connection,
        customer_events,
        source="crm",
        key="e-1",
        revision=1,
        customer_id=crm,
        kind="csat",
        at=NOW,
        created_at=NOW,
        withdrawn=False,
    )
    _put(connection, customer_traits, customer_id=crm, name="nickname", value=NAME, source="crm", at=NOW, created_at=NOW)
    _put(
        connection,
        merge_suggestions,
        id=new_id(),
        left_id=ours,
        right_id=stranger,
        probability=0.6,
        reasons={},
        status="open",
        created_at=NOW,
    )
    _put(connection, customer_merges, id=new_id(), kept_id=ours, merged_id=crm, why="verified_phone", actor="resolve", created_at=NOW)
    record = {
        "customer_id": ours,
        "segment": "loyal",
        "value_minor": 500_000,
        "expected_loss_minor": 450_000,
        "churn": {"probability": 0.9, "level": "high", "reasons": []},
    }
    _put(connection, customer_profiles, customer_id=ours, record=record, model_id=model, updated_at=NOW)
    _put(connection, churn_scores, model_id=model, customer_id=ours, at=NOW, probability=0.9)
    offer = {"kind": "percent", "value": 10, "rule": "high", "held_out": False, "reasons": {}, "created_at": NOW}
    _put(connection, offers_made, id=new_id(), customer_id=ours, **offer)
    return ours


def _beside_the_conversation(connection: sa.Connection, cipher: Cipher, conversation_id: str, thread_id: str) -> None:
    event = {"event": "slot", "name": "new_address", "value": ADDRESS}
    _put(connection, tracker_events, conversation_id=conversation_id, seq=1, event=event)
    result = {"slots": {"email": EMAIL}}
    _put(connection, turns, conversation_id=conversation_id, message_id=new_id(), epoch=1, result=result, created_at=NOW)
    effect = {"action": "change_address", "epoch": 1, "state": "done", "summary": {"address": ADDRESS}, "result": {}, "created_at": NOW}
    _put(connection, effects, conversation_id=conversation_id, message_id=new_id(), **effect)
    _put(connection, feedback, conversation_id=conversation_id, csat=5, comment=f"谢谢 {NAME}", created_at=NOW)
    threaded = {"thread_id": thread_id, "inbox_id": "website"}
    _put(connection, channel_threads, **threaded, customer_at=NOW, reply_token="token-of-quetzal")
    message_id = connection.execute(sa.select(messages.c.id).where(messages.c.conversation_id == conversation_id).limit(1)).scalar_one()
    sent = {"seq": 1, "state": "sent", "vendor_id": "wamid.quetzal", "created_at": NOW}
    _put(connection, outbox, message_id=message_id, conversation_id=conversation_id, **threaded, **sent)
    asked = {"actor": "bot", "created_at": NOW, "expires_at": NOW}
    _put(connection, link_tokens, id=new_id(), thread_id=thread_id, **asked)
    file = {"id": new_id(), "message_id": message_id, "inbox_id": "website", "place": 0, "kind": "file", "ref": "f-1", "created_at": NOW}
    _put(connection, media, **file, state="kept", mime="text/plain", size=len(SAID.encode()))
    _put(connection, media_parts, media_id=file["id"], number=0, data=cipher.seal(SAID.encode(), column="media_parts.data"))
    agent = agent_row("silent")
    _put(connection, agents, **agent)
    escalation_id = connection.execute(sa.select(escalations.c.id).where(escalations.c.conversation_id == conversation_id)).scalar_one()
    _put(connection, escalation_skips, escalation_id=escalation_id, agent_id=agent["id"], reason="no_first_reply", created_at=NOW)
    proof = {"order_number": ORDER, "succeeded": True, "shop_customer_id": NUMBER, "created_at": NOW}
    _put(connection, proof_attempts, id=new_id(), thread_id=thread_id, **proof)


def _at_the_shop(connection: sa.Connection, cipher: Cipher) -> None:
    shop = metadata.tables
    who = json.dumps({"name": NAME, "phone": PHONE, "email": EMAIL, "address": ADDRESS}, ensure_ascii=False)
    line, tracking = f"{ORDER}-1", "SF47110815"
    place = {"language": "zh", "city_zh": "厦门", "city_en": "Xiamen", "country": "CN", "registered_at": NOW}
    _put(connection, shop["shop_customers"], customer_id=NUMBER, **_sealed(cipher, "shop_customers", identity=who), **place)
    _put(
        connection,
        shop["shop_products"],
        sku="Q-1",
        name_zh="灯",
        name_en="Lamp",
        category="home",
        price_minor=1,
        currency="CNY",
        attributes={},
    )
    order = {"status": "paid", "payment_status": "paid", "payment_method": "card", "total_minor": 1, "currency": "CNY"}
    times = {"placed_at": NOW, "promised_at": NOW}
    sealed = _sealed(cipher, "shop_orders", receiver=who)
    _put(connection, shop["shop_orders"], number=ORDER, customer_id=NUMBER, **sealed, **order, **times)
    _put(connection, shop["shop_order_lines"], id=line, order_number=ORDER, sku="Q-1", quantity=1, price_minor=1)
    _put(connection, shop["shop_shipments"], tracking_number=tracking, order_number=ORDER, carrier="SF", status="delivered", shipped_at=NOW)
    seen = {"position": 1, "at": NOW, "code": "picked_up", "city_zh": "厦门", "city_en": "Xiamen"}
    _put(connection, shop["shop_tracking_events"], tracking_number=tracking, **seen)
    back = {"kind": "return", "reason": "broken", "status": "requested", "amount_minor": 1, "requested_at": NOW}
    _put(connection, shop["shop_returns"], number=f"R{line}", order_line_id=line, **back)
    title = _sealed(cipher, "shop_invoices", title=NAME)
    _put(connection, shop["shop_invoices"], number="I-1", order_number=ORDER, **title, tax_number="", amount_minor=1, issued_at=NOW)
    member = {"tier": "gold", "status": "active", "started_at": NOW, "renews_at": NOW, "price_minor": 1, "currency": "CNY"}
    _put(connection, shop["shop_memberships"], customer_id=NUMBER, **member)
    coupon = {"kind": "amount", "value": 1, "currency": "CNY", "source": "campaign", "expires_at": NOW}
    _put(connection, shop["shop_coupons"], code="Q", customer_id=NUMBER, **coupon)
    _put(connection, shop["shop_page_visits"], customer_id=NUMBER, page="product", at=NOW)
    _put(connection, shop["shop_contacts"], customer_id=NUMBER, topic="orders", channel="phone", resolved=True, at=NOW)
