"""Talking to the actions as Rasa would: its rules and its way with forms, in a page. Full Rasa does the same in test_with_rasa.py."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from rasa_sdk.executor import ActionExecutor

from bot.languages import reply_language
from tests.actions.texts import COMPANY, domain, fill, rules, variation

_PAYLOAD = re.compile(r"/(\w+)(\{.*\})?", re.DOTALL)


@dataclass
class Said:
    """One reply: the response's name, its text as the customer sees it, buttons by title, cards."""

    response: str
    text: str
    buttons: dict[str, str]
    cards: list[dict[str, Any]]


@dataclass
class Turn:
    replies: list[Said] = field(default_factory=list)
    hand_off: dict[str, str] | None = None

    @property
    def responses(self) -> list[str]:
        return [reply.response for reply in self.replies]

    @property
    def text(self) -> str:
        return "\n".join(reply.text for reply in self.replies)

    @property
    def cards(self) -> list[dict[str, Any]]:
        return [card for reply in self.replies for card in reply.cards]

    @property
    def buttons(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for reply in self.replies:
            found.update(reply.buttons)
        for card in self.cards:
            found.update(
                {f"{card.get('subtitle', card['title'])} {button['title']}": button["payload"] for button in card.get("buttons", [])}
            )
        return found


class Chat:
    """One conversation. `intent` and `entities` stand for what the NLU makes of the text."""

    def __init__(self, executor: ActionExecutor, conversation: str, language: str = "zh", *, epoch: int = 1) -> None:
        self.executor = executor
        self.conversation = conversation
        self.language = language
        self.epoch = epoch
        self.slots: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.form: str | None = None
        self.count = 0
        self.turn = Turn()

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
        """Send a message and return what the bot made of it."""
        self.language = reply_language(text, self.language)
        self.count += 1
        self.turn = Turn()
        message = self._user(text, intent, entities, ranking or [(intent, 0.9)], foreign, corrected)
        self.events.append(message)
        if "order_number" in entities:
            self._apply({"event": "slot", "name": "order_number", "value": entities["order_number"]})
        await self._decide(intent)
        self.events.append({"event": "action", "name": "action_listen"})
        return self.turn

    async def press(self, title: str) -> Turn:
        """Press a button of the last turn, by the beginning or the whole of its title (that of a card's begins with the subtitle)."""
        found = [(name, payload) for name, payload in self.turn.buttons.items() if name == title or name.endswith(title)]
        assert found, f"no button {title!r} among {list(self.turn.buttons)}"
        name, payload = found[0]
        match = _PAYLOAD.fullmatch(payload)
        assert match, payload
        return await self.say(name, match[1], **json.loads(match[2] or "{}"))

    async def _decide(self, intent: str) -> None:
        rejected = False
        if self.form:
            rejected = not await self._run_form(self.form, may_reject=True)
            if not rejected:
                return await self._after_form()
        interrupted = self.form
        action = _first_action(intent)
        if action.endswith("_form"):
            if action == self.form:
                await self._run_form(action)
            else:
                await self._start_form(action)
            return await self._after_form()
        await self._run(action)
        if self.form and self.form == interrupted and rejected:
            await self._run_form(self.form)
            await self._after_form()
        return None

    async def _after_form(self) -> None:
        """Run what follows a form that is over."""
        finished = self.events_form
        if self.form is None and finished:
            self.events_form = ""
            await self._run(_conclusion(finished))

    events_form: str = ""

    async def _start_form(self, form: str) -> None:
        self._apply({"event": "active_loop", "name": form})
        await self._run_form(form)

    async def _run_form(self, form: str, *, may_reject: bool = False) -> bool:
        """Validate, then ask or end; False when the form rejects the message."""
        self.events_form = form
        self.events.append({"event": "action", "name": form})
        events = await self._call(f"validate_{form}", apply=False)
        slots = [event for event in events if event["event"] == "slot"]
        if may_reject and all(event["name"] == "requested_slot" for event in slots):
            self.events.pop()
            self.turn.replies.clear()  # what a rejecting form says is lost
            return False
        self._tell()
        for event in events:
            self._apply(event)
        asked = next(event["value"] for event in slots if event["name"] == "requested_slot")
        if asked is None:
            self._apply({"event": "active_loop", "name": None})
            return True
        actions = domain()["actions"]
        for name in (f"action_ask_{form}_{asked}", f"utter_ask_{form}_{asked}", f"action_ask_{asked}", f"utter_ask_{asked}"):
            if name in actions or name in domain()["responses"]:
                await self._run(name, log=False)
                return True
        raise AssertionError(f"nothing asks for {asked}")

    async def _run(self, action: str, *, log: bool = True) -> None:
        if log:
            self.events.append({"event": "action", "name": action})
        if action.startswith("utter_"):
            self._utter({"response": action})
            return
        followup = ""
        for event in await self._call(action):
            if event["event"] == "followup":
                followup = event["name"]
        if followup:
            if followup != self.form:
                await self._start_form(followup)
            else:
                await self._run_form(followup)
            await self._after_form()

    async def _call(self, action: str, *, apply: bool = True) -> list[dict[str, Any]]:
        tracker = {
            "sender_id": self.conversation,
            "slots": dict(self.slots),
            "latest_message": self.latest,
            "events": list(self.events),
            "active_loop": {"name": self.form} if self.form else {},
            "latest_action_name": "action_listen",
        }
        answer = await self.executor.run({"next_action": action, "tracker": tracker, "domain": {}})
        assert answer is not None
        self._pending = answer["responses"]
        if apply:
            self._tell()
            for event in answer["events"]:
                self._apply(event)
        return list(answer["events"])

    def _tell(self) -> None:
        for message in self._pending:
            self._utter(message)
        self._pending = []

    def _utter(self, message: dict[str, Any]) -> None:
        custom = message.get("custom") or {}
        if "hand_off" in custom:
            self.turn.hand_off = custom["hand_off"]
            return
        response = message["response"]
        written = variation(response, self.language)
        text = fill(written["text"], {**self.slots, "company": COMPANY[self.language], **message})
        own = {button["title"]: button["payload"].replace("{{", "{").replace("}}", "}") for button in written.get("buttons", [])}
        given = {button["title"]: button["payload"] for button in message.get("buttons") or []}
        self.turn.replies.append(Said(response, text, {**own, **given}, custom.get("cards") or []))
        self.events.append({"event": "bot", "text": text, "metadata": {"utter_action": response}})

    def _apply(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        if event["event"] == "slot":
            self.slots[event["name"]] = event["value"]
        if event["event"] == "active_loop":
            self.form = event["name"]

    def _user(
        self, text: str, intent: str, entities: dict[str, str], ranking: list[tuple[str, float]], foreign: bool, corrected: str | None
    ) -> dict[str, Any]:
        parsed = {
            "text": text,
            "intent": {"name": intent, "confidence": ranking[0][1]},
            "intent_ranking": [{"name": name, "confidence": confidence} for name, confidence in ranking],
            "entities": [{"entity": name, "value": value} for name, value in entities.items()],
            "novelty": {"familiarity": 0.0 if foreign else 2.0, "threshold": 1.0},
            **({"corrected": corrected} if corrected else {}),
        }
        metadata = {"message_id": f"m{self.count}", "epoch": self.epoch, "language": self.language}
        self.latest = {**parsed, "metadata": metadata}
        return {"event": "user", "text": text, "parse_data": parsed, "metadata": metadata}


def _first_action(intent: str) -> str:
    for rule in rules():
        steps = rule["steps"]
        if steps[0].get("intent") == intent:
            return str(steps[1]["action"])
    raise AssertionError(f"no rule for {intent}")


def _conclusion(form: str) -> str:
    for rule in rules():
        steps = rule["steps"]
        if steps[0].get("action") == form:
            return str(steps[-1]["action"])
    raise AssertionError(f"nothing follows {form}")
