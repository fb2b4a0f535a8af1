"""A tiny sentence-transformers model, written by hand: a tokenizer of words, and ONNX that looks up one row a token."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh", "query", ":", *"我要退货订单取消会员查")
ROWS: NDArray[np.float32] = np.random.default_rng(3).normal(size=(len(WORDS), 6)).astype(np.float32)

_FLOAT, _INT64 = 1, 7  # TensorProto.DataType


def write_model(
    folder: Path, *, rows: NDArray[np.float32] = ROWS, files: Mapping[str, Any] | None = None, inputs: Sequence[str] = (), output: str = ""
) -> Path:
    """Write tokenizer.json, onnx/model.onnx and JSON `files`; `inputs` and `output` are the graph's, the usual ones by default."""
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer()), encoding="utf8")
    (folder / "onnx" / "model.onnx").write_bytes(model(rows, inputs or ("input_ids", "attention_mask"), output or "last_hidden_state"))
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf8")
    return folder


def tokenizer() -> dict[str, Any]:
    """Split at spaces and punctuation, Han by character, as BERT does, and put [CLS] and [SEP] around."""
    special = {name: {"id": name, "ids": [WORDS.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")}
    around = [{"SpecialToken": {"id": name, "type_id": 0}} for name in special]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": False,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [around[0], {"Sequence": {"id": "A", "type_id": 0}}, around[1]],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": special,
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: number for number, word in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }


def model(rows: NDArray[np.float32], inputs: Sequence[str], output: str) -> bytes:
    """Return a ModelProto of one node, Gather(rows, first input); the numbers are the fields' in onnx.proto3."""
    tensor = b"".join(_number(1, size) for size in rows.shape) + _number(2, _FLOAT) + _bytes(8, b"rows") + _bytes(9, rows.tobytes())
    node = _bytes(1, b"rows") + _bytes(1, inputs[0].encode()) + _bytes(2, output.encode()) + _bytes(4, b"Gather")
    graph = _bytes(1, node) + _bytes(2, b"tiny") + _bytes(5, tensor)
    graph += b"".join(_bytes(11, _value(name, _INT64, ("n", "length"))) for name in inputs)
    graph += _bytes(12, _value(output, _FLOAT, ("n", "length", rows.shape[1])))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, b"") + _number(2, 13))


def _value(name: str, kind: int, shape: Sequence[str | int]) -> bytes:
    sizes = b"".join(_bytes(1, _number(1, size) if isinstance(size, int) else _bytes(2, size.encode())) for size in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, sizes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])
