"""The way to the action server: one connection kept open, a limit in time, and failures that are noted instead of hidden."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import aiohttp
import msgspec
from rasa.shared.exceptions import RasaException
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from bot.dialogue.context import current_turn
from bot.dialogue.plain import encode_json

logger = logging.getLogger(__name__)

# The service gives a turn 8 s.
TIMEOUT_S = 6.0
# A restarting action server is back within this; to call again is safe, since effects carry the message's key.
PATIENCE_S = 3.0
PAUSE_S = 0.2
REJECTED = 400


class ActionAnswer(msgspec.Struct):
    """What the action server answers; Rasa checks the same with jsonschema."""

    events: list[dict[str, Any]] = []
    responses: list[dict[str, Any]] = []


class ActionEndpoint(EndpointConfig):  # type: ignore[misc]
    """Rasa's `RemoteAction` calls `request`; each failure is noted in the turn under the action's name, then raised for Rasa to log."""

    def __init__(self, url: str, token: str, *, timeout_s: float = TIMEOUT_S, patience_s: float = PATIENCE_S) -> None:
        super().__init__(url=f"{url}/webhook")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._patience_s = patience_s
        self._session: aiohttp.ClientSession | None = None

    async def request(self, method: str = "post", subpath: str | None = None, **kwargs: Any) -> Any:
        """Run the action named in `json`; raises ClientResponseError for a rejection (400), RasaException for all else."""
        body: dict[str, Any] = kwargs["json"]
        action = body["next_action"]
        try:
            status, answer = await self._post_patiently(body)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._failure(action, type(error).__name__) from error
        if status == REJECTED:
            raise ClientResponseError(status, "the action was rejected", answer)
        if status != 200:
            raise self._failure(action, f"HTTP {status}")
        try:
            return msgspec.to_builtins(msgspec.json.decode(answer, type=ActionAnswer))
        except msgspec.DecodeError as error:
            raise self._failure(action, f"its answer is malformed: {error}") from error

    def _failure(self, action: str, why: str) -> RasaException:
        context = current_turn.get()
        context.fail(action)
        logger.warning("action %s failed in conversation %s: %s", action, context.request.conversation_id, why)
        return RasaException(f"action {action} failed: {why}")

    async def _post_patiently(self, body: dict[str, Any]) -> tuple[int, bytes]:
        give_up_at = time.monotonic() + self._patience_s
        data = encode_json(body)
        while True:
            try:
                return await self._post(data)
            except aiohttp.ClientConnectionError:
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(PAUSE_S)

    async def _post(self, data: bytes) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=self._timeout)
        async with self._session.post(self.url, data=data) as response:
            return response.status, await response.read()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
