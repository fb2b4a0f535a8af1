"""What travels: messages in, replies out, and the words for who says and owns what."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Sender(StrEnum):
    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"


class Status(StrEnum):
    BOT = "bot"
    WAITING = "waiting"
    AGENT = "agent"
    RESOLVED = "resolved"


class HandoffReason(StrEnum):
    """Why the bot does not go on; each has its sentence in both languages for customer and agent."""

    CUSTOMER_REQUEST = "customer_request"
    NOT_UNDERSTOOD = "not_understood"
    COMPLAINT = "complaint"
    CHURN_RISK = "churn_risk"
    ACTION_FAILED = "action_failed"
    BOT_DOWN = "bot_down"
    LOCKED_OUT = "locked_out"
    FOLLOW_UP = "follow_up"  # the customer writes again soon after an agent has resolved
    OUTREACH = "outreach"  # an agent has written first, and the customer answers


class Button(msgspec.Struct, frozen=True, omit_defaults=True):
    """A choice. The client sees id and title only; `intent` and `entities` stay on the server and are what the press means."""

    id: str
    title: str
    intent: str = ""
    entities: dict[str, str] = {}


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """A small box: an order, a product, a shipment. `rows` are (label, value); `steps` are (time, text), newest first."""

    title: str
    subtitle: str = ""
    kind: str = "text"  # order, product, shipment, profile, offer …
    badge: str = ""
    rows: list[tuple[str, str]] = []
    steps: list[tuple[str, str]] = []
    buttons: list[Button] = []


class Kind(StrEnum):
    """What a customer's message is. Anything but a text is kept and answered politely, and never interpreted."""

    TEXT = "text"
    IMAGE = "image"
    FILE = "file"
    VOICE = "voice"
    VIDEO = "video"
    LOCATION = "location"
    STICKER = "sticker"
    EVENT = "event"  # followed us, opened the chat
    OTHER = "other"


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A thing that came with a message: where its channel keeps it, and what is known of it."""

    kind: Kind
    ref: str = ""  # the channel's own id of it, or its address
    name: str = ""
    mime: str = ""
    size: int = 0  # bytes; 0 where the channel does not say


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a message holds beyond its text; stored as JSON in `messages.payload`."""

    buttons: list[Button] = []
    cards: list[Card] = []
    button_id: str = ""  # the customer pressed this one
    notice: str = ""  # system messages: the key of the sentence, so that a client can style it
    csat: bool = False  # system message that asks for a rating
    intent: str = ""  # customer messages: what the NLU made of it, for the desk
    confidence: float = 0.0
    sentiment: float = 0.0  # its tone, -1 to 1
    skippable: bool = False  # the question may be skipped
    kind: Kind = Kind.TEXT  # customer messages
    attachments: list[Attachment] = []
    withdrawn: bool = False  # the customer took the message back; its text is gone


class InboundMessage(msgspec.Struct, frozen=True):
    """One utterance as a channel's parser hands it to the service."""

    inbox_id: str
    channel_user: str
    client_id: str
    text: str = ""
    button_id: str = ""
    language_hint: str = ""  # the page's or the account's language
    page: str = ""
    kind: Kind = Kind.TEXT
    attachments: list[Attachment] = []
    by_channel: bool = False  # came through a messaging channel: what is answered goes to its outbox
    reply_token: str = ""  # a channel's permission to answer this very message
    identity: str = ""  # the shop's JWT for its customer, where the channel carries one
    caller: str = ""  # the network that it came from, as a keyed hash; empty on messaging channels
    customer_id: str | None = None  # whose the thread must be: what the visitor's token says, empty for nobody's; None: not checked


class Message(msgspec.Struct, frozen=True):
    """One stored utterance at its place in the conversation."""

    id: str
    thread_id: str
    conversation_id: str
    seq: int
    sender: Sender
    text: str
    created_at: datetime
    content: Content = Content()
    agent_id: str | None = None
    client_id: str | None = None
    language: str = ""


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One utterance of the bot, before it has a place."""

    text: str = ""
    buttons: list[Button] = []
    cards: list[Card] = []
    skippable: bool = False


class HandOff(msgspec.Struct, frozen=True, omit_defaults=True):
    """The bot's wish to hand over: why, on which topic, and what the agent should know at once."""

    reason: HandoffReason
    topic: str = "general"  # orders, shipping, returns, payments, membership, products, account, general
    summary: str = ""
    question: str = ""  # asked of the customer while waiting; may be skipped


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """What Rasa made of one message: the answer of `POST /webhooks/yingda/turn`."""

    message_id: str
    replies: list[Reply] = []
    completed: bool = True
    stale: bool = False  # the conversation's epoch had moved on; nothing was stored
    failed_action: str = ""
    hand_off: HandOff | None = None
    intent: str = ""
    confidence: float = 0.0
    sentiment: float = 0.0  # of the customer's message, -1 to 1; 0 for a pressed button
    ranking: list[tuple[str, float]] = []
    entities: dict[str, str] = {}
    slots: dict[str, str] = {}
    language: str = ""


class TurnRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the service asks of Rasa. With `intent` (a pressed button) the text is not interpreted."""

    conversation_id: str
    message_id: str
    epoch: int
    text: str
    language: str
    intent: str = ""
    entities: dict[str, str] = {}
