"""Reading mails in a child process: whatever a mail does to its reader, the worker and the other mails go on.

`python -m bot.channels.mail_apart` is the child: it reads mails from its standard input and writes a line for each. A mail that kills it,
or takes all the time it is given, is read once more by its head only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import resource
import signal
import sys
import time

import msgspec

from bot.channels.mail_reading import Mail, read_head, read_mail
from bot.channels.vendor import Reason
from bot.errors import InputError, TransportError

MAIL_CPU_S = 3  # whole seconds, all that the kernel counts; a mail takes milliseconds
MAIL_WALL_S = 30.0  # of a child that gets no processor, or hangs
MOST_MEMORY = 384 * 1024 * 1024  # bytes of address space; the child begins with a tenth
LONGEST_LINE = 8 * 1024 * 1024
LONGEST_MAIL = 1_000_000  # bytes that are read of one; what its text is nearly always begins it
READY = b"ready\n"
# What Python needs to start and to find its modules. Keys, passwords and addresses of the worker are none of a mail's business.
_PYTHONS = ("PYTHONPATH", "PYTHONHOME", "PYTHONUTF8", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
NEEDED = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", *_PYTHONS})

log = logging.getLogger(__name__)


class Found(msgspec.Struct, frozen=True):
    """One mail as it lies in the mailbox."""

    uid: int
    at: float  # when it came, seconds since 1970
    size: int
    raw: bytes = b""


class Read(msgspec.Struct, frozen=True):
    """One mail as it was read; none, and why, where it is left out."""

    uid: int
    mail: Mail | None = None
    left_out: str = ""


async def read_apart(found: list[Found], *, validity: str) -> list[Read]:
    """Return the mails in their order; TransportError when no child can be started."""
    done: list[Read] = []
    while len(done) < len(found):
        done += await _read_on(found[len(done) :], validity)
        if len(done) < len(found):
            broke = found[len(done)]
            log.warning("mail %d could not be read, and is taken by its head", broke.uid)
            done.append(_guarded(broke, validity, head=True))
    return done


async def _read_on(found: list[Found], validity: str) -> list[Read]:
    """Return the mails that a child has read before one broke it."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.channels.mail_apart", validity),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
        env={name: value for name, value in os.environ.items() if name in NEEDED},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    done: list[Read] = []
    try:
        if not await _is_ready(child.stdout):
            raise TransportError("the reader of mails does not start", reason=Reason.UNREACHABLE, retry_after_s=60)
        child.stdin.write(msgspec.msgpack.encode(found))
        child.stdin.write_eof()
        while len(done) < len(found):
            line = await asyncio.wait_for(child.stdout.readline(), MAIL_WALL_S)
            if not line.endswith(b"\n"):
                break
            done.append(msgspec.json.decode(line, type=Read))
    except (TimeoutError, OSError) as error:
        log.warning("the reader of mails is stopped: %s", type(error).__name__)
    finally:
        if child.returncode is None and len(done) < len(found):
            _kill(child)
        ended = await child.wait()
    if len(done) < len(found) and ended in {-signal.SIGTERM, -signal.SIGINT}:  # somebody ended it, no mail
        raise TransportError("the reader of mails was ended", reason=Reason.UNREACHABLE, retry_after_s=5)
    return done


async def _is_ready(out: asyncio.StreamReader) -> bool:
    """Say whether the child has started; that it has not is no mail's fault."""
    try:
        return await asyncio.wait_for(out.readline(), MAIL_WALL_S) == READY
    except TimeoutError:
        return False


def _kill(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.kill()


def _guarded(found: Found, validity: str, *, head: bool = False) -> Read:
    place = f"{validity}:{found.uid}"
    try:
        mail = read_head(found.raw, place=place) if head else read_mail(found.raw, place=place, whole=found.size <= LONGEST_MAIL)
        msgspec.json.encode(mail)
    except InputError as error:
        return Read(found.uid, left_out=str(error))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        return Read(found.uid, left_out=type(error).__name__) if head else _guarded(found, validity, head=True)
    return Read(found.uid, mail)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = sys.stdout.buffer
    out.write(READY)
    out.flush()
    for found in msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[Found]):
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + MAIL_CPU_S, hard))
        out.write(msgspec.json.encode(_guarded(found, sys.argv[1])) + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
