"""The turn that is being computed: what the seams at both ends of Rasa know of each other."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from bot.dialogue.output import Output
from bot.messages import Turn, TurnRequest


@dataclass
class TurnContext:
    """Made for each message. The endpoint notes a failed action in it, the tracker store the stored turn or that it is stale."""

    request: TurnRequest
    tracker_seq: int = 0  # events in SQL when the turn began
    output: Output = field(default_factory=Output)
    failed_action: str = ""
    stored_events: int = 0  # of the tracker's events, these are in SQL
    turn: Turn | None = None
    stale: bool = False

    def fail(self, action: str) -> None:
        """Note that an action failed; the first one counts, since what follows is often its consequence."""
        self.failed_action = self.failed_action or action


current_turn: ContextVar[TurnContext] = ContextVar("current_turn")
