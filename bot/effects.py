"""Deeds behind the fence: an action changes the world once for each (conversation, message, action), and only as the owner.

The SQL shop runs its change inside `effect(...)`, so that the epoch is checked, the change made and the result recorded in one
transaction. The HTTP shop records the intention here first, calls with the key as `Idempotency-Key`, then records the result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database.conversations import conversations, effects
from bot.errors import ConflictError
from bot.ids import utcnow
from bot.messages import Status


@dataclass(frozen=True)
class EffectKey:
    """Who asks for a change: the conversation at this epoch, because of this message, by this action."""

    conversation_id: str
    message_id: str
    action: str
    epoch: int

    def __str__(self) -> str:
        return f"{self.conversation_id}:{self.message_id}:{self.action}"


@dataclass
class Effect:
    """A recorded effect. `done` means that an earlier run of the same turn made it: use its result and change nothing."""

    key: EffectKey
    state: str = "pending"
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.state == "done"


async def begin(connection: AsyncConnection, key: EffectKey) -> Effect:
    """Check the fence, then find or record the effect, as the first statements of a write transaction.

    Raises ConflictError when the bot no longer owns the conversation at this epoch: then nothing may be changed.
    """
    fence = (
        sa.update(conversations)
        .where(conversations.c.id == key.conversation_id, conversations.c.epoch == key.epoch, conversations.c.status == Status.BOT)
        .values(effect_count=conversations.c.effect_count + 1)
    )
    where = (effects.c.conversation_id == key.conversation_id, effects.c.message_id == key.message_id, effects.c.action == key.action)
    if (await connection.execute(fence)).rowcount != 1:
        raise ConflictError(f"the bot no longer owns conversation {key.conversation_id} at epoch {key.epoch}; {key.action} changed nothing")
    row = (await connection.execute(sa.select(effects.c.state, effects.c.result).where(*where))).first()
    if row:
        return Effect(key, row.state, row.result)
    await connection.execute(
        sa.insert(effects).values(
            conversation_id=key.conversation_id,
            message_id=key.message_id,
            action=key.action,
            epoch=key.epoch,
            state="pending",
            summary={},
            result={},
            told=False,
            created_at=utcnow(),
        )
    )
    return Effect(key)


async def finish(connection: AsyncConnection, effect: Effect, *, summary: dict[str, Any], result: dict[str, Any]) -> None:
    """Record what was done: `result` for a second run of the turn, `summary` (`key` of a notice and its values) for the agent."""
    key = effect.key
    await connection.execute(
        sa.update(effects)
        .where(effects.c.conversation_id == key.conversation_id, effects.c.message_id == key.message_id, effects.c.action == key.action)
        .values(state="done", summary=summary, result=result)
    )
    effect.state, effect.result = "done", result
