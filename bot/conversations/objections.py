"""A customer who objects to being profiled: plain words of objections.yml, which lead to a person and not to the bot.

The right is the customer's whatever the bot makes of the words, so no model decides; an agent sees to it that it is meant.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml

from bot.languages import notice
from bot.messages import HandOff, HandoffReason, Message, Reply, Turn

LONGEST = 200  # characters; in more there is more to answer than an objection


def is_objection(text: str) -> bool:
    folded = text.casefold().replace("\u2019", "'")
    return len(text) <= LONGEST and any(pattern.search(folded) for pattern in _patterns())


def objection_turn(message: Message) -> Turn:
    """Answer that a colleague sees to it, and hand over with what the agent is to do."""
    language = message.language
    hand_off = HandOff(reason=HandoffReason.CUSTOMER_REQUEST, topic="account", summary=notice("summary_objection", language))
    return Turn(message_id=message.id, replies=[Reply(text=notice("objection", language))], hand_off=hand_off)


@cache
def _patterns() -> list[re.Pattern[str]]:
    words = yaml.safe_load((Path(__file__).parent / "objections.yml").read_text(encoding="utf8"))
    return [re.compile(f"(?:{one['stop']})[^。！？!?;；\\n]{{0,{one['between']}}}?(?:{one['what']})") for one in words.values()]
