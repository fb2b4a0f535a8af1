"""A small project of its own: two intents, two entities, our pipeline's words and rules."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOMAIN = """version: "3.1"
intents:
- order_status
- return_item: {use_entities: []}
- nlu_fallback
entities: [product, date, city]
"""

Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """`project(zh="…", en="…")`: a root whose only files of examples hold these texts."""

    def make(zh: str = "", en: str = "") -> Path:
        for name in ("nlu_data/lookups", "nlu_data/jieba"):
            shutil.copytree(ROOT / name, tmp_path / name)
        shutil.copyfile(ROOT / "config.yml", tmp_path / "config.yml")
        (tmp_path / "domain.yml").write_text(DOMAIN, encoding="utf8")
        for language, written in (("zh", zh), ("en", en)):
            file = tmp_path / "nlu_data" / "nlu" / language / "orders.yml"
            file.parent.mkdir(parents=True)
            file.write_text(written, encoding="utf8")
        return tmp_path

    return make


def examples(intent: str, *lines: str) -> str:
    """Write a file of one intent; its first example stands in line 5."""
    return f'version: "3.1"\nnlu:\n- intent: {intent}\n  examples: |\n' + "".join(f"    - {line}\n" for line in lines)
