"""What one address, or one visitor, may hold and begin at one web process. Several processes count each for itself.

This is kept in memory: it costs a message nothing, and holds while Redis is away.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bot.conversations.window import Window
from bot.errors import TooManyError
from bot.settings import Settings

OPENED_IN_S, BEGUN_IN_S = 60, 3600
OPENINGS_PER_LINE = 2  # in a minute: after a break all lines of an address are opened anew
TRY_AGAIN_S = 30

log = logging.getLogger(__name__)


class Callers:
    def __init__(self, settings: Settings) -> None:
        self._most_sockets = settings.sockets_per_address
        self._most_of_visitor = settings.sockets_per_visitor
        self._most_conversations = settings.conversations_per_address
        self._lines: Counter[str] = Counter()
        self._opened = Window(OPENED_IN_S)
        self._begun = Window(BEGUN_IN_S)
        self._told = Window(BEGUN_IN_S)  # who was refused a line, so that the log says it once

    def opens(self, caller: str) -> None:
        """Count a live connection that is being opened, by whomever; TooManyError when there are too many within a minute."""
        most = OPENINGS_PER_LINE * self._most_sockets
        count = self._opened.add(caller)
        if count == most + 1:
            log.warning("one address has opened more than %d live connections within a minute; more are refused", most)
        if count > most:
            raise TooManyError(f"too many live connections are opened; allowed are {most} a minute", retry_after_s=self._opened.left_s)

    @contextmanager
    def line(self, caller: str, visitor: str) -> Iterator[None]:
        """Hold a visitor's live connection; TooManyError when the address or the visitor holds too many."""
        held = {f"visitor {visitor}": self._most_of_visitor, f"address {caller}": self._most_sockets}
        for name, most in held.items():
            if self._lines[name] >= most:
                who = name.partition(" ")[0]
                if self._told.add(name) == 1:
                    log.warning("one %s holds %d live connections; more are refused", who, most)
                raise TooManyError(f"this {who} holds {most} live connections; close one, or wait", retry_after_s=TRY_AGAIN_S)
        self._lines.update(held.keys())
        try:
            yield
        finally:
            self._lines.subtract(held.keys())
            for name in held:
                if not self._lines[name]:
                    del self._lines[name]

    def begins(self, caller: str) -> None:
        """Count a new conversation."""
        if self._begun.add(caller) == self._most_conversations:
            log.warning("one address has begun %d conversations within an hour; more are refused", self._most_conversations)

    def may_begin(self, caller: str) -> bool:
        """Say whether the address may begin a further conversation in this hour."""
        return self._begun.of(caller) < self._most_conversations

    def refuse_to_begin(self) -> TooManyError:
        return TooManyError(
            f"too many new conversations; allowed are {self._most_conversations} an hour from one address", retry_after_s=self._begun.left_s
        )
