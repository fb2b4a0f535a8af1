"""JSON interfaces into chunks of texts: page by page, from where the last run ended, again after what may pass."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec
import tenacity

from bot.customers.ingest.mapping import Http, Source
from bot.customers.ingest.readers import Opened, cell_text, dig, fields_of, gathered
from bot.errors import InputError, ServiceError, SettingError
from bot.ids import utcnow

LARGEST_PAGE = 50 * 2**20  # bytes
PAGE_TIMEOUT_S = 60
TRIES = 6
LONGEST_WAIT_S = 60.0
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may be another one next time


class _Passing(ServiceError):
    """A failure that may pass; the other side may have said when to come back."""

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Page:
    body: bytes
    link: str  # of the header Link, rel="next"


def open_http(source: Source, since: str, *, first_wait_s: float = 1.0) -> Opened:
    """Open an interface from the cursor of the last run on.

    The facts get the pages' checksum and the next cursor once all is read. Raises SettingError for an address that is not https or a token
    that is not in the environment, ServiceError when the other side does not answer, InputError for an answer of another form.
    """
    http = source.http
    assert http is not None
    _check_address(http.url)
    headers = {"Accept": "application/json", **_authorization(http)}
    facts: dict[str, Any] = {"pages": 0}
    records = _records(http, since, headers, facts, first_wait_s)
    rows = ((number, fields_of(record, source.columns)) for number, record in enumerate(records, start=1))
    return Opened(gathered(rows, list(source.columns)), facts, lambda: 0.5)


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise SettingError(f"{parts.scheme}://{parts.hostname} is not https; personal data is read over https only, or from this machine")


def _authorization(http: Http) -> dict[str, str]:
    if not http.token_env:
        return {}
    token = os.environ.get(http.token_env, "")
    if not token:
        raise SettingError(f"the environment variable {http.token_env} is empty; the mapping takes the bearer token from it")
    return {"Authorization": f"Bearer {token}"}


def _records(http: Http, since: str, headers: dict[str, str], facts: dict[str, Any], first_wait_s: float) -> Iterator[dict[str, Any]]:
    """Yield the records of all pages; keep what the next run begins with in the facts."""
    digest, newest = hashlib.sha256(), since
    url, parameters = http.url, {**http.parameters, **_first(http)}
    if since and http.since_parameter:
        parameters[http.since_parameter] = since
    with asyncio.Runner() as runner:
        session = runner.run(_session(headers))
        try:
            for _ in range(http.most_pages):
                page = runner.run(_fetch(session, url, parameters, first_wait_s))
                digest.update(page.body)
                facts["pages"] += 1
                answer, records = _parsed(page, http)
                for record in records:
                    newest = _later(newest, cell_text(dig(record, http.since_field)) if http.since_field else None)
                    yield record
                following = _following(http, page, answer, records, url, parameters, facts["pages"])
                if following is None:
                    break
                url, parameters = following
            else:
                raise InputError(f"{http.url} has more than {http.most_pages} pages; raise most_pages in the mapping")
        finally:
            runner.run(session.close())
    facts.update({"checksum": digest.hexdigest(), "cursor": newest})


def _later(newest: str, found: str | None) -> str:
    """Return the later of two cursors; numbers are compared as numbers."""
    if not found or not newest:
        return found or newest
    if found.isdigit() and newest.isdigit():
        return max(newest, found, key=int)
    return max(newest, found)


def _first(http: Http) -> dict[str, str]:
    paging = http.paging
    sized = {paging.size_parameter: str(paging.size)} if paging.size_parameter else {}
    return {**sized, **({paging.parameter: str(paging.first)} if paging.by == "page" else {})}


async def _session(headers: dict[str, str]) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=PAGE_TIMEOUT_S))


async def _fetch(session: aiohttp.ClientSession, url: str, parameters: dict[str, str], first_wait_s: float) -> Page:
    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_s if isinstance(error, _Passing) else None
        backed_off = first_wait_s * 2 ** (state.attempt_number - 1) * random.uniform(0.5, 1.5)  # noqa: S311 jitter, no secret
        return min(LONGEST_WAIT_S, backed_off if asked is None else asked)

    tries = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(_Passing), wait=wait, stop=tenacity.stop_after_attempt(TRIES), reraise=True
    )
    page: Page = await tries(_fetch_once, session, url, parameters)
    return page


async def _fetch_once(session: aiohttp.ClientSession, url: str, parameters: dict[str, str]) -> Page:
    where = f"{urlsplit(url).hostname}{urlsplit(url).path}"
    try:
        async with session.get(url, params=parameters, allow_redirects=False) as response:
            if response.status in PASSING:
                raise _Passing(f"{where} answers {response.status}", wait_s=_retry_after(response.headers.get("Retry-After")))
            if response.status != 200:
                raise ServiceError(f"{where} answers {response.status}; check url, parameters and token in the mapping", permanent=True)
            body = bytearray()
            async for part in response.content.iter_chunked(1 << 16):
                body += part
                if len(body) > LARGEST_PAGE:
                    raise InputError(f"a page of {where} is larger than {LARGEST_PAGE >> 20} MB; ask for smaller pages with size:")
            following = response.links.get("next")
            return Page(bytes(body), str(following["url"]) if following else "")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _Passing(f"{where} does not answer: {type(error).__name__}") from error


def _retry_after(text: str | None) -> float | None:
    """Return the seconds that the header asks for, as a number or as a date."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - utcnow()).total_seconds())
    except (TypeError, ValueError):
        return None


def _parsed(page: Page, http: Http) -> tuple[Any, list[dict[str, Any]]]:
    where = http.records or "the answer"
    try:
        answer = msgspec.json.decode(page.body)
    except msgspec.DecodeError as error:
        raise InputError(f"{urlsplit(http.url).hostname} does not answer in JSON") from error
    records = dig(answer, http.records) if http.records else answer
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise InputError(f"{where} is no list of objects; say in the mapping under records: where the list is")
    return answer, records


def _following(
    http: Http, page: Page, answer: Any, records: list[Any], url: str, parameters: dict[str, str], pages: int
) -> tuple[str, dict[str, str]] | None:
    """Return the next page's address and parameters, or None after the last."""
    paging = http.paging
    told = cell_text(dig(answer, paging.next)) if paging.next else ""
    if paging.by == "page":
        more = bool(records) and (not paging.size_parameter or len(records) >= paging.size)
        return (url, {**parameters, paging.parameter: str(paging.first + pages)}) if more else None
    if paging.by == "cursor":
        return (url, {**parameters, paging.parameter: told}) if told and told != parameters.get(paging.parameter) else None
    link = told or page.link
    if paging.by != "link" or not link:
        return None
    there = urljoin(url, link)
    if urlsplit(there)[:2] != urlsplit(http.url)[:2]:
        raise InputError(f"the next page is on {urlsplit(there).netloc!r}, another host; the token is not sent there")
    return there, {}
