"""Files of labelled messages: read as they are, refused with the place of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import InputError
from bot.nlu.quality.rows import Row, read_rows


def test_rows_have_the_stated_or_the_detected_language(tmp_path: Path) -> None:
    file = tmp_path / "rows.tsv"
    file.write_text("﻿我要退货\treturn_item\n\nwhere is it\torder_status\ten-US\r\n我的 order\torder_status\n", encoding="utf8")

    assert read_rows(file) == [
        Row("我要退货", "return_item", "zh"),
        Row("where is it", "order_status", "en"),
        Row("我的 order", "order_status", "mixed"),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no rows"),
        (b"hello\tgreet\nno intent here\n", "rows.tsv:2: 'no intent here' has 1 column(s)"),
        (b"hello\tgreet\n\tgreet\n", "rows.tsv:2"),
        (b"a\tb\tzh\textra\n", "4 column(s)"),
        (b"hello\tgreet\tklingon\n", "the language is 'klingon'; allowed are zh, en, mixed, other"),
        ("我要退货\treturn".encode("gb18030"), "is not UTF-8 (byte 0); save it as UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "rows.tsv"
    file.write_bytes(content)

    with pytest.raises(InputError) as error:
        read_rows(file)

    assert told in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_rows(tmp_path / "missing.tsv")
