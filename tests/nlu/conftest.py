"""Rasa without TensorFlow, as the serving process has it: importing that takes longer than all of these tests."""

from __future__ import annotations

from bot.dialogue.light import TENSORFLOW, leave_out

leave_out(TENSORFLOW)
