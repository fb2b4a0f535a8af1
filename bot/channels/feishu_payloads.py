"""What Feishu sends and answers, as far as we read it."""

from __future__ import annotations

import msgspec


class FeishuSealed(msgspec.Struct, frozen=True):
    encrypt: str


class FeishuHeader(msgspec.Struct, frozen=True):
    event_id: str = ""
    event_type: str = ""
    token: str = ""


class FeishuSenderId(msgspec.Struct, frozen=True):
    open_id: str = ""


class FeishuSender(msgspec.Struct, frozen=True):
    sender_type: str = ""


class FeishuMessage(msgspec.Struct, frozen=True):
    message_id: str = ""
    chat_id: str = ""
    chat_type: str = ""
    message_type: str = ""
    content: str = "{}"


class FeishuContext(msgspec.Struct, frozen=True):
    open_chat_id: str = ""


class FeishuValue(msgspec.Struct, frozen=True):
    button_id: str = ""


class FeishuAction(msgspec.Struct, frozen=True):
    value: FeishuValue = FeishuValue()


class FeishuEvent(msgspec.Struct, frozen=True):
    sender: FeishuSender = FeishuSender()
    message: FeishuMessage = FeishuMessage()
    action: FeishuAction = FeishuAction()
    context: FeishuContext = FeishuContext()
    message_id: str = ""  # of a recalled message
    chat_id: str = ""


class FeishuBody(msgspec.Struct, frozen=True):
    type: str = ""
    challenge: str = ""
    token: str = ""
    header: FeishuHeader = FeishuHeader()
    event: FeishuEvent = FeishuEvent()


class FeishuContent(msgspec.Struct, frozen=True):
    text: str = ""
    image_key: str = ""
    file_key: str = ""
    file_name: str = ""
    name: str = ""
    longitude: str = ""
    latitude: str = ""


class FeishuSent(msgspec.Struct, frozen=True):
    message_id: str = ""


class FeishuResult(msgspec.Struct, frozen=True):
    code: int = 0
    data: FeishuSent | None = None
    tenant_access_token: str = ""
    expire: int = 0
