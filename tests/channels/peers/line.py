"""What line-bot-sdk makes of a webhook, how it builds one, and how it pushes a text."""

from __future__ import annotations

import json
import sys

from linebot.v3 import WebhookParser  # type: ignore[import-not-found]
from linebot.v3.exceptions import InvalidSignatureError  # type: ignore[import-not-found]
from linebot.v3.messaging import (  # type: ignore[import-not-found]
    ApiClient,
    Configuration,
    MessagingApi,
    PostbackAction,
    PushMessageRequest,
    QuickReply,
    QuickReplyItem,
    TextMessage,
)
from linebot.v3.webhooks import (  # type: ignore[import-not-found]
    CallbackRequest,
    DeliveryContext,
    EventMode,
    MessageEvent,
    PostbackContent,
    PostbackEvent,
    TextMessageContent,
    UserSource,
)

asked = json.load(sys.stdin)
parser = WebhookParser(asked["secret"])
read = [[each.source.user_id, each.message.id, each.message.text] for each in parser.parse(asked["body"], asked["signature"])]
try:
    parser.parse(asked["body"] + " ", asked["signature"])
    refuses = False
except InvalidSignatureError:
    refuses = True

common = {
    "timestamp": 1,
    "mode": EventMode.ACTIVE,
    "source": UserSource(user_id="U1"),
    "delivery_context": DeliveryContext(is_redelivery=False),
    "reply_token": "t",
}
text = TextMessageContent(id="77", text="退货 please", quote_token="q")
events = [
    MessageEvent(webhook_event_id="E1", message=text, **common),
    PostbackEvent(webhook_event_id="E2", postback=PostbackContent(data="m/0"), **common),
]
built = CallbackRequest(destination="U" + "0" * 32, events=events).to_json()

action = PostbackAction(label="退货", data="m/0", display_text="退货")
message = TextMessage(text="Which?", quick_reply=QuickReply(items=[QuickReplyItem(action=action)]))
with ApiClient(Configuration(host=asked["url"], access_token="line-token")) as client:
    answer = MessagingApi(client).push_message(PushMessageRequest(to="U1", messages=[message]), x_line_retry_key=asked["key"])
print(json.dumps({"read": read, "refuses": refuses, "built": built, "sent": answer.sent_messages[0].id}))
