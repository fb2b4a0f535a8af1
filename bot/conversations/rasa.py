"""Rasa as a function: one message in, replies out."""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec

from bot.conversations.fair import FairPlaces
from bot.errors import ServiceError
from bot.messages import Turn, TurnRequest

# Rasa has one processor: with more under way it is no faster, and everybody's answer comes when the last one's does. Some of them
# may wait for the shop meanwhile.
AT_ONCE = 16
SHARE = 4  # above as many one caller gets a place only while others still find one


class RasaAway(ServiceError):
    """Rasa is down, restarting or has no model: worth asking again."""


class RasaLate(ServiceError):
    """Rasa took the message and did not answer in time."""


class RasaFailed(ServiceError):
    """Rasa answered with an error or with something that is no turn."""


class RasaClient:
    def __init__(self, url: str, *, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._session: aiohttp.ClientSession | None = None
        self._places = FairPlaces(AT_ONCE, share=SHARE)

    async def respond(self, request: TurnRequest, *, caller: str, timeout_s: float) -> Turn:
        """Return what the bot makes of the message; asking again with the same message id gives the recorded answer.

        Customers beyond `AT_ONCE` wait within the same time: callers take turns, each one's messages go in the order of coming.
        Raises RasaAway, RasaLate or RasaFailed.
        """
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._places.held_by(caller),
                self._open().post(
                    f"{self._url}/webhooks/yingda/turn",
                    data=msgspec.json.encode(request),
                    headers=self._headers,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response,
            ):
                body = await response.read()
        except TimeoutError as error:
            raise RasaLate(f"Rasa has not answered message {request.message_id} within {timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise RasaAway(f"Rasa at {self._url} cannot be reached: {error}") from error
        if response.status == 503:
            raise RasaAway(f"Rasa at {self._url} has no model loaded")
        if response.status != 200:
            raise RasaFailed(
                f"Rasa answered message {request.message_id} with status {response.status}: {body[:300].decode(errors='replace')}"
            )
        try:
            return msgspec.json.decode(body, type=Turn)
        except msgspec.MsgspecError as error:
            raise RasaFailed(f"Rasa's answer to message {request.message_id} is no turn: {error}") from error

    async def model_id(self) -> str | None:
        """Return the id of the loaded model; None while there is none or Rasa is away."""
        try:
            async with self._open().get(f"{self._url}/status", headers=self._headers, timeout=aiohttp.ClientTimeout(total=2)) as response:
                status = await response.json(content_type=None) if response.status == 200 else {}
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
            return None
        return status.get("model") or None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
