"""What lark-oapi makes of a sealed and signed event, and how it gets a token and sends a text."""

from __future__ import annotations

import json
import sys

import lark_oapi as lark  # type: ignore[import-not-found]
from lark_oapi.api.im.v1 import CreateMessageRequest, CreateMessageRequestBody, P2ImMessageReceiveV1  # type: ignore[import-not-found]
from lark_oapi.core.model import RawRequest  # type: ignore[import-not-found]

asked = json.load(sys.stdin)
read: list[list[str]] = []


def hear(event: P2ImMessageReceiveV1) -> None:
    message = event.event.message
    read.append([message.chat_id, message.message_id, json.loads(message.content)["text"]])


def take(body: str) -> int:
    request = RawRequest()
    request.uri, request.body = "/", body.encode()
    request.headers = {name.title(): value for name, value in asked["headers"].items()}
    builder = lark.EventDispatcherHandler.builder(asked["encrypt_key"], asked["token"])
    return int(builder.register_p2_im_message_receive_v1(hear).build().do(request).status_code)


statuses = [take(asked["body"]), take(asked["body"].replace('"}', ' "}'))]
client = lark.Client.builder().app_id("cli_1").app_secret("s").domain(asked["url"]).build()
content = (
    CreateMessageRequestBody.builder()
    .receive_id("oc_1")
    .msg_type("text")
    .content(json.dumps({"text": "你好"}, ensure_ascii=False, separators=(",", ":")))
    .uuid(asked["key"])
    .build()
)
answer = client.im.v1.message.create(CreateMessageRequest.builder().receive_id_type("chat_id").request_body(content).build())
print(json.dumps({"read": read, "statuses": statuses, "sent": answer.data.message_id}))
