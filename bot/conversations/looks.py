"""What agents look at beside their own work stands in the audit log: others' conversations, the files in them, searches."""

from __future__ import annotations

from bot.conversations.accounts import audit
from bot.conversations.window import Window
from bot.database import Database

AGAIN_S = 3600  # a desk reads the same again and again: one line an hour says it


class Looks:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted = Window(AGAIN_S)

    async def at_conversation(self, agent_id: str, conversation_id: str, *, owner: str | None, media_id: str = "") -> None:
        """Note that an agent reads a conversation, or opens a file of it, before it is given; nothing where it is theirs, or was last."""
        if owner == agent_id:
            return
        look = f"{agent_id} {media_id or conversation_id}"
        if not self._noted.of(look):
            what = {"media": media_id} if media_id else {}
            await self._note(agent_id, "open_file" if media_id else "read", f"conversation:{conversation_id}", **what)
            self._noted.add(look)

    async def by_search(self, agent_id: str, *, found: int) -> None:
        """Note a search in all conversations; what was looked for may be personal, and is not kept."""
        await self._note(agent_id, "search", "conversations", found=found)

    async def _note(self, agent_id: str, action: str, subject: str, **details: object) -> None:
        async with self._database.write() as connection:
            await audit(connection, actor=f"agent:{agent_id}", action=action, subject=subject, **details)
