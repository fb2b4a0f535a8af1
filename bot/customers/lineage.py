"""Which code did it, for pipeline_runs."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def code_version() -> str:
    """Return the installed version, with the commit where the code is a checkout."""
    git = Path(__file__).parents[2] / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="utf8").strip()
        commit = (git / head.removeprefix("ref: ")).read_text(encoding="utf8").strip() if head.startswith("ref: ") else head
    except OSError:
        commit = ""
    return "+".join(part for part in (metadata.version("yingda"), commit[:12]) if part)
