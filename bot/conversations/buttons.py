"""What a pressed button means. Clients send ids; intents and entities come from what we showed, never from outside."""

from __future__ import annotations

import re

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.errors import InputError
from bot.languages import notice
from bot.messages import Button

# Buttons that are there in every conversation, with the intent that they stand for.
BUILT_IN = {"human": "human_handoff", "bot": "", "skip": ""}

# Questions that the greeting offers: `ask:<intent>`.
GREETING_INTENTS = (
    "order_status",
    "track_shipment",
    "return_item",
    "cancel_order",
    "request_invoice",
    "delivery_problem",
    "membership_status",
    "membership_benefits",
    "recommend_products",
    "delivery_time",
    "return_policy",
    "payment_problem",
)

# Cards of recent orders in the greeting: `order:<number>`. The action checks whose order it is, as for a typed number.
_ORDER = re.compile(r"order:([\w#-]{1,40})")


async def meaning(connection: AsyncConnection, thread_id: str, button_id: str) -> Button | None:
    """Return what the button means; None when nothing with this id was shown in this thread."""
    if button_id in BUILT_IN:
        return Button(id=button_id, title="", intent=BUILT_IN[button_id])
    if button_id.startswith("ask:") and (intent := button_id.removeprefix("ask:")) in GREETING_INTENTS:
        return Button(id=button_id, title="", intent=intent)
    if match := _ORDER.fullmatch(button_id):
        return Button(id=button_id, title=match[1], intent="order_status", entities={"order_number": match[1]})
    shown = await store.find_button(connection, thread_id, button_id)
    return msgspec.convert(shown, Button) if shown else None


async def title(connection: AsyncConnection, thread_id: str, button_id: str, language: str) -> str:
    """Return the words that a press says in the conversation; InputError for a button that was never shown."""
    button = await meaning(connection, thread_id, button_id)
    if button is None:
        raise InputError(f"button_id {button_id[:80]!r} is not a button of this conversation; send the id of one that was shown")
    return button.title or notice("button_" + button_id.removeprefix("ask:"), language)
