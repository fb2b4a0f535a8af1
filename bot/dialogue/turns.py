"""One message in, one turn out: the whole way through Rasa, readable in `Turns.respond`."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from weakref import WeakValueDictionary

from rasa.core.channels.channel import UserMessage

from bot.dialogue.context import TurnContext, current_turn
from bot.dialogue.output import CHANNEL
from bot.dialogue.processor import TurnProcessor
from bot.dialogue.tracker_store import Recorded, SqlTrackerStore
from bot.errors import InputError, NotFoundError
from bot.messages import Turn, TurnRequest

logger = logging.getLogger(__name__)


class Turns:
    """Computes turns, those of one conversation one after the other."""

    def __init__(self, processor: TurnProcessor, store: SqlTrackerStore) -> None:
        self._processor = processor
        self._store = store
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def respond(self, request: TurnRequest) -> Turn:
        """Return the turn recorded for this message, or compute and record it; a stale request changes nothing.

        Raises NotFoundError for an unknown conversation, InputError for a button whose intent or entities the model does not have.
        """
        lock = self._locks.setdefault(request.conversation_id, asyncio.Lock())
        async with lock:
            recorded = await self._store.look_up(request)
            if recorded is None:
                raise NotFoundError(f"there is no conversation {request.conversation_id!r}")
            if recorded.turn:
                return recorded.turn
            if not recorded.admits(request):
                return _stale(request)
            return await self._compute(request, recorded)

    async def _compute(self, request: TurnRequest, recorded: Recorded) -> Turn:
        context = TurnContext(request, tracker_seq=recorded.tracker_seq)
        message = UserMessage(
            request.text,
            context.output,
            request.conversation_id,
            parse_data=self._pressed(request),
            input_channel=CHANNEL,
            message_id=request.message_id,
            metadata={"message_id": request.message_id, "epoch": request.epoch, "language": request.language},
        )
        token = current_turn.set(context)
        try:
            await self._processor.handle_message(message)
        finally:
            current_turn.reset(token)
        if context.turn is None:
            logger.info("refused a stale turn of conversation %s at epoch %s", request.conversation_id, request.epoch)
            return _stale(request)
        return context.turn

    def _pressed(self, request: TurnRequest) -> dict[str, Any] | None:
        """Return what the press of a button means, ready parsed, or None when there is a text to interpret."""
        if not request.intent:
            return None
        domain = self._processor.domain
        unknown = [name for name in request.entities if name not in domain.entities]
        if request.intent not in domain.intents or unknown:
            raise InputError(f"the model has no intent {request.intent!r} with entities {sorted(request.entities)}")
        return {
            "text": request.text,
            "intent": {"name": request.intent, "confidence": 1.0},
            "intent_ranking": [{"name": request.intent, "confidence": 1.0}],
            "entities": [{"entity": name, "value": value, "extractor": "button"} for name, value in request.entities.items()],
        }


def _stale(request: TurnRequest) -> Turn:
    return Turn(message_id=request.message_id, completed=False, stale=True, language=request.language)
