"""Write a network as ONNX, which onnxruntime runs. The package onnx would do it as well, for 30 MB in every process that encodes."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

MICROSOFT = "com.microsoft"  # onnxruntime's own operators: quantised and fused ones
_IR_VERSION, _OPSET, _MICROSOFT_OPSET = 8, 17, 1
_FLOAT = 1
_TYPES = {"float32": _FLOAT, "uint8": 2, "int8": 3, "int64": 7}  # of TensorProto
_FLOAT_ATTRIBUTE, _INTEGER_ATTRIBUTE = 1, 2  # of AttributeProto


class Graph:
    """Nodes and constants in the order in which they were added; all numbers here are the fields' in onnx.proto3."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add `values` and return `name`."""
        sizes = b"".join(_number(1, size) for size in values.shape)
        kind = _number(2, _TYPES[str(values.dtype)])
        self._constants.append(sizes + kind + _bytes(8, name.encode()) + _bytes(9, np.ascontiguousarray(values).tobytes()))
        return name

    def node(self, operator: str, inputs: list[str], outputs: list[str], *, domain: str = "", **attributes: float) -> str:
        """Add an operator; return the name of its first output. An attribute is a float or an int, as the operator wants it."""
        names = b"".join(_bytes(1, name.encode()) for name in inputs) + b"".join(_bytes(2, name.encode()) for name in outputs)
        given = b"".join(_bytes(5, _attribute(name, value)) for name, value in attributes.items())
        self._nodes.append(names + _bytes(4, operator.encode()) + given + _bytes(7, domain.encode()))
        return outputs[0]

    def parts(self, source: str, result: str, width: int, result_width: int) -> list[bytes]:
        """Return the ModelProto in pieces: from `source`, floats (1, length, `width`), to `result`, (1, length, `result_width`)."""
        fields = [_bytes(1, node) for node in self._nodes] + [_bytes(2, b"encoder")]
        for constant in self._constants:  # the large ones are not copied
            fields += [_head(5, len(constant)), constant]
        fields += [_bytes(11, _place(source, width)), _bytes(12, _place(result, result_width))]
        versions = _bytes(8, _bytes(1, b"") + _number(2, _OPSET))
        versions += _bytes(8, _bytes(1, MICROSOFT.encode()) + _number(2, _MICROSOFT_OPSET))
        return [_number(1, _IR_VERSION) + versions + _head(7, sum(map(len, fields))), *fields]


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _bytes(1, name.encode()) + _number(3, value) + _number(20, _INTEGER_ATTRIBUTE)
    return _bytes(1, name.encode()) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, _FLOAT_ATTRIBUTE)


def _place(name: str, width: int) -> bytes:
    shape = b"".join(_bytes(1, size) for size in (_number(1, 1), _bytes(2, b"length"), _number(1, width)))
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, shape)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _head(field, len(value)) + value


def _head(field: int, length: int) -> bytes:
    return _varint(field << 3 | 2) + _varint(length)


def _varint(value: int) -> bytes:
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])
