"""Files that agents send, and addresses of ours for them: open to whoever has one, for a month, made up by nobody.

A website's customer and the vendors that fetch files by themselves have no log-in here; the address is their key.
"""

from __future__ import annotations

import hmac
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.files import SentFile
from bot.channels.media import load
from bot.crypto import Cipher
from bot.database.channels import media

PREFIX = "/files/"
DAY_S = 86_400
DAYS = 30

_COLUMN = "media.address"


class Shares:
    def __init__(self, cipher: Cipher, public_url: str) -> None:
        self._cipher = cipher
        self._begin = public_url.rstrip("/") + PREFIX

    def url(self, media_id: str, name: str, *, now: float) -> str:
        """Return the address; it is the same for a whole day, so that what shows it need not fetch it again. `now`: seconds since 1970."""
        until = int(now / DAY_S) + DAYS
        return f"{self._begin}{media_id}.{until}.{self._cipher.index(f'{media_id}.{until}', column=_COLUMN)[:32]}/{quote(name, safe='')}"

    def media_id(self, key: str, *, now: float) -> str:
        """Return the file that an address is good for; empty for one that is too old or not ours."""
        media_id, _, rest = key.partition(".")
        until, _, signature = rest.partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) < 8 and int(until) * DAY_S >= now):
            return ""
        ours = self._cipher.indexes(f"{media_id}.{until}", column=_COLUMN)
        return media_id if any([hmac.compare_digest(signature.encode(), each[:32].encode()) for each in ours]) else ""

    async def file(self, connection: AsyncConnection, message_id: str, *, now: float) -> SentFile | None:
        """Return the file that goes with an agent's message; None when it was deleted meanwhile."""
        media_id = (await connection.execute(sa.select(media.c.id).where(media.c.message_id == message_id))).scalar_one_or_none()
        kept = await load(connection, self._cipher, media_id) if media_id else None
        return SentFile(kept.name, kept.mime, kept.data, self.url(str(media_id), kept.name, now=now)) if kept else None
