"""Plain JSON values out of what Rasa and its models hand around."""

from __future__ import annotations

from typing import Any

import msgspec


def plain(value: Any) -> Any:
    """Return the value as Python's own strings, numbers, lists and dicts; numpy's become these."""
    return msgspec.to_builtins(value, enc_hook=_numpy)


def encode_json(value: Any) -> bytes:
    return msgspec.json.encode(value, enc_hook=_numpy)


def _numpy(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise NotImplementedError(f"a {type(value).__name__} is not JSON")
