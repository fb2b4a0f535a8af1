"""What goes to Rasa and what comes back: the request for a turn, and replies with their places and buttons."""

from __future__ import annotations

import msgspec

from bot.conversations import store
from bot.conversations.buttons import BUILT_IN
from bot.ids import new_id, utcnow
from bot.languages import notice
from bot.messages import Button, Card, Content, HandOff, HandoffReason, Kind, Message, Reply, Sender, Turn, TurnRequest


def bot_message(conversation: store.Row, seq: int, reply: Reply) -> Message:
    """Give a reply its place and its buttons ids that no other message has."""
    message_id = new_id()
    count = 0

    def named(buttons: list[Button]) -> list[Button]:
        nonlocal count
        renamed = []
        for button in buttons:
            renamed.append(msgspec.structs.replace(button, id=f"{message_id}/{count}"))
            count += 1
        return renamed

    cards: list[Card] = [msgspec.structs.replace(card, buttons=named(card.buttons)) for card in reply.cards]
    return Message(
        id=message_id,
        thread_id=conversation.thread_id,
        conversation_id=conversation.id,
        seq=seq,
        sender=Sender.BOT,
        text=reply.text,
        created_at=utcnow(),
        content=Content(buttons=named(reply.buttons), cards=cards, skippable=reply.skippable),
        language=conversation.language,
    )


def request_of(conversation: store.Row, message: Message, pressed: Button | None) -> TurnRequest:
    return TurnRequest(
        conversation_id=conversation.id,
        message_id=message.id,
        epoch=conversation.epoch,
        text=message.text,
        language=conversation.language,
        intent=pressed.intent if pressed else "",
        entities=pressed.entities if pressed else {},
    )


def failure_of(turn: Turn) -> HandOff | None:
    """An action that failed and an empty answer both mean that the bot cannot go on: a customer never gets silence."""
    if turn.failed_action or not turn.replies:
        return HandOff(reason=HandoffReason.ACTION_FAILED)
    return None


def unread(message: Message) -> Turn:
    """Answer what is no text, a picture or a voice message: politely, and with the way to a person, who can look at it."""
    if message.content.kind is Kind.EVENT:
        return Turn(message_id=message.id, replies=[Reply(text=notice("hello", message.language))])
    human = Button(id="human", title=notice("button_human", message.language), intent=BUILT_IN["human"])
    return Turn(message_id=message.id, replies=[Reply(text=notice("cannot_read", message.language), buttons=[human])])
