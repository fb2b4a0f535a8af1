"""A model's folder as sentence-transformers lays it out: what is in it, and what of that we can do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.errors import SettingError

POOLINGS = ("cls", "mean", "max")
_ONNX = ("onnx/model.onnx", "model.onnx")
_MODULES = ("Transformer", "Pooling", "Normalize")
_LONGEST = 512  # tokens, where the folder does not say: what BERT and its kin have learned places for
_PLACES_BEFORE_TEXT = {"roberta": 2, "xlm-roberta": 2, "camembert": 2}  # their positions begin after that of padding


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """What a folder says about its model."""

    path: Path
    onnx: Path | None  # the weights for onnxruntime; else `weights` are for PyTorch
    weights: tuple[Path, ...]
    tokenizer: Path
    pooling: str  # one of POOLINGS
    max_tokens: int
    prompt: str  # goes before every text
    lower_case: bool
    other_modules: tuple[str, ...]  # layers after pooling that only the model's own output has gone through

    def checksum(self) -> str:
        """Return 16 hexadecimal digits of all that makes the vectors, wherever the folder lies."""
        described = {
            path for path in self.path.rglob("*.json") if not any(part.startswith(".") for part in path.relative_to(self.path).parts)
        }
        files = sorted({*described, self.tokenizer, *self.weights} & set(self.path.rglob("*")))
        return _checksum(self.path, tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files))


def read_folder(path: Path) -> ModelFolder:
    """Read what the folder holds; SettingError names what is missing or what we cannot do."""
    modules = _read_json(path / "modules.json", [])
    kinds = {module["type"].rpartition(".")[2]: path / module["path"] for module in modules}
    transformer = kinds.get("Transformer", path)
    onnx = next((base / name for base in (transformer, path) for name in _ONNX if (base / name).is_file()), None)
    sentence = _read_json(transformer / "sentence_bert_config.json", {})
    return ModelFolder(
        path=path,
        onnx=onnx,
        weights=_onnx_files(onnx) if onnx else _torch_files(path, transformer),
        tokenizer=transformer / "tokenizer.json",
        pooling=_pooling(kinds.get("Pooling", path / "1_Pooling") / "config.json"),
        max_tokens=sentence.get("max_seq_length") or _places(transformer),
        prompt=_prompt(path / "config_sentence_transformers.json"),
        lower_case=bool(sentence.get("do_lower_case")),
        other_modules=tuple(kind for kind in kinds if kind not in _MODULES),
    )


def contents(path: Path) -> str:
    """Name what a folder holds, for an error."""
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    return ", ".join(names[:20]) + (" …" if len(names) > 20 else "") or "nothing"


def _onnx_files(onnx: Path) -> tuple[Path, ...]:
    """The graph, and its weights where they are in files of their own because they are large."""
    return tuple(sorted(file for file in onnx.parent.glob("*") if file == onnx or file.name.startswith(("model.onnx_", "model.onnx."))))


def _torch_files(path: Path, transformer: Path) -> tuple[Path, ...]:
    found = [file for base in {path, transformer} for kind in ("*.safetensors", "pytorch_model*.bin") for file in base.glob(kind)]
    if not found:
        raise SettingError(f"the encoder's folder {path} has no onnx/model.onnx, model.onnx or *.safetensors; it holds {contents(path)}")
    return tuple(sorted(found))


def _pooling(file: Path) -> str:
    config = _read_json(file, {})
    flags = {"cls_token": "cls", "mean_tokens": "mean", "mean_sqrt_len_tokens": "mean", "max_tokens": "max"}  # root or not: same direction
    wanted = [key.removeprefix("pooling_mode_") for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    if isinstance(config.get("pooling_mode"), str):
        wanted = [config["pooling_mode"]]
    chosen = {flags.get(name, name) for name in wanted} or {"mean"}
    if len(chosen) > 1 or not chosen <= set(POOLINGS):
        raise SettingError(f"{file} asks for pooling by {' and '.join(sorted(chosen))}; allowed is one of {', '.join(POOLINGS)}")
    return str(chosen.pop())


def _places(transformer: Path) -> int:
    config = _read_json(transformer / "config.json", {})
    places = int(config.get("max_position_embeddings", _LONGEST)) - _PLACES_BEFORE_TEXT.get(config.get("model_type", ""), 0)
    named = int(_read_json(transformer / "tokenizer_config.json", {}).get("model_max_length", places))
    return min(places, named, _LONGEST)


def _prompt(file: Path) -> str:
    config = _read_json(file, {})
    prompts = config.get("prompts") or {}
    name = config.get("default_prompt_name") or "query"
    return str(prompts.get(name, ""))


def _read_json(file: Path, default: Any) -> Any:
    """Read a file of the folder; one that is not there says nothing."""
    if not file.is_file():
        return default
    try:
        value = json.loads(file.read_text(encoding="utf8"))
    except ValueError as error:
        raise SettingError(f"{file} is not JSON: {error}") from error
    if not isinstance(value, type(default)):
        raise SettingError(f"{file} must hold a JSON {'list' if isinstance(default, list) else 'object'}")
    return value


@lru_cache(maxsize=8)
def _checksum(folder: Path, files: tuple[tuple[Path, int, int], ...]) -> str:
    """Sizes and times are in the key only, so that a changed file is read again."""
    digest = hashlib.sha256()
    for path, _, _ in files:
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").digest()
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + own)
    return digest.hexdigest()[:16]
