"""The same talk as `Chat`, through Rasa's own policies and forms and our seams; only the action server's HTTP is left out."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from rasa_sdk.executor import ActionExecutor

from bot.database.conversations import tracker_events
from bot.dialogue.endpoint import ActionEndpoint
from bot.dialogue.processor import TurnProcessor
from bot.dialogue.responses import Responses
from bot.dialogue.server import load
from bot.dialogue.tracker_store import SqlTrackerStore
from bot.dialogue.turns import Turns
from bot.errors import ConflictError
from bot.languages import reply_language
from bot.messages import Button, Reply, TurnRequest
from bot.messages import Turn as RasaTurn
from tests.actions.chat import Said, Turn
from tests.actions.texts import COMPANY

EVENTS_SENT = 40  # actions must do with the newest of a long talk
HAND_OFF = ("reason", "topic", "summary", "question")


class Direct(ActionEndpoint):
    """Runs the actions in this process; lets their exceptions through, so that a test sees them."""

    def __init__(self, executor: ActionExecutor) -> None:
        super().__init__("http://nowhere", "token")
        self._executor = executor
        self.raised: Exception | None = None

    async def request(self, method: str = "post", subpath: str | None = None, **kwargs: Any) -> Any:
        body = kwargs["json"]
        tracker = {**body["tracker"], "events": body["tracker"]["events"][-EVENTS_SENT:]}
        call = msgspec.json.decode(msgspec.json.encode({**body, "tracker": tracker}, enc_hook=str))
        try:
            return await self._executor.run(call)
        except Exception as error:
            self.raised = error
            raise


class Understood(Turns):
    """Turns whose NLU is the test's: it says what the text means."""

    parse: dict[str, Any]

    def _pressed(self, request: TurnRequest) -> dict[str, Any] | None:
        return self.parse


class RasaStage:
    """One loaded model for all tests; each gets its own database."""

    def __init__(self, model: Path, executor: ActionExecutor) -> None:
        self.endpoint = Direct(executor)
        self._model = model
        self._processor: TurnProcessor | None = None

    def open(self, url: str) -> Understood:
        store = SqlTrackerStore(url)
        if self._processor is None:
            self._processor = load(self._model, store, Responses(COMPANY), self.endpoint)
        self._processor.tracker_store = store
        store.domain = self._processor.domain
        return Understood(self._processor, store)


class RasaChat:
    def __init__(self, stage: RasaStage, url: str, conversation: str, language: str = "zh", *, epoch: int = 1) -> None:
        self._stage, self._turns = stage, stage.open(url)
        self._engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
        self.conversation, self.language, self.epoch = conversation, language, epoch
        self.count = 0
        self.turn = Turn()
        self.slots: dict[str, Any] = defaultdict(lambda: None)
        self._pressable: dict[str, Button] = {}

    async def say(
        self,
        text: str,
        intent: str,
        *,
        ranking: list[tuple[str, float]] | None = None,
        foreign: bool = False,
        corrected: str | None = None,
        **entities: str,
    ) -> Turn:
        self.language = reply_language(text, self.language)
        self.count += 1
        guesses = ranking or [(intent, 0.9)]
        self._turns.parse = {
            "text": text,
            "intent": {"name": intent, "confidence": guesses[0][1]},
            "intent_ranking": [{"name": name, "confidence": confidence} for name, confidence in guesses],
            "entities": [{"entity": name, "value": value} for name, value in entities.items()],
            "novelty": {"familiarity": 0.0 if foreign else 2.0, "threshold": 1.0},
            **({"corrected": corrected} if corrected else {}),
        }
        before = len(self._events())
        message = f"{self.conversation}-{self.count}"
        self._stage.endpoint.raised = None
        answer = await self._turns.respond(TurnRequest(self.conversation, message, epoch=self.epoch, text=text, language=self.language))
        if self._stage.endpoint.raised:
            raise self._stage.endpoint.raised
        if answer.stale:
            raise ConflictError("stale")
        self.slots = defaultdict(lambda: None, answer.slots)
        self.turn = self._as_turn(answer, self._events()[before:])
        return self.turn

    async def press(self, title: str) -> Turn:
        found = [(name, button) for name, button in self._pressable.items() if name == title or name.endswith(title)]
        assert found, f"no button {title!r} among {list(self._pressable)}"
        name, button = found[0]
        return await self.say(name, button.intent, **button.entities)

    @property
    def form(self) -> str | None:
        loops = [event["name"] for event in self._events() if event["event"] == "active_loop"]
        return loops[-1] if loops else None

    def _events(self) -> list[dict[str, Any]]:
        query = (
            sa.select(tracker_events.c.event).where(tracker_events.c.conversation_id == self.conversation).order_by(tracker_events.c.seq)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def _as_turn(self, answer: RasaTurn, events: list[dict[str, Any]]) -> Turn:
        assert not answer.failed_action, answer.failed_action
        named = [(event.get("metadata") or {}).get("utter_action") for event in events if event["event"] == "bot"]
        names = [name for name in named if name]
        assert len(names) == len(answer.replies), (names, answer.replies)
        self._pressable = {}
        said = [self._said(name, reply) for name, reply in zip(names, answer.replies, strict=True)]
        return Turn(said, {name: str(getattr(answer.hand_off, name)) for name in HAND_OFF} if answer.hand_off else None)

    def _said(self, name: str, reply: Reply) -> Said:
        assert not re.search(r"{\w+}", reply.text), reply.text
        self._pressable.update({button.title: button for button in reply.buttons})
        for card in reply.cards:
            self._pressable.update({f"{card.subtitle or card.title} {button.title}": button for button in card.buttons})
        cards = [{"badge": "", **msgspec.json.decode(msgspec.json.encode(card))} for card in reply.cards]
        return Said(name, reply.text, {button.title: f"/{button.intent}" for button in reply.buttons}, cards)
