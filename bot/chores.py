"""What the worker does again and again, and the children that it starts for long work."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable

import sqlalchemy as sa

from bot.errors import BotError
from bot.redis import REDIS_DOWN

CHILD_LIMIT_S = 3600.0

log = logging.getLogger(__name__)


async def every(seconds: float, chore: Callable[[], Awaitable[None]], *, after_s: float = 0.0) -> None:
    """Run a chore for ever; what goes wrong is logged and tried again with the next round."""
    await asyncio.sleep(after_s)
    while True:
        try:
            await chore()
        except (BotError, sa.exc.SQLAlchemyError, *REDIS_DOWN) as error:
            log.warning("%s will be tried again: %s", chore.__name__, type(error).__name__)
        await asyncio.sleep(seconds)


async def child(module: str, *arguments: str) -> int:
    """Run a module to its end and return its exit code; it ends with us, or when it takes far too long."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments)
    try:
        return await asyncio.wait_for(process.wait(), CHILD_LIMIT_S)
    except TimeoutError:
        return 1
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
