"""Loaded by a child's Python before anything else: the words DIE and EAT as a mail's text do that to its reader."""

from __future__ import annotations

import os
import signal

import bot.channels.mail_reading as reading

_known = reading.without_quotes


def _breaks(text: str) -> str:
    if text == "DIE":
        os.kill(os.getpid(), signal.SIGSEGV)
    if text == "EAT":
        return "x" * 10**9
    return _known(text)


reading.without_quotes = _breaks
