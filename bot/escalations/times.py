"""How long things may take, by the table in times.yml."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def table() -> dict[str, Any]:
    return dict(yaml.safe_load((Path(__file__).parent / "times.yml").read_text(encoding="utf8")))


@dataclass(frozen=True)
class FirstReply:
    """What happens when an agent claims and does not write."""

    within: timedelta
    not_again_for: timedelta
    returns: int


def first_reply() -> FirstReply:
    rule = table()["first_reply"]
    return FirstReply(timedelta(minutes=rule["within"]), timedelta(minutes=rule["not_again_for"]), rule["returns"])
