"""Rasa without TensorFlow, as the serving process has it: importing that takes longer than all of these tests."""

from __future__ import annotations

import sys

from bot.dialogue.light import TENSORFLOW, StandIns

sys.meta_path.insert(0, StandIns(TENSORFLOW - set(sys.modules)))
