"""Signed calls to a company's shop: time-outs, retries of what is temporary, and answers or errors that mean something here."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential
from yarl import URL

from bot.errors import BotError, NotFoundError, ServiceError, SettingError
from bot.shop.protocol import Refusal, ShopRefusal
from bot.shop.signing import sign

logger = logging.getLogger(__name__)

# Three tries of two seconds fit into the eight seconds that a customer waits for a turn.
TIMEOUT_S = 2.0
ATTEMPTS = 3
BACKOFF_S = 0.15
MOST_BYTES = 1_000_000  # of an answer
TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})

T = TypeVar("T")


class Problem(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""
    reason: str = ""


class ProblemBody(msgspec.Struct, frozen=True):
    error: Problem = Problem()


@dataclass(frozen=True)
class Request:
    """One call; `path` holds quoted pieces only (see `path`)."""

    method: str
    path: str
    body: bytes = b""
    idempotency_key: str = ""


def path(*pieces: str, query: Sequence[tuple[str, str]] = ()) -> str:
    """Join pieces, which may come from a customer's text, into a path that none of them can leave."""
    if any(piece in {"", ".", ".."} for piece in pieces):
        raise NotFoundError(f"there is nothing at {'/'.join(pieces)!r}")
    return "/" + "/".join(quote(piece, safe="") for piece in pieces) + ("?" + urlencode(query, quote_via=quote) if query else "")


class ShopClient:
    """One process's connections to the company's shop."""

    def __init__(
        self, url: str, secret: str, *, timeout_s: float = TIMEOUT_S, attempts: int = ATTEMPTS, backoff_s: float = BACKOFF_S
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
            raise SettingError(f"SHOP_URL is {url!r}; it must be like https://shop.example/yingda")
        if not secret:
            raise SettingError("SHOP_SECRET is empty; requests to SHOP_URL are signed with it")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._base = parts.path.rstrip("/")
        self._secret = secret
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._attempts = attempts
        self._backoff_s = backoff_s
        self._session: aiohttp.ClientSession | None = None

    async def get(self, kind: type[T], *pieces: str, query: Sequence[tuple[str, str]] = ()) -> T:
        return _parsed(await self._call(Request("GET", path(*pieces, query=query))), kind)

    async def send(self, kind: type[T], method: str, *pieces: str, body: Mapping[str, Any] | None = None, idempotency_key: str = "") -> T:
        request = Request(method, path(*pieces), msgspec.json.encode(body or {}), idempotency_key)
        return _parsed(await self._call(request), kind)

    async def reachable(self) -> bool:
        """Ask once, without retries, whether the shop says that it is well."""
        try:
            await self._once(Request("GET", "/health"))
        except BotError:
            return False
        return True

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(self, request: Request) -> bytes:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._attempts),
            wait=wait_random_exponential(multiplier=self._backoff_s, max=1),
            retry=retry_if_exception(_is_temporary),
            before_sleep=_log_retry,
            reraise=True,
        )
        return await retrying(self._once, request)

    async def _once(self, request: Request) -> bytes:
        """Sign, send and read; each try has a signature of its own time, and the same idempotency key."""
        target = self._base + request.path
        headers = {"Accept": "application/json", **sign(self._secret, request.method, target, int(time.time()), request.body)}
        if request.body:
            headers["Content-Type"] = "application/json"
        if request.idempotency_key:
            headers["Idempotency-Key"] = request.idempotency_key
        try:
            async with self._open().request(
                request.method, URL(self._origin + target, encoded=True), data=request.body or None, headers=headers, allow_redirects=False
            ) as response:
                answer = await response.content.read(MOST_BYTES + 1)
                while len(answer) <= MOST_BYTES and (more := await response.content.read(MOST_BYTES)):
                    answer += more
                _check(request, response.status, answer)
                return answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServiceError(f"the shop did not answer {request.method} {_without_query(request)}: {type(error).__name__}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _check(request: Request, status: int, answer: bytes) -> None:
    if status in {200, 201} and len(answer) <= MOST_BYTES:
        return
    what = f"{request.method} {_without_query(request)}"
    problem = _problem(answer)
    if status == 404:
        raise NotFoundError(f"the shop has nothing at {what}")
    if status == 409 and problem.code == "in_progress":
        raise ServiceError(f"the shop is still busy with an earlier {what}")
    if status == 409 and problem.reason in set(Refusal):
        raise ShopRefusal(Refusal(problem.reason), problem.message[:300] or f"the shop refused {what}: {problem.reason}")
    detail = f"{problem.code} {problem.reason}".strip() or "no reason that we know"
    raise ServiceError(f"the shop answered {what} with {status} ({detail[:100]})", permanent=status not in TEMPORARY)


def _problem(answer: bytes) -> Problem:
    try:
        return msgspec.json.decode(answer, type=ProblemBody).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem()


def _parsed(answer: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServiceError(f"the shop's answer is not what openapi.yaml describes: {error}", permanent=True) from error


def _without_query(request: Request) -> str:
    return request.path.partition("?")[0]


def _is_temporary(error: BaseException) -> bool:
    return isinstance(error, ServiceError) and not error.permanent


def _log_retry(state: RetryCallState) -> None:
    logger.warning("asking the shop again after try %s: %s", state.attempt_number, state.outcome.exception() if state.outcome else "")
